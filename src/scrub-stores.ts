import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { every } from './every.ts'

export interface ScrubParts {
  readonly regions: Regions
  readonly clock: Clock
  readonly log: Log
  /** Every byte is read once in this time; 0 for never. */
  readonly intervalMs: number
  readonly bytesPerSecond: number
}

const LOOK_MS = 60_000

/** Reads what is stored again and again, region after region, no faster than it may. */
export const startScrub = (parts: ScrubParts): { stop(): Promise<void> } => {
  const { regions, clock, log, intervalMs, bytesPerSecond } = parts
  if (intervalMs === 0) return { stop: async () => {} }
  const stopping = new AbortController()
  const pace = async (bytes: number) => {
    await clock.sleep((bytes / bytesPerSecond) * 1000, stopping.signal)
    stopping.signal.throwIfAborted()
  }
  const scrub = async (region: string) => {
    try {
      while (!stopping.signal.aborted && (await regions.scrub(region, intervalMs, pace)));
    } catch (error) {
      // Tried again a minute later; upkeep warns of what can't be reached.
      if (!stopping.signal.aborted) log.info('A region could not be read through.', { region, error })
    }
  }
  const rounds = every(clock, LOOK_MS, log, async () => {
    for (const region of regions.names) await scrub(region)
  })
  return {
    async stop() {
      stopping.abort()
      await rounds.stop()
    },
  }
}
