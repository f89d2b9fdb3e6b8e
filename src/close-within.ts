import type { Server } from 'node:http'
import type { Clock } from '#foundation/clock.ts'

interface Closing {
  /** Takes no more requests, and resolves when the last one under way has ended. */
  close(): Promise<unknown>
  readonly server: Pick<Server, 'closeAllConnections'>
}

/** Closes an endpoint. Who reads an answer slower than that is cut off: a stop must not last as long as they like. */
export const closeWithin = async (endpoint: Closing, drainMs: number, clock: Clock): Promise<void> => {
  const ended = new AbortController()
  const closed = endpoint.close().finally(() => ended.abort())
  await clock.sleep(drainMs, ended.signal)
  endpoint.server.closeAllConnections()
  await closed
}
