import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

export interface TextStream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Where a command speaks: results to standard output, what it is doing to standard error. */
export interface Terminal {
  /** Whether a person watches standard error: progress bars are drawn only then. */
  readonly isWatched: boolean
  readonly columns: number
  result(line: string): void
  say(line: string): void
  /** Raw text to standard error, for what redraws itself. */
  draw(text: string): void
  /** Colours, unless NO_COLOR is set or nobody watches. */
  style(format: Format, text: string): string
}

export const terminalOf = (
  { stdout, stderr }: { stdout: TextStream; stderr: TextStream },
  env: Readonly<Record<string, string | undefined>>,
): Terminal => {
  const isWatched = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI
  const isColourful = stdout.isTTY === true && isWatched && !env.NO_COLOR
  return {
    isWatched,
    get columns() {
      return stderr.columns ?? 80
    },
    result: line => void stdout.write(`${line}\n`),
    say: line => void stderr.write(`${line}\n`),
    draw: text => void stderr.write(text),
    style: (format, text) => (isColourful ? styleText(format, text, { validateStream: false }) : text),
  }
}
