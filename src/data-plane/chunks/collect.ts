import { Bits } from './bits.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { idText } from './chunk-index.ts'
import type { CollectionPlan, ManifestId } from './chunk-store.ts'
import type { Drafts } from './drafts.ts'
import type { Marks } from './leases.ts'
import { pageSlices, SLICE_BYTES } from './manifest.ts'
import type { Pack } from './pack-files.ts'
import type { NewChunk } from './pack-writer.ts'
import type { StoreCore } from './store-core.ts'

/** A pack of which less than this lives is copied together with others and removed. */
const LEAST_LIVE = 0.6
/** The same on a disk that is so full that new bytes are refused. */
const LEAST_LIVE_WHEN_FULL = 0.9
const SMALL_PACK_BYTES = 4 * 1024 * 1024
/** So many small packs are worth one bigger one. */
const MANY_SMALL_PACKS = 16

/** What is to go: manifests that nothing holds, and packs that are mostly dead, with the chunks that still live in them. */
interface Sentence {
  readonly manifests: readonly ManifestId[]
  readonly packs: readonly { readonly pack: Pack; readonly live: readonly number[]; readonly dead: readonly number[] }[]
  readonly plan: CollectionPlan
}

/** What a collection would free now. */
export const planCollection = async (core: StoreCore, drafts: Drafts): Promise<CollectionPlan> => {
  core.writer.roll()
  await core.writer.commit()
  return (await judge(core, drafts)).plan
}

/**
 * Frees what no hold, no draft and no running work reaches. Manifests go first and for good, then the packs: a crash in between
 * leaves chunks that nothing names, never a manifest whose chunks are gone.
 */
export const collect = async (core: StoreCore, drafts: Drafts): Promise<CollectionPlan> => {
  core.writer.roll()
  await core.writer.commit()
  const sentence = await judge(core, drafts, ({ manifests, packs }) => {
    // No await between the verdict and this: whoever looks for one of these chunks from now on stores it anew.
    for (const { dead } of packs) for (const entry of dead) core.index.remove(entry)
    return core.manifests.remove(manifests)
  })
  let failure: { error: unknown } | undefined
  for (const { pack, live } of sentence.packs) {
    try {
      if (await moveLive(core, pack, live)) await core.packFiles.remove(pack)
    } catch (error) {
      // A full disk has no room for the copies of this pack; another one may need less.
      failure ??= { error }
    }
  }
  if (sentence.packs.length > 0) await core.writer.syncNames()
  if (failure) throw failure.error
  return sentence.plan
}

const judge = async (
  core: StoreCore,
  drafts: Drafts,
  execute?: (sentence: Sentence) => Promise<void>,
): Promise<Sentence> => {
  core.holds.requireWhole()
  const room = await core.room.look()
  const leastLive = room && room.freeBytes < room.reserveBytes ? LEAST_LIVE_WHEN_FULL : LEAST_LIVE
  const candidates = [...core.packFiles.packs.values()].filter(pack => !core.writer.isGrowing(pack.number))
  const marks: Marks = { chunks: new Bits(), manifests: needed(core) }
  const stopWatching = core.leases.watch(marks)
  try {
    const walk = new Walk(core, marks.chunks)
    for (const map of await drafts.maps())
      for (const slices of map.within(0, map.sizeBytes))
        for (const { id } of slices) walk.mark(Buffer.from(id, 'hex'), 0)
    for (;;) {
      // A manifest may have been pinned before it was there, and written and held since: the last look is at all of them.
      const manifest = marks.manifests.pop() ?? needed(core).find(id => walk.isAhead(id))
      if (manifest === undefined) break
      await walk.manifest(manifest)
    }
    marks.chunks.addAll(core.leases.leased())
    const free = candidates.filter(pack => !core.writer.isDoubted(pack.number))
    const sentence = sentenceOf(core, free, marks.chunks, walk.manifests, leastLive)
    const executed = execute?.(sentence)
    stopWatching()
    await executed
    return sentence
  } finally {
    stopWatching()
  }
}

const needed = (core: StoreCore): ManifestId[] => [...core.holds.kept(), ...core.leases.pinned()]

/** Marks what manifests reach. Pages that manifests share are read once. */
class Walk {
  readonly #core: StoreCore
  readonly #chunks: Bits
  readonly #pages = new Bits()
  readonly manifests = new Set<ManifestId>()

  constructor(core: StoreCore, chunks: Bits) {
    this.#core = core
    this.#chunks = chunks
  }

  mark(ids: Uint8Array, at: number): number {
    const entry = this.#core.index.find(ids, at)
    if (entry >= 0) this.#chunks.add(entry)
    return entry
  }

