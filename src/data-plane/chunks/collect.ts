import { Bits } from './bits.ts'
import type { ChunkIndex } from './chunk-index.ts'
import { idBytes, idText } from './chunk-index.ts'
import { hashOf } from './chunk-kernel.ts'
import type { CollectionPlan, ManifestId } from './chunk-store.ts'
import type { Drafts } from './drafts.ts'
import type { Marks } from './leases.ts'
import { pageSlices, SLICE_BYTES } from './manifest.ts'
import type { Pack } from './pack-files.ts'
import { encodeRecords, RECORD_BYTES } from './pack-format.ts'
import type { NewChunk } from './pack-writer.ts'
import type { Reach } from './reach.ts'
import type { StoreCore } from './store-core.ts'

/** A pack of which less than this lives is copied together with others and removed. */
const LEAST_LIVE = 0.6
/** The same on a disk that is so full that new bytes are refused. */
const LEAST_LIVE_WHEN_FULL = 0.9
const SMALL_PACK_BYTES = 4 * 1024 * 1024
/** So many small packs are worth one bigger one. */
const MANY_SMALL_PACKS = 16

/** A finished pack, and how many stores have it in common. */
interface Candidate {
  readonly pack: Pack
  readonly names: number
}

/** What is to go: manifests that nothing holds, and packs that are mostly dead, with the chunks that still live in them. */
interface Sentence {
  readonly manifests: readonly ManifestId[]
  readonly packs: readonly { readonly pack: Pack; readonly live: readonly number[]; readonly dead: readonly number[] }[]
  readonly plan: CollectionPlan
}

/** What the index had of chunks, in case their pack stays. */
interface Taken {
  readonly records: Buffer
  readonly areSuspect: readonly boolean[]
}

/** What a collection would free now. */
export const planCollection = async (core: StoreCore, drafts: Drafts, reach: Reach): Promise<CollectionPlan> => {
  core.writer.roll()
  await core.writer.commit()
  return (await judge(core, drafts, reach)).plan
}

/**
 * Frees what no hold, no draft and no running work reaches. Manifests go first and for good, then the packs: a crash in between
 * leaves chunks that nothing names, never a manifest whose chunks are gone.
 */
export const collect = async (core: StoreCore, drafts: Drafts, reach: Reach): Promise<CollectionPlan> => {
  core.writer.roll()
  await core.writer.commit()
  const taken = new Map<number, Taken>()
  try {
    const sentence = await judge(core, drafts, reach, ({ manifests, packs }) => {
      for (const { pack, dead } of packs) taken.set(pack.number, takenOf(core, dead))
      // No await between the verdict and this: whoever looks for one of these chunks from now on stores it anew.
      for (const { dead } of packs) for (const entry of dead) core.index.remove(entry)
      return core.manifests.remove(manifests)
    })
    await removePacks(core, sentence)
    return sentence.plan
  } finally {
    // What a pack has counts again at the next opening, and so it does now, if the pack stays: who verifies looks at it too.
    for (const [pack, chunks] of taken) if (core.packFiles.packs.has(pack)) putBack(core, pack, chunks)
  }
}

const removePacks = async (core: StoreCore, { packs }: Sentence): Promise<void> => {
  let failure: { error: unknown } | undefined
  const gone = new Set<number>()
  for (const { pack, live } of packs) {
    try {
      if (!(await moveLive(core, pack, live))) continue
      await core.packFiles.remove(pack)
      gone.add(pack.number)
    } catch (error) {
      // A full disk has no room for the copies of this pack; another one may need less.
      failure ??= { error }
    }
  }
  core.index.forgetPacks(gone)
  if (packs.length > 0) await core.writer.syncNames()
  await core.damage.forgetPacks(gone) // a pack that may come back with the power takes what is known of it along
  if (failure) throw failure.error
}

const takenOf = ({ index }: StoreCore, dead: readonly number[]): Taken => ({
  records: encodeRecords(dead.map(entry => ({ id: index.idOf(entry), place: index.place(entry) }))),
  areSuspect: dead.map(entry => index.isSuspect(entry)),
})

const putBack = ({ index }: StoreCore, pack: number, { records, areSuspect }: Taken): void => {
  for (const [i, isSuspect] of areSuspect.entries()) {
    const entry = index.putBack(records, i * RECORD_BYTES, pack)
    if (entry !== undefined && isSuspect) index.suspect(entry)
  }
}

