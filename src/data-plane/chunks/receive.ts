import { idBytes, idText, idTexts } from './chunk-index.ts'
import { ITEM_FIELDS } from './chunk-kernel.ts'
import {
  type BatchedChunk,
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  type ChunkSource,
  type Ingested,
  type ManifestId,
  type StoredBatch,
  type Watch,
} from './chunk-store.ts'
import { PackLinks } from './link-packs.ts'
import {
  checkedSlices,
  decodeRoot,
  MAX_ROOT_BYTES,
  type Manifest,
  ManifestMalformed,
  manifestIdOf,
  SLICE_BYTES,
} from './manifest.ts'
import { publishRoot } from './manifest-writer.ts'
import type { NewChunk } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import { ReceiveProgress } from './receive-progress.ts'
import { atWork, type StoreCore, type Work } from './store-core.ts'
import { BATCH_BYTES, inBatches, storedOf } from './stored-batches.ts'

interface Counts {
  newBytes: number
  storedBytes: number
}

/** One receive: where to, by which work, and from where. */
interface Run {
  readonly core: StoreCore
  readonly work: Work
  readonly from: ChunkSource
  readonly watch: Watch
  readonly progress: ReceiveProgress
}

/** How many chunks are asked for in one call: between two, the line is idle. */
const MOST_ASKED = 4096
/** Pages are fetched and their slices looked through so many at a time. */
const PAGES_AT_ONCE = 8

/** Takes over a manifest and the chunks of it that are missing here. Believes nothing that it has not checked. */
export const receive = async (
  core: StoreCore,
  id: ManifestId,
  from: ChunkSource,
  hold: string,
  watch: Watch = {},
): Promise<Ingested> => {
  const unpin = core.leases.pin(id)
  try {
    return await atWork(core, async work => {
      await core.room.require()
      const root = core.manifests.has(id) ? await core.manifests.root(id) : await from.manifestRoot(id)
      if (root.length > MAX_ROOT_BYTES || manifestIdOf(root) !== id) throw new ChunkCorrupt(id as string as ChunkId)
      const manifest = decodeRoot(root)
      const progress = new ReceiveProgress(core, work, root)
      const counts = await takeOver({ core, work, from, watch, progress }, manifest)
      await work.commit()
      await publishRoot(core, root, hold)
      await core.receives.forget(id).catch(() => {}) // it expires by itself
      watch.onProgress?.(manifest.sizeBytes, manifest.sizeBytes)
      return { manifest: id, sizeBytes: manifest.sizeBytes, dataBytes: manifest.dataBytes, ...counts }
    })
  } finally {
    unpin()
  }
}

/** Links what can be linked and fetches the rest. If that is cut off, what has arrived is durable and is kept. */
const takeOver = async (run: Run, manifest: Manifest): Promise<Counts & { readonly linkedBytes: number }> => {
  try {
    const linked = await linkChunks(run, manifest)
    const received = await receiveChunks(run, manifest)
    await run.progress.done()
    return {
      newBytes: linked.newBytes + received.newBytes,
      storedBytes: linked.storedBytes + received.storedBytes,
      linkedBytes: linked.storedBytes,
    }
  } catch (error) {
    await run.progress.breakOff()
    throw error
  }
}

/** Takes over whole packs that the source has in files here, so that only what is in none of them is left to be sent. */
const linkChunks = async (run: Run, manifest: Manifest): Promise<Counts> => {
  const { core, work, from, watch, progress } = run
  if (!from.packs) return { newBytes: 0, storedBytes: 0 }
  const links = new PackLinks(core, async ids => (await from.packs?.(ids)) ?? [])
  for (let first = 0; first < manifest.pages.length; first += PAGES_AT_ONCE) {
    const pages = await fetchPages(run, manifest, first)
    watch.signal?.throwIfAborted()
    await links.want(missingOf(core, work, pages))
  }
  const linked = await links.link(work)
  progress.arrived(linked.storedBytes)
  return linked
}