  /** Whether the manifest is there and was not walked yet. */
  isAhead(id: ManifestId): boolean {
    return this.#core.manifests.has(id) && !this.manifests.has(id)
  }

  async manifest(id: ManifestId): Promise<void> {
    if (!this.isAhead(id)) return
    this.manifests.add(id)
    for (const page of (await this.#core.manifests.read(id)).pages) {
      const bytes = Buffer.from(page.id, 'hex')
      const entry = this.mark(bytes, 0)
      if (entry >= 0 && !this.#pages.add(entry)) continue
      const slices = pageSlices(await this.#core.reader.read(page.id))
      this.mark(bytes, 0) // it may have been healed just now
      for (let at = 0; at < slices.length; at += SLICE_BYTES) this.mark(slices, at + 12)
    }
  }
}

const sentenceOf = (
  core: StoreCore,
  candidates: readonly Pack[],
  marked: Bits,
  reached: ReadonlySet<ManifestId>,
  leastLive: number,
): Sentence => {
  const manifests = core.manifests.ids().filter(id => !reached.has(id) && !core.leases.isPinned(id))
  const { index } = core
  const condemned = condemn(candidates, liveBytesByPack(index, marked), leastLive)
  const packs = new Map(condemned.map(pack => [pack.number, { pack, live: [] as number[], dead: [] as number[] }]))
  let freedBytes = 0
  let chunks = 0
  for (let entry = 0; entry < index.limit; entry++) {
    const pack = index.has(entry) ? packs.get(index.packOf(entry)) : undefined
    if (!pack) continue
    if (marked.has(entry)) {
      pack.live.push(entry)
      freedBytes -= index.storedBytesOf(entry)
    } else {
      pack.dead.push(entry)
      chunks++
    }
  }
  for (const pack of condemned) freedBytes += pack.bodyEnd
  return {
    manifests,
    packs: [...packs.values()],
    plan: { manifests: manifests.length, chunks, freedBytes: Math.max(0, freedBytes) },
  }
}

const liveBytesByPack = (index: ChunkIndex, marked: Bits): Map<number, number> => {
  const live = new Map<number, number>()
  for (let entry = 0; entry < index.limit; entry++) {
    if (!index.has(entry) || !marked.has(entry)) continue
    const pack = index.packOf(entry)
    live.set(pack, (live.get(pack) ?? 0) + index.storedBytesOf(entry))
  }
  return live
}

/** The emptiest first: what they give back is room for the copies of the next. */
const condemn = (candidates: readonly Pack[], live: ReadonlyMap<number, number>, leastLive: number): Pack[] => {
  const liveIn = (pack: Pack) => live.get(pack.number) ?? 0
  const mostlyDead = candidates.filter(pack => liveIn(pack) < leastLive * (pack.bodyEnd - 16))
  mostlyDead.sort((a, b) => liveIn(a) - liveIn(b))
  const small = candidates.filter(pack => pack.bodyEnd < SMALL_PACK_BYTES && !mostlyDead.includes(pack))
  return small.length >= MANY_SMALL_PACKS ? [...mostlyDead, ...small] : mostlyDead
}

/** Copies what lives in a pack to the growing one. False if some of it can't be read: then the pack stays. */
const moveLive = async (core: StoreCore, pack: Pack, live: readonly number[]): Promise<boolean> => {
  const settles: (() => void)[] = []
  let isWhole = true
  let isMoved = false
  const ids = live.map(entry => idText(core.index.idOf(entry)))
  let batch: Buffer[] = []
  let chunks: NewChunk[] = []
  let end = 0
  const flush = async () => {
    if (chunks.length > 0) settles.push(await core.writer.appendAgain(chunks, Buffer.concat(batch)))
    batch = []
    chunks = []
    end = 0
  }
  for (let first = 0; first < ids.length; first += 64) {
    await core.reader.eachVerified(ids.slice(first, first + 64), (i, chunk) => {
      if (!chunk) isWhole = false
      if (chunk && chunk.place.pack !== pack.number) isMoved = true // healed or stored again meanwhile
      if (!chunk || chunk.place.pack !== pack.number) return
      const { storedBytes, sizeBytes, encoding } = chunk.place
      chunks.push({ id: Buffer.from(ids[first + i]!, 'hex'), start: end, storedBytes, sizeBytes, encoding })
      batch.push(Buffer.from(chunk.stored))
      end += storedBytes
    })
    if (!isWhole) return false
    await flush()
  }
  if (settles.length === 0 && !isMoved) return true
  await core.writer.commit()
  for (const settle of settles) settle()
  return true
}
