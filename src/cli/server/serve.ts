import type { RunningServer } from '../../main.ts'
import type { Shell } from '../shell.ts'

/** Resolves when an interrupt has come and the server has stopped. */
export const serveUntilInterrupted = (shell: Shell, server: RunningServer): Promise<void> =>
  untilInterrupted(shell, () => server.stop())

/** Resolves when an interrupt has come and `stop` is done. */
export const untilInterrupted = ({ terminal, onInterrupt }: Shell, stop: () => Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    const release = onInterrupt(() => {
      terminal.say('Stopping: running work goes to its next safe point. Once more to leave at once.')
      stop()
        .then(() => terminal.say('Stopped.'))
        .then(resolve, reject)
        .finally(() => release())
    })
  })