const receiveChunks = async (run: Run, manifest: Manifest): Promise<Counts> => {
  const { core, work, watch } = run
  const counts = { newBytes: 0, storedBytes: 0 }
  let dataBytes = 0
  for (let first = 0; first < manifest.pages.length; first += PAGES_AT_ONCE) {
    const pages = await fetchPages(run, manifest, first)
    await fetchMissing(run, missingOf(core, work, pages), counts)
    for (const page of pages) dataBytes += dataBytesOf(core, page)
    watch.onProgress?.(manifest.pages[first + PAGES_AT_ONCE]?.offset ?? manifest.sizeBytes, manifest.sizeBytes)
  }
  if (dataBytes !== manifest.dataBytes) throw new ManifestMalformed('The slices do not add up to the size of the data.')
  return counts
}

/** The encoded slices of some pages, from number `first` on, which are here afterwards. */
const fetchPages = async (run: Run, manifest: Manifest, first: number): Promise<Buffer[]> => {
  const { core, work } = run
  const refs = manifest.pages.slice(first, first + PAGES_AT_ONCE)
  const ids = Buffer.concat(refs.map(({ id }) => idBytes(id)))
  await fetchMissing(run, missingOf(core, work, [ids], 0, 32), { newBytes: 0, storedBytes: 0 }) // not bytes of the image
  const pages: Buffer[] = []
  for (const [i, { id }] of refs.entries()) pages.push(checkedSlices(manifest, first + i, await core.reader.read(id)))
  return pages
}

/** The ids, 32 bytes each, of the chunks that are not here; the others are leased. There is one id in every `step` bytes. */
const missingOf = (core: StoreCore, work: Work, tables: readonly Buffer[], at = 12, step = SLICE_BYTES): Buffer => {
  let missing: Buffer | undefined
  let end = 0
  for (const table of tables)
    for (let id = at; id < table.length; id += step) {
      const entry = core.index.findGood(table, id)
      missing ??= entry < 0 ? Buffer.alloc(tables.reduce((sum, { length }) => sum + (length / step) * 32, 0)) : missing
      if (entry >= 0) work.lease.add(entry)
      else end += table.copy(missing!, end, id, id + 32)
    }
  return missing?.subarray(0, end) ?? Buffer.alloc(0)
}

/** Throws unless all slices of a page lie in chunks that are here. */
const dataBytesOf = ({ index }: StoreCore, slices: Buffer): number => {
  let dataBytes = 0
  for (let at = 0; at < slices.length; at += SLICE_BYTES) {
    const [length, skip] = [slices.readUInt32LE(at + 4), slices.readUInt32LE(at + 8)]
    const entry = index.find(slices, at + 12)
    if (entry < 0) throw new ChunkMissing(idText(slices, at + 12))
    if (skip + length > index.sizeBytesOf(entry))
      throw new ManifestMalformed(`A slice leaves the chunk ${idText(slices, at + 12)}.`)
    dataBytes += length
  }
  return dataBytes
}

/** `ids`: 32 bytes each; of one that is named twice one is asked for. */
const fetchMissing = async (run: Run, ids: Buffer, counts: Counts): Promise<void> => {
  const { core, from, watch } = run
  const missing = [...new Set(idTexts(ids))]
  watch.signal?.throwIfAborted()
  const isOffered = from.stored !== undefined
  const lacking = isOffered ? await fetchChunks(run, missing, ids => storedOf(from, ids), counts) : missing
  if (lacking.length === 0) return
  const batchBytes = Math.min(BATCH_BYTES, core.copyLimits.batchBytes)
  const verified: Ask = ids => inBatches(from.chunks(ids), batchBytes)
  const [lost] = await fetchChunks(run, lacking, verified, counts, true)
  if (lost !== undefined) throw new ChunkMissing(lost)
}

