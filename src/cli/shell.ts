import type { Clock } from '#foundation/clock.ts'
import { type Client, openClient } from './client/open-client.ts'
import { dataFolderOf, findServer } from './client/server-access.ts'
import { Failure, LeftBehind } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** What surrounds a command: handed in, so that a test can look over its shoulder. */
export interface Shell {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Calls back at the first SIGINT, SIGTERM or SIGHUP, until the returned function is called; another one ends the process. */
  onInterrupt(listener: () => void): () => void
}

export interface DataOption {
  data?: string
}

/** Runs `work` as a client of the server that the options and the environment name. */
export const withClient = async <T>(
  shell: Shell,
  options: DataOption,
  work: (client: Client) => Promise<T>,
): Promise<T> => {
  const client = openClient(await findServer(dataFolderOf(options, shell.env), shell.env), shell.clock)
  try {
    return await work(client)
  } finally {
    client.close()
  }
}

/** Runs work that cleans up behind itself when it is interrupted; a second interrupt no longer waits for that. */
export const interruptible = async <T>(shell: Shell, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const abort = new AbortController()
  const release = shell.onInterrupt(() => {
    shell.terminal.say('Interrupted: cleaning up. Once more to leave at once.')
    abort.abort()
  })
  try {
    return await work(abort.signal)
  } catch (error) {
    if (!abort.signal.aborted) throw error
    if (error instanceof LeftBehind) throw new Failure('Interrupted.', { advice: error.left, cause: error })
    throw new Failure('Interrupted. What was begun is cleaned up.', { cause: error })
  } finally {
    release()
  }
}
