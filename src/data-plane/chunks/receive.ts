import { idBytes } from './chunk-index.ts'
import { ITEM_FIELDS } from './chunk-kernel.ts'
import {
  ChunkCorrupt,
  type ChunkId,
  ChunkMissing,
  type ChunkSource,
  type Ingested,
  type ManifestId,
  type StoredChunk,
  type Watch,
} from './chunk-store.ts'
import { SEGMENT_BYTES } from './intake.ts'
import { checkPage, decodeRoot, MAX_ROOT_BYTES, type Manifest, ManifestMalformed, manifestIdOf } from './manifest.ts'
import { publishRoot } from './manifest-writer.ts'
import type { NewChunk } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import { atWork, type StoreCore, type Work } from './store-core.ts'

interface Counts {
  newBytes: number
  storedBytes: number
}

/** How many chunks are asked for in one call. */
const MOST_ASKED = 2048
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
      const counts = await receiveChunks(core, work, manifest, from, watch)
      await work.commit()
      await publishRoot(core, root, hold)
      watch.onProgress?.(manifest.sizeBytes, manifest.sizeBytes)
      return { manifest: id, sizeBytes: manifest.sizeBytes, dataBytes: manifest.dataBytes, ...counts }
    })
  } finally {
    unpin()
  }
}

const receiveChunks = async (
  core: StoreCore,
  work: Work,
  manifest: Manifest,
  from: ChunkSource,
  watch: Watch,
): Promise<Counts> => {
  const counts = { newBytes: 0, storedBytes: 0 }
  const pageCounts = { newBytes: 0, storedBytes: 0 } // pages are not bytes of the image
  let dataBytes = 0
  for (let first = 0; first < manifest.pages.length; first += PAGES_AT_ONCE) {
    const refs = manifest.pages.slice(first, first + PAGES_AT_ONCE)
    await fetchMissing(
      core,
      work,
      refs.map(ref => ref.id),
      from,
      pageCounts,
      watch,
    )
    const slices = []
    for (const [i, ref] of refs.entries())
      for (const slice of checkPage(manifest, first + i, await core.reader.read(ref.id))) slices.push(slice)
    await fetchMissing(
      core,
      work,
      slices.map(slice => slice.id),
      from,
      counts,
      watch,
    )
    for (const { id, skip, length } of slices) {
      const entry = core.index.find(idBytes(id))
      if (entry < 0) throw new ChunkMissing(id)
      if (skip + length > core.index.place(entry).sizeBytes)
        throw new ManifestMalformed(`A slice leaves the chunk ${id}.`)
      dataBytes += length
    }
    const last = slices.at(-1)!
    watch.onProgress?.(last.offset + last.length, manifest.sizeBytes)
  }
  if (dataBytes !== manifest.dataBytes) throw new ManifestMalformed('The slices do not add up to the size of the data.')
  return counts
}

/** Those of the chunks that are not here, each once; the others are leased. */
const missingOf = (core: StoreCore, work: Work, ids: readonly ChunkId[]): Set<ChunkId> => {
  const missing = new Set<ChunkId>()
  for (const id of ids) {
    const entry = core.index.findGood(idBytes(id))
    if (entry < 0) missing.add(id)
    else work.lease.add(entry)
  }
  return missing
}

const fetchMissing = async (
  core: StoreCore,
  work: Work,
  ids: readonly ChunkId[],
  from: ChunkSource,
  counts: Counts,
  watch: Watch,
): Promise<void> => {
  const missing = [...missingOf(core, work, ids)]
  for (let first = 0; first < missing.length; first += MOST_ASKED) {
    watch.signal?.throwIfAborted()
    await fetchChunks(core, work, missing.slice(first, first + MOST_ASKED), from, counts, watch)
  }
}

const fetchChunks = async (
  core: StoreCore,
  work: Work,
  ids: readonly ChunkId[],
  from: ChunkSource,
  counts: Counts,
  watch: Watch,
): Promise<void> => {
  const wanted = new Set(ids)
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  const start = async (batch: readonly StoredChunk[]) => {
    const task = storeBatch(core, work, batch, counts)
      .catch(error => {
        failure ??= { error }
      })
      .finally(() => running.delete(task))
    running.add(task)
    if (running.size > core.workers.count) await Promise.race(running)
  }
  let [batch, bytes]: [StoredChunk[], number] = [[], 0]
  try {
    for await (const chunk of from.chunks(ids)) {
      watch.signal?.throwIfAborted()
      if (failure) break
      if (!wanted.delete(chunk.id)) continue
      if (!isSensible(chunk)) throw new ChunkCorrupt(chunk.id)
      if (bytes + chunk.sizeBytes > SEGMENT_BYTES / 2) {
        await start(batch)
        batch = []
        bytes = 0
      }
      batch.push(chunk)
      bytes += chunk.sizeBytes
    }
    if (batch.length > 0) await start(batch)
  } finally {
    await Promise.all(running)
  }
  if (failure) throw failure.error
  for (const id of wanted) throw new ChunkMissing(id)
}

const isSensible = ({ sizeBytes, stored, encoding }: StoredChunk): boolean =>
  sizeBytes > 0 &&
  sizeBytes <= MAX_CHUNK_BYTES &&
  (encoding === 'raw' ? stored.length === sizeBytes : encoding === 'zstd' && stored.length <= sizeBytes)

/** Checks chunks against their ids and stores them as they came. */
const storeBatch = (core: StoreCore, work: Work, batch: readonly StoredChunk[], counts: Counts): Promise<void> =>
  core.segments.with(2 * sum(batch, chunk => chunk.sizeBytes), async buffer => {
    const items = new Uint32Array(batch.length * ITEM_FIELDS)
    const ids = new Uint8Array(batch.length * 32)
    const chunks: NewChunk[] = []
    let end = 0
    for (const [i, { id, stored, sizeBytes, encoding }] of batch.entries()) {
      buffer.set(stored, end)
      ids.set(idBytes(id), i * 32)
      items.set([end, stored.length, sizeBytes, encoding === 'zstd' ? 1 : 0], i * ITEM_FIELDS)
      const own = ids.subarray(i * 32, i * 32 + 32)
      chunks.push({ id: own, start: end, storedBytes: stored.length, sizeBytes, encoding })
      end += stored.length
    }
    const good = await core.workers.unsqueeze(buffer, items, ids, buffer.subarray(buffer.length / 2))
    const bad = good.indexOf(0)
    if (bad >= 0) throw new ChunkCorrupt(batch[bad]!.id)
    const added = await core.writer.append(chunks, buffer, work.lease)
    counts.newBytes += added.newBytes
    counts.storedBytes += added.storedBytes
  })

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
