import type { Ingested, ManifestId, Watch } from '#data-plane/chunks/chunk-store.ts'
import { ChunkCorrupt, ChunkMissing, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { type Network, sourceOver } from './network.ts'
import { type Held, RegionFull, RegionUnreachable } from './regions.ts'
import { retry } from './retry.ts'
import { StoreOutOfSpace, type StoreSlot, StoreUnreachable } from './store-slot.ts'
import type { Turns } from './turns.ts'

/** Which manifest is to be held where, how often, and who may give it. */
export interface CopyJob {
  readonly region: string
  readonly manifest: ManifestId
  readonly hold: string
  readonly copies: number
  /** The region's stores. */
  readonly targets: readonly StoreSlot[]
  /** Every store that may have the manifest, the nearest first. */
  readonly sources: readonly StoreSlot[]
  readonly watch: Watch
}

interface Parts {
  readonly clock: Clock
  readonly log: Log
  readonly turns: Turns
  readonly network: Network
  /** How many copies each store is giving at the moment. */
  readonly giving: Map<StoreSlot, number>
  /** Every copy has bytes of its own, also where a link would do. */
  readonly separateCopies?: boolean
}

type Standing = 'holds' | 'has' | 'lacks' | 'unreachable'
const order: readonly Standing[] = ['holds', 'has', 'lacks', 'unreachable']

/** Whether a store has the manifest complete, without reading its chunks. */
export const has = (slot: StoreSlot, manifest: ManifestId): Promise<boolean> =>
  slot.run(async store => {
    try {
      await store.describe(manifest)
      return true
    } catch (error) {
      if (error instanceof ManifestMissing) return false
      throw error
    }
  })

const standingOf = async (slot: StoreSlot, { hold, manifest }: CopyJob): Promise<Standing> => {
  try {
    if ((await slot.run(store => store.held(hold))) === manifest) return 'holds'
    return (await has(slot, manifest)) ? 'has' : 'lacks'
  } catch (error) {
    if (error instanceof StoreUnreachable) return 'unreachable'
    throw error
  }
}

/**
 * Brings a region to the wished number of copies: stores that hold the manifest already are kept, then those that have its bytes,
 * then the others, one after the other, so that the second copy comes from its neighbour and not from far away.
 */
export const makeCopies = async (job: CopyJob, parts: Parts): Promise<Held> => {
  const wanted = Math.min(job.copies, job.targets.length)
  const ranked = await Promise.all(job.targets.map(async slot => ({ slot, standing: await standingOf(slot, job) })))
  ranked.sort((a, b) => order.indexOf(a.standing) - order.indexOf(b.standing))
  const held = { copies: 0, newBytes: 0, sentBytes: 0 }
  let lost: unknown
  for (const { slot, standing } of ranked) {
    if (held.copies === wanted) {
      if (standing === 'holds') await slot.run(store => store.release(job.hold))
      continue
    }
    try {
      const made = await copyTo(slot, { ...job, watch: shareOf(job.watch, held.copies, wanted) }, parts)
      held.copies++
      held.newBytes += made?.newBytes ?? 0
      held.sentBytes += (made?.storedBytes ?? 0) - (made?.linkedBytes ?? 0)
    } catch (error) {
      const isOurs = error instanceof StoreUnreachable || error instanceof StoreOutOfSpace
      if (!isOurs || error.url !== slot.url) throw error
      parts.log.warn('A store could not take its copy.', { region: job.region, store: slot.url, error: error.cause })
      if (!(lost instanceof RegionFull)) lost = error
    }
  }
  // Fewer copies than the region could keep apart would be a promise broken in silence.
  if (held.copies < wanted && lost instanceof RegionFull) throw new RegionFull(job.region, { cause: lost.cause })
  if (held.copies < wanted) throw new RegionUnreachable(job.region, { cause: lost })
  return held
}

/** The part of the whole that copy number `index` of `count` reports. */
const shareOf = (watch: Watch, index: number, count: number): Watch => ({
  ...(watch.signal ? { signal: watch.signal } : {}),
  onProgress: (done, total) => watch.onProgress?.(index * total + done, count * total),
})

/** Makes one store hold the manifest; what it lacks comes from the first source that can give it. */
const copyTo = (slot: StoreSlot, job: CopyJob, parts: Parts): Promise<Ingested | undefined> =>
  // Two holds of one manifest wait for each other: the second finds the bytes that the first one fetched.
  parts.turns(`${slot.url} ${job.manifest}`, async () => {
    job.watch.signal?.throwIfAborted()
    const lack = await holdThere(slot, job, parts)
    return lack ? await receiveFromAny(slot, job, parts, lack) : undefined
  })

/** Holds what the store has. Answers why not if it lacks it, loses it to a collection just before it is held, or knows it as damaged. */
const holdThere = async (
  slot: StoreSlot,
  { hold, manifest, watch }: CopyJob,
  parts: Parts,
): Promise<Error | undefined> => {
  if (!(await has(slot, manifest))) return new ManifestMissing(manifest)
  try {
    const { sizeBytes } = await slot.run(store => store.describe(manifest))
    await retry(parts.clock, watch.signal, () => slot.run(store => store.hold(hold, manifest)))
    watch.onProgress?.(sizeBytes, sizeBytes)
    return undefined
  } catch (error) {
    if (error instanceof ManifestMissing || error instanceof ChunkCorrupt) return error
    throw error
  }
}

const receiveFromAny = async (slot: StoreSlot, job: CopyJob, parts: Parts, lack: Error): Promise<Ingested> => {
  let failure: unknown = lack
  const sources = new Set(job.sources.filter(source => source !== slot))
  for (let source = leastBusy(sources, job, parts); source; source = leastBusy(sources, job, parts)) {
    sources.delete(source)
    try {
      const received = await receiveFrom(source, slot, job, parts)
      if (received) return received
    } catch (error) {
      if (!isSourceFault(error, source)) throw error
      parts.log.warn('A store could not give what another one wanted.', { from: source.url, to: slot.url, error })
      // What is away may have what another one lacks, or has damaged.
      if (!(failure instanceof StoreUnreachable)) failure = error
    }
  }
  throw failure
}

/** Of the stores that were not asked yet: one of the region itself, else one that is giving to the fewest others. */
const leastBusy = (sources: ReadonlySet<StoreSlot>, { region }: CopyJob, { giving }: Parts): StoreSlot | undefined => {
  const cost = (source: StoreSlot) => (source.region === region ? 0 : 1 + (giving.get(source) ?? 0))
  return [...sources].reduce<StoreSlot | undefined>(
    (least, source) => (!least || cost(source) < cost(least) ? source : least),
    undefined,
  )
}

/** Undefined if the source does not have it. It counts as busy from the moment on in which it was chosen. */
const receiveFrom = async (
  source: StoreSlot,
  slot: StoreSlot,
  job: CopyJob,
  parts: Parts,
): Promise<Ingested | undefined> => {
  const { giving } = parts
  giving.set(source, (giving.get(source) ?? 0) + 1)
  try {
    if (!(await has(source, job.manifest))) return undefined
    const from = sourceOver(parts.network, source, slot, mayLink(source, job, parts))
    return await retry(parts.clock, job.watch.signal, () =>
      slot.run(store => store.receive(job.manifest, from, job.hold, job.watch)),
    )
  } finally {
    giving.set(source, giving.get(source)! - 1)
  }
}

/**
 * Regions of one file system have packs in common unless that is not wished. Who gives a region several stores wants bytes that fail
 * apart: into such a region nothing is linked, or two of its stores could have one file from a third.
 */
const mayLink = (source: StoreSlot, { region, targets }: CopyJob, { separateCopies = false }: Parts): boolean =>
  !separateCopies && source.region !== region && targets.length === 1

/** Whether the store that was asked is to blame, so that another one may do better. */
const isSourceFault = (error: unknown, source: StoreSlot): boolean =>
  error instanceof ManifestMissing ||
  error instanceof ChunkMissing ||
  error instanceof ChunkCorrupt ||
  (error instanceof StoreUnreachable && error.url === source.url)
