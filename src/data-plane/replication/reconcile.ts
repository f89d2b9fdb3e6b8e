import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import type { Log } from '#foundation/log.ts'
import { type Regions, RegionUnreachable } from './regions.ts'

/** What a region ought to keep. */
export interface HoldPromise {
  readonly hold: string
  readonly region: string
  readonly manifest: ManifestId
  readonly copies: number
}

/** What was found and done; a failed promise is worth an alarm, not an end. */
export interface Reconciled {
  readonly released: number
  /** Promises that stand, or stand again. */
  readonly kept: number
  readonly failed: readonly { readonly hold: string; readonly region: string; readonly error: unknown }[]
}

/**
 * Makes the holds what was promised: holds that nobody promises any more (orphans of a crash) are released, promised ones that
 * are missing are made again. `owns` tells the names that the caller answers for; others are left alone.
 *
 * Holds are listed before the promises are read: what is made and promised meanwhile is never mistaken for an orphan. A hold that
 * is made before it is promised must be reported by `promises` while its work is under way. Copying a lost image takes hours, in
 * which promises change: so all are read, and orphans released, before the first is made good. When `signal` aborts, the promises
 * that were not looked at yet are left to the next time.
 */
export const reconcile = async (
  regions: Regions,
  promises: AsyncIterable<HoldPromise>,
  owns: (hold: string) => boolean,
  log: Log,
  signal?: AbortSignal,
): Promise<Reconciled> => {
  const orphans = new Map<string, Set<string>>()
  for (const region of regions.names) orphans.set(region, await namesIn(regions, region, owns, log))
  const promised: HoldPromise[] = []
  for await (const promise of promises) {
    orphans.get(promise.region)?.delete(promise.hold)
    promised.push(promise)
  }
  let released = 0
  for (const [region, holds] of orphans) {
    for (const hold of holds) {
      await regions.release(region, hold)
      released++
    }
  }
  const failed: { hold: string; region: string; error: unknown }[] = []
  let kept = 0
  const keep = async ({ hold, region, manifest, copies }: HoldPromise): Promise<void> => {
    try {
      await regions.hold(region, manifest, hold, copies, signal ? { signal } : {})
      kept++
    } catch (error) {
      if (signal?.aborted) return
      log.warn('A promised copy is not there and could not be made again.', { hold, region, error })
      failed.push({ hold, region, error })
    }
  }
  // Regions side by side: one that is slow, or catches up after days, delays no other.
  const byRegion = Map.groupBy(promised, promise => promise.region)
  await Promise.all(
    [...byRegion.values()].map(async promises => {
      for (const promise of promises) if (!signal?.aborted) await keep(promise)
    }),
  )
  return { released, kept, failed }
}

const namesIn = async (
  regions: Regions,
  region: string,
  owns: (hold: string) => boolean,
  log: Log,
): Promise<Set<string>> => {
  const names = new Set<string>()
  try {
    for await (const { name } of regions.holds(region)) if (owns(name)) names.add(name)
  } catch (error) {
    if (!(error instanceof RegionUnreachable)) throw error
    log.warn('A region could not be looked at.', { region, error: error.cause })
  }
  return names
}
