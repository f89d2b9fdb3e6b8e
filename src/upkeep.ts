import type { Arm } from '#arm/resource-type.ts'
import type { OpenBlobs } from '#data-plane/blobs/open-blobs.ts'
import type { Catalog } from '#data-plane/catalog/catalog.ts'
import { type HoldPromise, reconcile } from '#data-plane/replication/reconcile.ts'
import { type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { catchUpCompute, computePromises, isComputeHold, retireCompute } from '#providers/Microsoft.Compute/promises.ts'
import { every } from './every.ts'
import { watchRegions } from './watch-regions.ts'

export interface UpkeepParts {
  readonly arm: Arm
  readonly regions: Regions
  readonly catalog: Catalog
  readonly blobs: Pick<OpenBlobs, 'dropOldBlocks'>
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs: number
  /** How often regions are asked whether they are there: one that comes back is looked after at once. */
  readonly lookIntervalMs: number
  /** The first round waits for this: a start answers before it looks after thousands of holds. */
  readonly begin?: Promise<unknown>
}

export interface Upkeep {
  /** One round, begun after this call: expired things are retired, holds made what was promised. */
  round(): Promise<void>
  stop(): Promise<void>
}

/**
 * What must stay true, looked at again and again: soft-deleted versions, accesses and blocks of no blob end when their time is over,
 * every region holds what documents promise and nothing else, and garbage is collected. A region that was away is brought up to date
 * when it is back.
 */
export const startUpkeep = (parts: UpkeepParts): Upkeep => {
  const { arm, regions, catalog, blobs, clock, log, intervalMs, lookIntervalMs, begin } = parts
  const stopping = new AbortController()
  const roundNow = async () => {
    await retireCompute(arm, regions, log)
    await blobs.dropOldBlocks()
    const promises = allPromises(arm, regions, catalog)
    const owns = (hold: string) => isComputeHold(hold) || catalog.owns(hold)
    const { released, failed } = await reconcile(regions, promises, owns, log, stopping.signal)
    if (released > 0 || failed.length > 0) log.info('holds were reconciled', { released, failed: failed.length })
    await catchUpCompute(arm, regions, log)
    for (const region of regions.names)
      await regions.collect(region).catch(error => {
        // Whoever is away is told of once, by the watch.
        const isAway = error instanceof RegionUnreachable
        log[isAway ? 'info' : 'warn']('garbage of a region could not be collected', { region, error })
      })
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
  const watch = watchRegions({ regions, clock, log, intervalMs: lookIntervalMs, returned: round })
  return {
    round,
    async stop() {
      stopping.abort()
      await watch.stop()
      await rounds.stop()
      await last.catch(() => {})
    },
  }
}

async function* allPromises(arm: Arm, regions: Regions, catalog: Catalog): AsyncGenerator<HoldPromise> {
  yield* computePromises(arm.resources, regions)
  yield* catalog.promises()
}
