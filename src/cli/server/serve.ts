import type { RunningServer } from '../../main.ts'
import { Failure } from '../failure.ts'
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

/** The commonest fault of a first start, in words; any other one as it is. */
export const portTaken = (error: NodeJS.ErrnoException & { address?: string; port?: number }, advice: string): Error =>
  error.code === 'EADDRINUSE'
    ? new Failure(`Port ${error.port} of ${error.address} is taken by another process.`, { advice, cause: error })
    : error
