import { type ChunkIndex, idTexts, type Place } from './chunk-index.ts'
import { ITEM_FIELDS } from './chunk-kernel.ts'
import { noSums, type PackSums } from './pack-sums.ts'
import { severalAtOnce } from './several-at-once.ts'
import type { StoreCore } from './store-core.ts'

/** Chunks that lie near each other in a pack, read in one go. */
interface Stretch {
  readonly pack: number
  readonly start: number
  end: number
  readonly chunks: { readonly i: number; readonly place: Place }[]
}

const STRETCH_BYTES = 1024 * 1024
/** Reading over so much that nobody asked for costs less than asking twice. */
const GAP_BYTES = 32 * 1024

/** How much is proven of a chunk: that it is stored as it was written or, deep, that it also decodes to what its id promises. */
export interface CheckWish {
  readonly deep?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads and checks chunks, in the order in which they lie on the disk, and keeps none. Answers which of `ids` (32 bytes each) are
 * missing or bad; `good` is told how many bytes were found good. Chunks without a sum are always decoded.
 */
export const findBad = async (
  core: StoreCore,
  ids: Uint8Array,
  good: (bytes: number) => void,
  { deep, signal }: CheckWish = {},
): Promise<number[]> => {
  const { known, lost } = placesOf(core.index, ids)
  const doubtful: number[] = []
  const stretches = withSums(core, stretchesOf(known), deep)
  const check = async ({ stretch, sums }: { stretch: Stretch; sums: PackSums }) => {
    doubtful.push(...(await checkStretch(core, ids, stretch, sums, good)))
  }
  await severalAtOnce(stretches, core.workers.count + 1, check, signal)
  return [...lost, ...(await lookAgain(core, ids, doubtful, good))].sort((a, b) => a - b)
}

const placesOf = (index: ChunkIndex, ids: Uint8Array) => {
  const known: { i: number; place: Place }[] = []
  const lost: number[] = []
  for (let i = 0; i * 32 < ids.length; i++) {
    const entry = index.find(ids, i * 32)
    if (entry < 0) lost.push(i)
    else known.push({ i, place: index.place(entry) })
  }
  known.sort((a, b) => a.place.pack - b.place.pack || a.place.offset - b.place.offset)
  return { known, lost }
}

function* stretchesOf(known: readonly { i: number; place: Place }[]): Generator<Stretch> {
  let stretch: Stretch | undefined
  for (const chunk of known) {
    const { pack, offset, storedBytes } = chunk.place
    const isNear =
      stretch?.pack === pack &&
      offset - stretch.end <= GAP_BYTES &&
      offset + storedBytes - stretch.start <= STRETCH_BYTES
    if (stretch && !isNear) {
      yield stretch
      stretch = undefined
    }
    stretch ??= { pack, start: offset, end: offset, chunks: [] }
    stretch.end = Math.max(stretch.end, offset + storedBytes)
    stretch.chunks.push(chunk)
  }
  if (stretch) yield stretch
}

async function* withSums(core: StoreCore, stretches: Iterable<Stretch>, deep = false) {
  let [sums, sumsOf] = [noSums, -1]
  for (const stretch of stretches) {
    if (!deep && stretch.pack !== sumsOf) sums = await core.packFiles.sums(stretch.pack)
    sumsOf = stretch.pack
    yield { stretch, sums }
  }
}

const checkStretch = async (
  core: StoreCore,
  ids: Uint8Array,
  stretch: Stretch,
  sums: PackSums,
  good: (bytes: number) => void,
) => {
  const { pack, start, end, chunks } = stretch
  return await core.segments.with(end - start, async buffer => {
    const items = new Uint32Array(chunks.length * ITEM_FIELDS)
    const own = new Uint8Array(chunks.length * 32)
    for (const [k, { i, place }] of chunks.entries()) {
      const { offset, storedBytes, sizeBytes, encoding } = place
      const sum = sums.find(offset, storedBytes)
      const decoded = sum ? [storedBytes, 0] : [sizeBytes, encoding === 'zstd' ? 1 : 0]
      items.set([offset - start, storedBytes, ...decoded], k * ITEM_FIELDS)
      own.set(sum ?? ids.subarray(i * 32, i * 32 + 32), k * 32)
    }
    await core.writer.written(pack)
    const isRead = await core.packFiles.read(pack, start, buffer.subarray(0, end - start)).catch(() => false)
    const found = isRead ? await core.workers.unsqueeze(buffer, items, own) : undefined
    const [goodOnes, bad] = [chunks.filter((_, k) => found?.[k]), chunks.filter((_, k) => !found?.[k])]
    good(goodOnes.reduce((sum, { place }) => sum + place.sizeBytes, 0))
    return bad.map(({ i }) => i)
  })
}

/** One by one: a collection may have moved them, or a neighbour could not be read. */
const lookAgain = async (core: StoreCore, ids: Uint8Array, doubtful: number[], good: (bytes: number) => void) => {
  const bad: number[] = []
  const texts = doubtful.map(i => idTexts(ids.subarray(i * 32, i * 32 + 32))[0]!)
  await core.reader.eachVerified(texts, (k, chunk) => {
    if (chunk) good(chunk.bytes.length)
    else bad.push(doubtful[k]!)
  })
  return bad
}
