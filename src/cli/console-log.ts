import { type Fields, type Log, lineLog } from '#foundation/log.ts'
import type { Shell } from './shell.ts'

export const logLevels = ['error', 'warn', 'info'] as const
export type LogLevel = (typeof logLevels)[number]

/** The server's log on standard error: sentences where a person watches, else one JSON object per line. */
export const consoleLog = ({ terminal, clock }: Pick<Shell, 'terminal' | 'clock'>, level: LogLevel): Log => {
  const all = terminal.isWatched
    ? readable(
        line => terminal.say(line),
        () => clock.now(),
      )
    : lineLog(
        line => terminal.write(line),
        () => clock.now(),
      )
  const nothing = () => {}
  return {
    error: all.error,
    warn: level === 'error' ? nothing : all.warn,
    info: level === 'info' ? all.info : nothing,
  }
}

const readable = (say: (line: string) => void, now: () => Date): Log => {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}) => {
      const shown = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)
      say([now().toISOString().slice(11, 19), level, message, ...shown].join(' '))
    }
  return { info: line('info '), warn: line('warn '), error: line('error') }
}

const fieldText = (value: unknown): string => {
  if (value instanceof Error) return plain(JSON.stringify(value.stack ?? value.message))
  return typeof value === 'string' && /^[!#-~]+$/.test(value) ? value : plain(JSON.stringify(value) ?? '')
}

/** Strangers' text must not steer the terminal; JSON leaves some control characters as they are. */
const plain = (text: string): string =>
  text.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
