import type { RunningServer } from '../../main.ts'
import type { Shell } from '../shell.ts'

// npm and our own launcher pass a Ctrl+C on that the terminal has sent to everybody already: one press may arrive twice.
const samePressMs = 500

/** Resolves when the server has stopped: the first signal drains it, a later one ends the process. */
export const serveUntilInterrupted = ({ terminal, clock, onInterrupt }: Shell, server: RunningServer): Promise<void> =>
  new Promise((resolve, reject) => {
    let firstMs: number | undefined
    const release = onInterrupt(() => {
      const nowMs = clock.now().getTime()
      if (firstMs === undefined) {
        firstMs = nowMs
        terminal.say('Stopping: running work goes to its next safe point. Once more to leave at once.')
        server
          .stop()
          .then(() => terminal.say('Stopped.'))
          .then(resolve, reject)
          .finally(() => release())
      } else if (nowMs - firstMs >= samePressMs) {
        terminal.say('Left at once; the next start picks up what was unfinished.')
        process.exit(1)
      }
    })
  })
