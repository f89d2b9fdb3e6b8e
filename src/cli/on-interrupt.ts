import type { Clock } from '#foundation/clock.ts'
import type { Terminal } from './terminal.ts'

// The terminal sends a Ctrl+C to the launcher, to npm and to us; those pass it on: one press may arrive several times.
const samePressMs = 500
// A terminal that is closed, or a line to it that breaks, is a SIGHUP.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Calls the listener at the first interrupt; a second one, half a second later or more, ends the process. */
export const interruptsOf =
  (process: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>, clock: Clock, terminal: Terminal) =>
  (listener: () => void): (() => void) => {
    let firstMs: number | undefined
    const heard = () => {
      const nowMs = clock.now().getTime()
      if (firstMs === undefined) {
        firstMs = nowMs
        listener()
      } else if (nowMs - firstMs >= samePressMs) {
        terminal.say('Left at once.')
        process.exit(1)
      }
    }
    for (const signal of signals) process.on(signal, heard)
    return () => {
      for (const signal of signals) process.off(signal, heard)
    }
  }
