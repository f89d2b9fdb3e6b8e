import { idBytes, type Place } from './chunk-index.ts'
import type { BatchedChunk, ChunkId, StoredBatch } from './chunk-store.ts'
import { noSums, type PackSums } from './pack-sums.ts'
import { atWork, type StoreCore } from './store-core.ts'
import { BATCH_BYTES } from './stored-batches.ts'

interface Found {
  readonly id: ChunkId
  readonly place: Place
}

const AHEAD = 3

/**
 * Hands out chunks as they lie in the packs, with the sums that finished packs have beside them and without a look at their bytes: for
 * a receiver that checks every one. What can't be read is left out. A few buffers do for all, where a gigabyte of them to collect would
 * take as long as to send it.
 */
export async function* offerStored(core: StoreCore, ids: readonly ChunkId[]): AsyncGenerator<StoredBatch> {
  const wanted = batchesOf(findAll(core, ids))
  const bufferBytes = wanted.reduce((most, batch) => Math.max(most, storedBytesOf(batch)), 0)
  const ahead: Promise<StoredBatch>[] = []
  const idle: Uint8Array[] = []
  const sumsOf = sumsOfLast(core)
  const begin = (batch: readonly Found[] | undefined) => {
    if (!batch) return
    const buffer = idle.pop() ?? core.workers.allocate(bufferBytes)
    const read = readBatch(core, batch, buffer, sumsOf).then(chunks => ({
      chunks,
      bytes: buffer.subarray(0, storedBytesOf(batch)),
      release: () => void idle.push(buffer),
    }))
    read.catch(() => {}) // told when its turn comes, or never if nobody asks on
    ahead.push(read)
  }
  for (const batch of wanted.splice(0, AHEAD)) begin(batch)
  for (let read = ahead.shift(); read; read = ahead.shift()) {
    const batch = await read
    if (batch.chunks.length > 0) yield batch
    else batch.release()
    begin(wanted.shift())
  }
}

/** The sums of a pack; chunks come pack by pack, so that one is kept. */
const sumsOfLast = (core: StoreCore): ((pack: number) => Promise<PackSums>) => {
  let last: { readonly pack: number; readonly sums: Promise<PackSums> } | undefined
  return pack => {
    if (last?.pack !== pack) last = { pack, sums: core.packFiles.sums(pack).catch(() => noSums) }
    return last.sums
  }
}

/** In the order in which they lie: what was published together is read together. */
const findAll = (core: StoreCore, ids: readonly ChunkId[]): Found[] => {
  const found: Found[] = []
  for (const id of ids) {
    const entry = core.index.findGood(idBytes(id))
    if (entry >= 0) found.push({ id, place: core.index.place(entry) })
  }
  return found.sort((a, b) => a.place.pack - b.place.pack || a.place.offset - b.place.offset)
}

/** Chunks of one pack at a time, no more than fit a buffer. */
const batchesOf = (found: readonly Found[]): Found[][] => {
  const batches: Found[][] = []
  let [pack, bytes] = [-1, 0]
  for (const chunk of found) {
    const { place } = chunk
    if (place.pack === pack && bytes + place.storedBytes <= BATCH_BYTES) batches.at(-1)?.push(chunk)
    else {
      batches.push([chunk])
      ;[pack, bytes] = [place.pack, 0]
    }
    bytes += place.storedBytes
  }
  return batches
}

/** Reads chunks of one pack one behind the other into a buffer; none if one of them can't be read. */
const readBatch = (
  core: StoreCore,
  batch: readonly Found[],
  buffer: Uint8Array,
  sumsOf: (pack: number) => Promise<PackSums>,
): Promise<readonly BatchedChunk[]> =>
  atWork(core, async work => {
    for (const { id } of batch) {
      const entry = core.index.find(idBytes(id))
      if (entry >= 0) work.lease.add(entry)
    }
    const { pack } = batch[0]!.place
    const known = sumsOf(pack)
    await core.writer.written(pack)
    let start = 0
    for (const { offset, length } of runsOf(batch)) {
      // A collection may have moved the chunks since: then the receiver asks again.
      const run = buffer.subarray(start, start + length)
      if (!(await core.packFiles.read(pack, offset, run).catch(() => false))) return []
      start += length
    }
    const sums = await known
    let end = 0
    return batch.map(({ id, place: { offset, storedBytes, sizeBytes, encoding } }): BatchedChunk => {
      const sum = sums.find(offset, storedBytes)
      const start = end
      end += storedBytes
      return { id, encoding, sizeBytes, start, storedBytes, ...(sum && { sum }) }
    })
  })

/** What lies side by side is one read. */
const runsOf = (batch: readonly Found[]): { readonly offset: number; readonly length: number }[] => {
  const runs: { offset: number; length: number }[] = []
  for (const { place } of batch) {
    const last = runs.at(-1)
    if (last && last.offset + last.length === place.offset) last.length += place.storedBytes
    else runs.push({ offset: place.offset, length: place.storedBytes })
  }
  return runs
}

const storedBytesOf = (batch: readonly Found[]): number => batch.reduce((sum, { place }) => sum + place.storedBytes, 0)
