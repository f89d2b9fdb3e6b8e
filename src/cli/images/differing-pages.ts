import type { HashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { blocksOf, isZero } from '#data-plane/disks/data-runs.ts'
import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import { Failure } from '../failure.ts'

/** A range of the base. Bytes of that length with this SHA-256 are the same; without one nobody can tell. What none covers is zeros. */
export interface StoredRange extends Extent {
  readonly chunk: string | undefined
}

/** Whole pages to be written, or without any to be cleared. */
export type PageChange = Extent & { readonly pages?: Buffer }

export interface Comparing {
  readonly workers: HashWorkers
  readonly signal?: AbortSignal | undefined
  onCompared(doneBytes: number): void
}

/** A part of the image: it continues where the base has zeros, or it stands against a range of the base, `gone` if it is a hole here. */
interface Part extends Extent {
  readonly kind: 'new' | 'against' | 'gone'
  readonly data: readonly Extent[]
  readonly chunk?: string | undefined
}

/** Parts whose bytes lie in a buffer one behind the other. */
interface Batch {
  readonly buffer: Uint8Array
  readonly parts: { readonly part: Part; readonly at: number }[]
  /** What is to be read, and where to. */
  readonly reads: (Extent & { readonly at: number })[]
  usedBytes: number
}

const pageBytes = 4096
const batchBytes = 4 * 2 ** 20
const mostRangeBytes = 2 ** 20
const itemFields = 4

/**
 * What of an image differs from a base of which only the hashes are known, in order: with these pages written and cleared, the base's bytes
 * are the image's, as far as that goes. Reads the image once, from the front to the back. Its size is a multiple of a page.
 */
export async function* differingPages(
  image: SparseBytes,
  base: AsyncIterable<readonly StoredRange[]>,
  comparing: Comparing,
): AsyncGenerator<PageChange> {
  const { workers, signal, onCompared } = comparing
  const spare = Array.from({ length: workers.count + 2 }, () => workers.allocate(batchBytes))
  const running: Promise<{ buffer: Uint8Array; changes: PageChange[]; end: number }>[] = []
  const compare = async (batch: Batch) => {
    const same = await samenessOf(batch, workers)
    const changes = batch.parts.flatMap((each, i) => (same[i] ? [] : [...changesOf(batch, each)]))
    const last = batch.parts.at(-1)?.part
    return { buffer: batch.buffer, changes, end: last ? last.offset + last.length : 0 }
  }
  const takeOldest = async function* () {
    const { buffer, changes, end } = await running.shift()!
    spare.push(buffer)
    onCompared(end)
    yield* changes
  }
  let batch: Batch = { buffer: spare.pop()!, parts: [], reads: [], usedBytes: 0 }
  const start = async () => {
    for (const { offset, length, at } of batch.reads) await image.read(offset, batch.buffer.subarray(at, at + length))
    const compared = compare(batch)
    compared.catch(() => {}) // it is awaited in its turn
    running.push(compared)
  }
  for await (const part of partsOf(image, base)) {
    signal?.throwIfAborted()
    if (batch.usedBytes + part.length > batchBytes || batch.parts.length >= 4096) {
      await start()
      if (spare.length === 0) yield* takeOldest()
      batch = { buffer: spare.pop()!, parts: [], reads: [], usedBytes: 0 }
    }
    place(batch, part)
  }
  await start()
  while (running.length > 0) yield* takeOldest()
}

const place = (batch: Batch, part: Part): void => {
  const at = batch.usedBytes
  batch.parts.push({ part, at })
  if (part.kind === 'gone') return
  batch.usedBytes += part.length
  const dataBytes = part.data.reduce((sum, { length }) => sum + length, 0)
  if (dataBytes < part.length) batch.buffer.fill(0, at, batch.usedBytes)
  for (const { offset, length } of part.data) {
    const [last, target] = [batch.reads.at(-1), at + offset - part.offset]
    const goesOn = last && last.offset + last.length === offset && last.at + last.length === target
    if (goesOn) batch.reads[batch.reads.length - 1] = { ...last, length: last.length + length }
    else batch.reads.push({ offset, length, at: target })
  }
}

/** For each part 1 if its hash is the base's. */
const samenessOf = async ({ buffer, parts }: Batch, workers: HashWorkers): Promise<Uint8Array> => {
  const same = new Uint8Array(parts.length)
  const asked = parts.flatMap(({ part, at }, i) => (part.kind === 'against' && part.chunk ? [{ part, at, i }] : []))
  const items = Uint32Array.from(asked.flatMap(({ part: { length }, at }) => [at, length, length, 0]))
  const ids = Buffer.from(asked.map(({ part }) => part.chunk).join(''), 'hex')
  if (items.length / itemFields !== ids.length / 32) throw new Failure('The server named a chunk that is not one.')
  const good = await workers.unsqueeze(buffer, items, Uint8Array.from(ids))
  for (const [k, { i }] of asked.entries()) same[i] = good[k]!
  return same
}

/** Pages of zeros are cleared where the base had something, and else left alone. */
function* changesOf({ buffer }: Batch, { part, at }: Batch['parts'][number]): Generator<PageChange> {
  const { offset, length, kind } = part
  if (kind === 'gone') {
    yield { offset, length }
    return
  }
  for (let start = 0; start < length; ) {
    const isZeroHere = (page: number) => isZero(buffer.subarray(at + page, at + Math.min(length, page + pageBytes)))
    const zero = isZeroHere(start)
    let end = start + pageBytes
    while (end < length && isZeroHere(end) === zero) end += pageBytes
    end = Math.min(end, length)
    const place = { offset: offset + start, length: end - start }
    if (!zero) yield { ...place, pages: Buffer.from(buffer.subarray(at + start, at + end)) }
    else if (kind === 'against') yield place
    start = end
  }
}

const pageDown = (offset: number): number => offset - (offset % pageBytes)
const pageUp = (offset: number): number => Math.ceil(offset / pageBytes) * pageBytes

/** The image's data and the base's ranges side by side. Ranges that cut a page stand for the whole of it, and are never the same. */
async function* partsOf(image: SparseBytes, base: AsyncIterable<readonly StoredRange[]>): AsyncGenerator<Part> {
  const data = new DataAhead(blocksOf(image))
  let [rangeEnd, done] = [0, 0]
  for await (const ranges of base) {
    for (const range of ranges) {
      if (!(range.length <= mostRangeBytes && range.offset >= rangeEnd))
        throw new Failure('The server named ranges that are out of order.')
      rangeEnd = range.offset + range.length
      const offset = Math.max(done, pageDown(range.offset))
      const end = Math.min(pageUp(rangeEnd), image.sizeBytes)
      if (end <= offset) continue
      for await (const each of data.before(offset)) yield { kind: 'new', ...each, data: [each] }
      const own: Extent[] = []
      for await (const each of data.before(end)) own.push(each)
      const isWhole = range.offset === offset && rangeEnd === end
      const place = { offset, length: end - offset, data: own }
      yield own.length === 0
        ? { ...place, kind: 'gone' }
        : { ...place, kind: 'against', chunk: isWhole ? range.chunk : undefined }
      done = end
    }
  }
  for await (const each of data.before(image.sizeBytes)) yield { kind: 'new', ...each, data: [each] }
}

/** The image's data in whole pages, up to one place after the other. */
class DataAhead {
  readonly #blocks: AsyncGenerator<Extent>
  #next: Extent | undefined

  constructor(blocks: AsyncGenerator<Extent>) {
    this.#blocks = blocks
  }

  async *before(end: number): AsyncGenerator<Extent> {
    for (;;) {
      this.#next ??= (await this.#blocks.next()).value as Extent | undefined
      if (!this.#next || this.#next.offset >= end) return
      const { offset, length } = this.#next
      const stop = Math.min(end, offset + length)
      this.#next = stop < offset + length ? { offset: stop, length: offset + length - stop } : undefined
      yield { offset, length: stop - offset }
    }
  }
}
