import type { ChunkStore, Draft } from '#data-plane/chunks/chunk-store.ts'
import type { CopyLimits } from '#data-plane/chunks/copy-limits.ts'
import type { HashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { storeBuffers } from '#data-plane/chunks/store-buffers.ts'
import { httpsStore } from '#data-plane/nodes/https-store.ts'
import type { NodeAccess } from '#data-plane/nodes/join.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { firstOf, openWithFailover } from './failover.ts'
import { isNodeUrl } from './folder-of.ts'
import { guardedDraft, type StoredDrafts, storedDrafts } from './guarded-draft.ts'
import { healFromReplicas } from './heal-from-replicas.ts'
import { type KnownStores, rememberedStores } from './known-stores.ts'
import { limitedNetwork } from './limited-network.ts'
import { makeCopies } from './make-copies.ts'
import { type Network, noDistance } from './network.ts'
import { fromOutside, offerOf } from './outside.ts'
import { RegionFull, type Regions, RegionUnreachable } from './regions.ts'
import { nodeSlot, type StoreSlot, StoreUnreachable, storeSlot } from './store-slot.ts'
import { summed, verifyAll } from './sums.ts'
import { turns } from './turns.ts'

/** A region and its stores, in the order in which new bytes look for one that can be used. */
export interface RegionConfig {
  readonly name: string
  /** `file:` URLs of folders, on different disks if replicas are to outlive a disk, or `https:` URLs of a region's own process. */
  readonly stores: readonly string[]
}

export interface RegionParts {
  readonly files: Files
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly workers: HashWorkers
  /** How to be let in by a region's own process; needed where a store is one. */
  readonly accessOf?: (region: string) => Promise<NodeAccess>
  /** Without it, an empty folder is told from a lost one only while this process has seen it. */
  readonly known?: KnownStores
  /** What lies between the stores; nothing does on one machine. */
  readonly network?: Network
  /** The most that copies carry between stores in a second, all together; healing waits for nobody. No limit without it. */
  readonly replicationBytesPerSecond?: number
  /** Every copy has bytes of its own. Without it regions on one file system have finished packs in common, by hard links. */
  readonly separateCopies?: boolean
  /** See `StoreParts`. */
  readonly copyLimits?: CopyLimits
  /** What each store keeps free on its disk: see `StoreParts`. */
  readonly reserveBytes?: number
}

/** Opens the regions' stores. One that can't be opened leaves its region unreachable until it can; the others work on. */
export const openRegions = async (config: readonly RegionConfig[], parts: RegionParts): Promise<Regions> => {
  const slots = slotsOf(config, parts)
  const all = [...slots.values()].flat()
  const inTurn = turns()
  const giving = new Map<StoreSlot, number>()
  const { network = noDistance, replicationBytesPerSecond: rate = 0 } = parts
  const copyNetwork = rate > 0 ? limitedNetwork(rate, parts.clock, network) : network
  await inParallel(slots, async slot => {
    await slot
      .run(async () => {})
      .catch(error => parts.log.error('A store is not usable.', { store: slot.url, error: error.cause ?? error }))
  })
  await requireDistinct(all)

  const of = (region: string): readonly StoreSlot[] => {
    const found = slots.get(region)
    if (!found) throw new RegionUnreachable(region)
    return found
  }
  /** The region's first store that can be used now and has room for new bytes. */
  const onRoomy = async <T>(region: string, work: (store: ChunkStore, slot: StoreSlot) => Promise<T>): Promise<T> => {
    let failure: unknown
    for (const slot of of(region)) {
      try {
        await slot.run(store => store.requireRoom())
      } catch (error) {
        // That a disk is full is better told than that another one is away.
        if (!(failure instanceof RegionFull)) failure = error
        continue
      }
      return await slot.run(store => work(store, slot))
    }
    if (failure instanceof RegionFull) throw new RegionFull(region, { cause: failure.cause })
    throw new RegionUnreachable(region, { cause: failure })
  }
  /** What each usable store answers; throws when there is none. */
  const onEach = async <T>(region: string, work: (store: ChunkStore, slot: StoreSlot) => Promise<T>): Promise<T[]> => {
    const answers: T[] = []
    let failure: unknown
    for (const slot of of(region)) {
      try {
        answers.push(await slot.run(store => work(store, slot)))
      } catch (error) {
        if (!(error instanceof StoreUnreachable)) throw error
        failure = error
      }
    }
    if (answers.length === 0) throw new RegionUnreachable(region, { cause: failure })
    return answers
  }
  const draftsOf = (region: string, id: string): Promise<StoredDrafts> => storedDrafts(of(region), id)
  const findDraft = async (region: string, id: string): Promise<Draft | undefined> => {
    const { found, away } = await draftsOf(region, id)
    if (!found && away) throw new RegionUnreachable(region, { cause: away })
    return found
  }

  const regions: Regions = {
    names: config.map(region => region.name),
    storeCount: region => of(region).length,
    roomyStores: async region => {
      const asked = of(region).map(slot => slot.run(store => store.requireRoom()))
      return (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled').length
    },
    ingest: (region, source, hold, watch) => onRoomy(region, store => store.ingest(source, hold, watch)),
    compose: (region, pieces, hold) => {
      const any = pieces.find(piece => 'manifest' in piece)
      if (!any) return onRoomy(region, store => store.compose(pieces, hold))
      return firstOf(of(region), any.manifest, slot => slot.run(store => store.compose(pieces, hold)))
    },
    ingestChange: (region, base, change, hold, watch) =>
      firstOf(of(region), base, slot => slot.run(store => store.ingestChange(base, change, hold, watch))),
    slice: (region, manifest, offset, sizeBytes, hold) =>
      regions.compose(region, [{ manifest, offset, length: sizeBytes }], hold),
    open: async (region, manifest) => await openWithFailover(of(region), manifest),
    hold: async (region, manifest, hold, copies, watch = {}) => {
      invariant(copies >= 1, 'A hold keeps at least one copy; use release to keep none.')
      const targets = of(region)
      const sources = [...targets, ...all.filter(slot => slot.region !== region)]
      // Two wishes for one name are settled one after the other, or each would drop the other's copies.
      return await inTurn(`${region} ${hold}`, () =>
        makeCopies(
          { region, manifest, hold, copies, targets, sources, watch },
          { ...parts, turns: inTurn, network: copyNetwork, giving },
        ),
      )
    },
    receive: (region, manifest, from, hold, watch) =>
      onRoomy(region, (store, slot) =>
        inTurn(`${slot.url} ${manifest}`, () => store.receive(manifest, fromOutside(from, store), hold, watch)),
      ),
    offer: manifest => offerOf(all, manifest),
    release: async (region, hold) => {
      await inTurn(`${region} ${hold}`, async () => {
        for (const slot of of(region)) {
          try {
            await slot.run(store => store.release(hold))
          } catch (error) {
            if (!(error instanceof StoreUnreachable)) throw error
            parts.log.warn('A hold stays until its store is back and reconciled.', { hold, store: slot.url })
          }
        }
      })
    },
    async *holds(region) {
      const names = new Set<string>()
      for (const slot of await onEach(region, async (_store, slot) => slot)) {
        for await (const hold of slot.each(store => store.holds())) {
          if (names.has(hold.name)) continue
          names.add(hold.name)
          yield hold
        }
      }
    },
    planCollection: async region => summed(await onEach(region, store => store.planCollection())),
    collect: async region => summed(await onEach(region, store => store.collect())),
    verify: (region, manifest, watch = {}) => verifyAll(of(region), region, manifest, watch),
    stats: region => onEach(region, async (store, { url }) => ({ ...(await store.stats()), url })),
    scrub: async (region, intervalMs, pace) =>
      (await onEach(region, store => store.scrub(intervalMs, pace))).some(isAtWork => isAtWork),
    health: async region => await Promise.all(of(region).map(slot => slot.health())),
    draft: async (region, id, sizeBytes, isNew = false) => {
      const found = isNew ? (await draftsOf(region, id)).found : await findDraft(region, id)
      return found ?? onRoomy(region, async (store, slot) => guardedDraft(slot, await store.draft(id, sizeBytes)))
    },
    findDraft,
    async close() {
      for (const slot of all) await slot.close()
    },
  }
  return regions
}

const slotsOf = (config: readonly RegionConfig[], parts: RegionParts): Map<string, readonly StoreSlot[]> => {
  const slots = new Map<string, readonly StoreSlot[]>()
  const heal = healFromReplicas(() => [...slots.values()].flat(), parts.network ?? noDistance, parts.log)
  const known = parts.known ?? rememberedStores()
  const buffers = storeBuffers(parts.workers)
  for (const { name, stores } of config) {
    if (stores.length === 0 || slots.has(name))
      throw new TypeError(`Region ${name} needs one entry with a store or more.`)
    const { accessOf, clock } = parts
    const slot = (url: string) =>
      accessOf && isNodeUrl(url)
        ? nodeSlot(name, url, {
            ...parts,
            known,
            open: httpsStore(url, () => accessOf(name), { clock, heal: heal(name, url) }),
          })
        : storeSlot(name, url, {
            ...parts,
            known,
            open: (folder, expectedId) => openStore(folder, { ...parts, buffers, expectedId, heal: heal(name, url) }),
          })
    slots.set(name, stores.map(slot))
  }
  return slots
}

/** The stores of a region one after the other, regions side by side: one that is slow to say no delays itself. */
const inParallel = async (
  slots: ReadonlyMap<string, readonly StoreSlot[]>,
  work: (slot: StoreSlot) => Promise<void>,
): Promise<void> => {
  await Promise.all(
    [...slots.values()].map(async region => {
      for (const slot of region) await work(slot)
    }),
  )
}

/** Two names for one folder would count one copy twice. */
const requireDistinct = async (slots: readonly StoreSlot[]): Promise<void> => {
  const urls = new Map<string, string>()
  for (const slot of slots) {
    const id = await slot.run(async store => store.id).catch(() => undefined)
    if (id === undefined) continue
    const twin = urls.get(id)
    if (twin !== undefined) throw new TypeError(`${twin} and ${slot.url} are the same store.`)
    urls.set(id, slot.url)
  }
}
