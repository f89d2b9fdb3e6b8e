import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'

/** Does something again and again, `intervalMs` after the last time, until it is stopped; a failure waits for the next time. */
export const every = (
  clock: Clock,
  intervalMs: number,
  log: Log,
  work: () => Promise<void>,
): { stop(): Promise<void> } => {
  const stopping = new AbortController()
  const running = (async () => {
    for (;;) {
      await clock.sleep(intervalMs, stopping.signal)
      if (stopping.signal.aborted) return
      await work().catch(error => log.error('something done at intervals failed', { error }))
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
