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
  /** Raw text to standard error. */
  write(text: string): void
  /** Keeps rows below whatever else is said, redrawing them in place. For a watched terminal only. */
  pin(rows: readonly string[]): void
  /** Leaves the pinned rows as they are. */
  unpin(): void
  /** Colours, unless NO_COLOR is set or nobody watches. */
  style(format: Format, text: string): string
}

export const terminalOf = (
  { stdout, stderr }: { stdout: TextStream; stderr: TextStream },
  env: Readonly<Record<string, string | undefined>>,
): Terminal => {
  const isWatched = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI
  let pinned: readonly string[] = []
  const erase = () => (pinned.length === 0 ? '' : `\x1b[${pinned.length}A\x1b[J`)
  const drawn = (rows: readonly string[]) => rows.map(row => `${row}\n`).join('')
  const isColourful = stdout.isTTY === true && isWatched && !env.NO_COLOR
  return {
    isWatched,
    get columns() {
      return stderr.columns ?? 100
    },
    result(line) {
      if (pinned.length > 0) stderr.write(erase())
      stdout.write(`${line}\n`)
      if (pinned.length > 0) stderr.write(drawn(pinned))
    },
    say: line => void stderr.write(`${erase()}${line}\n${drawn(pinned)}`),
    write: text => void stderr.write(text),
    pin(rows) {
      stderr.write(erase() + drawn(rows))
      pinned = rows
    },
    unpin() {
      pinned = []
    },
    style: (format, text) => (isColourful ? styleText(format, text, { validateStream: false }) : text),
  }
}
