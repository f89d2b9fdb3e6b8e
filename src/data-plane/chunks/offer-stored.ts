import { idBytes, type Place } from './chunk-index.ts'
import type { ChunkId, StoredChunk } from './chunk-store.ts'
import { noSums, type PackSums } from './pack-sums.ts'
import { atWork, type StoreCore } from './store-core.ts'

interface Found {
  readonly id: ChunkId
  readonly place: Place
}

/** Chunks that lie one after the other in a pack: one read. */
const RUN_BYTES = 1024 * 1024
const RUNS_AHEAD = 3

/**
 * Hands out chunks as they lie in the packs, with the sums that finished packs have beside them and without a look at their bytes: for
 * a receiver that checks every one. What can't be read is left out. A chunk is good until the next one is asked for: a few buffers do
 * for all, where a gigabyte of them to collect would take as long as to send it.
 */
export async function* offerStored(core: StoreCore, ids: readonly ChunkId[]): AsyncGenerator<StoredChunk> {
  const runs = runsOf(core, ids)
  const ahead: Promise<ReadRun>[] = []
  const idle: Buffer[] = []
  const sumsOf = sumsOfLast(core)
  const begin = (run: readonly Found[] | undefined) => {
    if (!run) return
    const read = readRun(core, run, idle.pop(), sumsOf(run[0]!.place.pack))
    read.catch(() => {}) // told when its turn comes, or never if nobody asks on
    ahead.push(read)
  }
  for (const run of runs.splice(0, RUNS_AHEAD)) begin(run)
  for (let read = ahead.shift(); read; read = ahead.shift()) {
    const { chunks, buffer } = await read
    yield* chunks
    idle.push(buffer)
    begin(runs.shift())
  }
}

/** The sums of a pack; runs come pack by pack, so that one is kept. */
const sumsOfLast = (core: StoreCore): ((pack: number) => Promise<PackSums>) => {
  let last: { readonly pack: number; readonly sums: Promise<PackSums> } | undefined
  return pack => {
    if (last?.pack !== pack) last = { pack, sums: core.packFiles.sums(pack).catch(() => noSums) }
    return last.sums
  }
}

/** In the order in which they lie: what was published together is read together. */
const runsOf = (core: StoreCore, ids: readonly ChunkId[]): Found[][] => {
  const found: Found[] = []
  for (const id of ids) {
    const entry = core.index.findGood(idBytes(id))
    if (entry >= 0) found.push({ id, place: core.index.place(entry) })
  }
  found.sort((a, b) => a.place.pack - b.place.pack || a.place.offset - b.place.offset)
  const runs: Found[][] = []
  let [endPack, endOffset, runStart] = [-1, 0, 0]
  for (const chunk of found) {
    const { pack, offset, storedBytes } = chunk.place
    const follows = pack === endPack && offset === endOffset && offset + storedBytes - runStart <= RUN_BYTES
    if (follows) runs.at(-1)?.push(chunk)
    else {
      runs.push([chunk])
      runStart = offset
    }
    ;[endPack, endOffset] = [pack, offset + storedBytes]
  }
  return runs
}

/** A run with its chunks in a buffer; `chunks` is empty if it could not be read. */
interface ReadRun {
  readonly chunks: readonly StoredChunk[]
  readonly buffer: Buffer
}

const readRun = (
  core: StoreCore,
  run: readonly Found[],
  used: Buffer | undefined,
  known: Promise<PackSums>,
): Promise<ReadRun> =>
  atWork(core, async work => {
    for (const { id } of run) {
      const entry = core.index.find(idBytes(id))
      if (entry >= 0) work.lease.add(entry)
    }
    const [first, last] = [run[0]!.place, run.at(-1)!.place]
    const length = last.offset + last.storedBytes - first.offset
    const buffer = used && used.length >= length ? used : Buffer.allocUnsafeSlow(length) // filled, or not handed out
    const bytes = buffer.subarray(0, length)
    await core.writer.written(first.pack)
    // A collection may have moved the chunks since: then the receiver asks again.
    if (!(await core.packFiles.read(first.pack, first.offset, bytes).catch(() => false))) return { chunks: [], buffer }
    const sums = await known
    const chunks = run.map(({ id, place: { offset, storedBytes, sizeBytes, encoding } }): StoredChunk => {
      const start = offset - first.offset
      const sum = sums.find(offset, storedBytes)
      return { id, encoding, sizeBytes, stored: bytes.subarray(start, start + storedBytes), ...(sum && { sum }) }
    })
    return { chunks, buffer }
  })