const judge = async (
  core: StoreCore,
  drafts: Drafts,
  reach: Reach,
  execute?: (sentence: Sentence) => Promise<void>,
): Promise<Sentence> => {
  core.holds.requireWhole()
  const room = await core.room.look()
  const isFull = room !== undefined && room.freeBytes < room.reserveBytes
  const candidates: Candidate[] = []
  for (const pack of [...core.packFiles.packs.values()])
    if (!core.writer.isGrowing(pack.number)) candidates.push({ pack, names: await core.packFiles.names(pack) })
  const marks: Marks = { chunks: new Bits(), manifests: needed(core) }
  const stopWatching = core.leases.watch(marks)
  try {
    await markDrafts(core, drafts, marks.chunks)
    await markReceives(core, marks.chunks)
    // The verdict comes in the same turn as the last look: who needs a manifest in between would keep it, and lose its chunks.
    do await update(reach, core, marks.manifests)
    while (needed(core).some(id => core.manifests.has(id) && !reach.hasManifest(id)))
    marks.chunks.addAll(core.leases.leased())
    const free = candidates.filter(({ pack }) => !core.writer.isDoubted(pack.number))
    const sentence = sentenceOf(core, free, marks.chunks, reach, isFull)
    const executed = execute?.(sentence)
    stopWatching()
    await executed
    return sentence
  } finally {
    stopWatching()
  }
}

const markDrafts = async ({ index }: StoreCore, drafts: Drafts, chunks: Bits): Promise<void> => {
  for (const map of await drafts.maps())
    for (const slices of map.within(0, map.sizeBytes))
      for (const { id } of slices) {
        const entry = index.find(Buffer.from(id, 'hex'))
        if (entry >= 0) chunks.add(entry)
      }
}

/** What is here of manifests of which more is to come. */
const markReceives = async ({ index, reader, receives }: StoreCore, chunks: Bits): Promise<void> => {
  const mark = (ids: Uint8Array, at: number) => {
    const entry = index.find(ids, at)
    if (entry >= 0) chunks.add(entry)
    return entry >= 0
  }
  for await (const manifest of receives.all())
    for (const { id } of manifest.pages) {
      if (!mark(idBytes(id), 0)) continue
      const page = await reader.peek(id) // one that is damaged is fetched again with what it names
      const slices = page && isPage(page) ? pageSlices(page) : Buffer.alloc(0)
      for (let at = 0; at < slices.length; at += SLICE_BYTES) mark(slices, at + 12)
    }
}

/** What a stranger named as a page is only looked at when all of it is here. */
const isPage = (bytes: Uint8Array): boolean => {
  try {
    return pageSlices(bytes).length > 0
  } catch {
    return false
  }
}

/** Lets `reach` cover what is needed, and nothing else. `ahead`: manifests that are needed, to which others come meanwhile. */
const update = async (reach: Reach, core: StoreCore, ahead: ManifestId[]): Promise<void> => {
  reach.begin()
  try {
    await dropOthers(reach, new Set(ahead))
    const isAhead = (id: ManifestId) => core.manifests.has(id) && !reach.hasManifest(id)
    for (;;) {
      // A manifest may have been pinned before it was there, and written and held since: the last look is at all of them.
      const manifest = ahead.pop() ?? needed(core).find(isAhead)
      if (manifest === undefined) break
      if (isAhead(manifest)) await reach.add(manifest)
    }
  } catch (error) {
    reach.forget()
    throw error
  }
}

/** A page that can't be read any more must not keep the garbage that it belongs to. */
const dropOthers = async (reach: Reach, wanted: ReadonlySet<ManifestId>): Promise<void> => {
  try {
    for (const id of reach.manifests()) if (!wanted.has(id)) await reach.drop(id)
  } catch {
    reach.forget()
  }
}

const needed = (core: StoreCore): ManifestId[] => [...core.holds.kept(), ...core.leases.pinned()]

const sentenceOf = (
  core: StoreCore,
  candidates: readonly Candidate[],
  marked: Bits,
  reach: Reach,
  isFull: boolean,
): Sentence => {
  const manifests = core.manifests.ids().filter(id => !reach.hasManifest(id) && !core.leases.isPinned(id))
  const { index } = core
  const isNeeded = (entry: number) => marked.has(entry) || reach.has(entry)
  const spoiled = spoiledPacks(index, isNeeded)
  const shields = shieldsOf(core, condemn(candidates, liveBytesByPack(index, isNeeded), spoiled, isFull))
  const lives = (entry: number) => isNeeded(entry) || shields.has(entry)
  const condemned = condemn(candidates, liveBytesByPack(index, lives), spoiled, isFull)
  const packs = new Map(
    condemned.map(({ pack }) => [pack.number, { pack, live: [] as number[], dead: [] as number[] }]),
  )
  let [freedBytes, sharedBytes] = [0, 0]
  let chunks = 0
  for (let entry = 0; entry < index.limit; entry++) {
    const pack = index.has(entry) ? packs.get(index.packOf(entry)) : undefined
    if (!pack) continue
    if (lives(entry)) {
      pack.live.push(entry)
      freedBytes -= index.storedBytesOf(entry)
    } else {
      pack.dead.push(entry)
      chunks++
    }
  }
  for (const { pack, names } of condemned) {
    if (names > 1) sharedBytes += pack.bodyEnd
    else freedBytes += pack.bodyEnd
  }
  return {
    manifests,
    packs: [...packs.values()],
    plan: { manifests: manifests.length, chunks, freedBytes: Math.max(0, freedBytes), sharedBytes },
  }
}

