import { causesOf, type Fields, type Log, lineLog } from '#foundation/log.ts'
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
    (level: string, errorText: (error: Error) => string) =>
    (message: string, fields: Fields = {}) => {
      const shown = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value, errorText)}`)
      say([now().toISOString().slice(11, 19), level, message, ...shown].join(' '))
    }
  // A warning is about what is foreseen, and says what is to be done; only of a fault it matters where it came from.
  return { info: line('info ', sentencesOf), warn: line('warn ', sentencesOf), error: line('error', stackOf) }
}

const stackOf = ({ stack, message }: Error): string => stack ?? message

/** What an error says, and what caused it, in one line. */
const sentencesOf = (error: Error): string => [...new Set(causesOf(error).map(({ message }) => message))].join(' ')

const fieldText = (value: unknown, errorText: (error: Error) => string): string => {
  if (value instanceof Error) return plain(JSON.stringify(errorText(value)))
  return typeof value === 'string' && /^[!#-~]+$/.test(value) ? value : plain(JSON.stringify(value) ?? '')
}

/** Strangers' text must not steer the terminal; JSON leaves some control characters as they are. */
const plain = (text: string): string =>
  text.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
