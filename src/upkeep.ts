import type { Arm } from '#arm/resource-type.ts'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { computePromises, isComputeHold, retireCompute } from '#providers/Microsoft.Compute/promises.ts'
import { every } from './every.ts'

export interface UpkeepParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs: number
  /** The first round waits for this: a start answers before it looks after thousands of holds. */
  readonly begin?: Promise<unknown>
}

export interface Upkeep {
  /** One round, begun after this call: expired things are retired, holds made what was promised. */
  round(): Promise<void>
  stop(): Promise<void>
}

/**
 * What must stay true, looked at again and again: soft-deleted versions and accesses end when their time is over, every region
 * holds what documents promise and nothing else, and garbage is collected.
 */
export const startUpkeep = (parts: UpkeepParts): Upkeep => {
  const { arm, regions, clock, log, intervalMs, begin } = parts
  const stopping = new AbortController()
  const roundNow = async () => {
    await retireCompute(arm, regions, log)
    const promises = computePromises(arm.resources, regions)
    const { released, failed } = await reconcile(regions, promises, isComputeHold, log, stopping.signal)
    if (released > 0 || failed.length > 0) log.info('holds were reconciled', { released, failed: failed.length })
    for (const region of regions.names)
      await regions
        .collect(region)
        .catch(error => log.warn('garbage of a region could not be collected', { region, error }))
  }

  // Side by side, one would make again what it read as promised just before the other gave it up.
  let last: Promise<void> = Promise.resolve()
  const round = (): Promise<void> => {
    last = last.catch(() => {}).then(roundNow)
    return last
  }

  const first = async () => {
    await begin
    if (!stopping.signal.aborted) await round()
  }
  void first().catch(error => log.error('the first round of upkeep failed', { error }))
  const rounds = every(clock, intervalMs, log, round)
  return {
    round,
    async stop() {
      stopping.abort()
      await rounds.stop()
      await last.catch(() => {})
    },
  }
}