/** Packs with damage that nobody needs: once they are gone, nobody has to hear of it any more. */
const spoiledPacks = (index: ChunkIndex, isNeeded: (entry: number) => boolean): Set<number> =>
  new Set([...index.suspects].filter(entry => !isNeeded(entry)).map(entry => index.packOf(entry)))

/**
 * Chunks, needed or not, of which a pack that stays has an older copy. That one may be bad, and would count again after the next opening:
 * new data would be deduplicated against it.
 */
const shieldsOf = ({ index, packFiles }: StoreCore, condemned: readonly Candidate[]): Set<number> => {
  const goes = new Set(condemned.map(({ pack }) => pack.number))
  const stays = (pack: number) => packFiles.packs.has(pack) && !goes.has(pack)
  return new Set([...index.olderPacks()].filter(([, packs]) => packs.some(stays)).map(([entry]) => entry))
}

const liveBytesByPack = (index: ChunkIndex, lives: (entry: number) => boolean): Map<number, number> => {
  const live = new Map<number, number>()
  for (let entry = 0; entry < index.limit; entry++) {
    if (!index.has(entry) || !lives(entry)) continue
    const pack = index.packOf(entry)
    live.set(pack, (live.get(pack) ?? 0) + index.storedBytesOf(entry))
  }
  return live
}

/**
 * The emptiest first: what they give back is room for the copies of the next. A pack that several stores have in common only leaves
 * the disk when each has its own copy of what lives: that must be less than the pack, and a full disk has no room for it.
 */
const condemn = (
  candidates: readonly Candidate[],
  live: ReadonlyMap<number, number>,
  spoiled: ReadonlySet<number>,
  isFull: boolean,
): Candidate[] => {
  const leastLive = isFull ? LEAST_LIVE_WHEN_FULL : LEAST_LIVE
  const liveIn = ({ pack }: Candidate) => live.get(pack.number) ?? 0
  const mayCopy = (candidate: Candidate) => !isFull || candidate.names === 1 || liveIn(candidate) === 0
  const isMostlyDead = (candidate: Candidate) =>
    spoiled.has(candidate.pack.number) ||
    liveIn(candidate) * candidate.names < leastLive * (candidate.pack.bodyEnd - 16)
  const mostlyDead = candidates.filter(candidate => mayCopy(candidate) && isMostlyDead(candidate))
  mostlyDead.sort((a, b) => liveIn(a) - liveIn(b))
  const isSmall = (candidate: Candidate) => candidate.pack.bodyEnd < SMALL_PACK_BYTES && mayCopy(candidate)
  const small = candidates.filter(candidate => isSmall(candidate) && !mostlyDead.includes(candidate))
  return small.length >= MANY_SMALL_PACKS ? [...mostlyDead, ...small] : mostlyDead
}

/** Copies what lives in a pack to the growing one. False if some of it can't be read: then the pack stays for that. */
const moveLive = async (core: StoreCore, pack: Pack, live: readonly number[]): Promise<boolean> => {
  const settles: (() => void)[] = []
  const bad: number[] = []
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
      if (!chunk) bad.push(live[first + i]!)
      if (chunk && chunk.place.pack !== pack.number) isMoved = true // healed or stored again meanwhile
      if (!chunk || chunk.place.pack !== pack.number) return
      const { storedBytes, sizeBytes, encoding } = chunk.place
      const [id, sum] = [Buffer.from(ids[first + i]!, 'hex'), hashOf(chunk.stored)]
      chunks.push({ id, start: end, storedBytes, sizeBytes, encoding, sum })
      batch.push(Buffer.from(chunk.stored))
      end += storedBytes
    })
    await flush()
  }
  if (settles.length > 0 || isMoved) await core.writer.commit()
  for (const settle of settles) settle()
  for (const entry of bad) if (core.index.packOf(entry) === pack.number) await core.damage.note(entry)
  return bad.length === 0
}