type Ask = (ids: readonly ChunkId[]) => AsyncIterable<StoredBatch>

/** Asks for many chunks in several calls, one after the other; what came last is still being checked when the next is asked for. */
async function* inParts(ids: readonly ChunkId[], ask: Ask): AsyncGenerator<StoredBatch> {
  for (let first = 0; first < ids.length; first += MOST_ASKED) yield* ask(ids.slice(first, first + MOST_ASKED))
}

/** Stores what comes, and answers with what did not come, or came damaged from a source that does not promise to verify. */
const fetchChunks = async (
  run: Run,
  ids: readonly ChunkId[],
  ask: Ask,
  counts: Counts,
  isVerified = false,
): Promise<ChunkId[]> => {
  const { core, watch } = run
  const wanted = new Set(ids)
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  const start = async (batch: StoredBatch) => {
    const arrived = batch.chunks.filter(({ id }) => wanted.delete(id))
    const task = storeArrived(run, arrived, batch.bytes, counts)
      .then(bad => {
        for (const id of bad) wanted.add(id)
        if (isVerified && bad[0] !== undefined) throw new ChunkCorrupt(bad[0])
      })
      .catch(error => {
        failure ??= { error }
      })
      .finally(() => {
        batch.release()
        running.delete(task)
      })
    running.add(task)
    if (running.size > core.workers.count) await Promise.race(running)
  }
  try {
    for await (const batch of inParts(ids, ask)) {
      watch.signal?.throwIfAborted()
      if (failure) break
      await start(batch)
    }
  } finally {
    await Promise.all(running)
  }
  if (failure) throw failure.error
  return [...wanted]
}

const isSensible = ({ sizeBytes, storedBytes, encoding, sum }: BatchedChunk): boolean =>
  sizeBytes > 0 &&
  (sum === undefined || sum.length === 32) &&
  sizeBytes <= MAX_CHUNK_BYTES &&
  (encoding === 'raw' ? storedBytes === sizeBytes : encoding === 'zstd' && storedBytes <= sizeBytes)

/** Checks chunks and stores them as they came; answers with those that are not what they should be. */
const storeArrived = async (
  { core, work, progress }: Run,
  arrived: readonly BatchedChunk[],
  bytes: Uint8Array,
  counts: Counts,
): Promise<readonly ChunkId[]> => {
  for (const chunk of arrived) if (!isSensible(chunk)) throw new ChunkCorrupt(chunk.id)
  const { items, hashes, chunks } = proofsOf(arrived)
  const good = await core.workers.unsqueeze(bytes, items, hashes)
  const kept = good.includes(0) ? chunks.filter((_, i) => good[i]) : chunks
  const added = await core.writer.append(kept, bytes, work.lease)
  counts.newBytes += added.newBytes
  counts.storedBytes += added.storedBytes
  progress.arrived(added.storedBytes)
  return arrived.flatMap(({ id }, i) => (good[i] ? [] : [id]))
}

/**
 * What proves chunks, for `unsqueeze`, and what is to be written of those that it finds good. One that came with a sum is compared with
 * that, which is as sure and spares its decoding, which takes four times as long; any other one with its id.
 */
const proofsOf = (arrived: readonly BatchedChunk[]) => {
  const items = new Uint32Array(arrived.length * ITEM_FIELDS)
  const hashes = new Uint8Array(arrived.length * 32)
  const chunks = arrived.map(({ id: text, start, storedBytes, sizeBytes, encoding, sum: given }, i): NewChunk => {
    const id = idBytes(text)
    const sum = encoding === 'raw' ? id : given
    items.set([start, storedBytes, sum ? storedBytes : sizeBytes, sum ? 0 : 1], i * ITEM_FIELDS)
    hashes.set(sum ?? id, i * 32)
    return { id, start, storedBytes, sizeBytes, encoding, ...(sum && { sum }) }
  })
  return { items, hashes, chunks }
}
