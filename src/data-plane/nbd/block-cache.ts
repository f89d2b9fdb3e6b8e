import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { ExtentMap } from './extent-map.ts'

export interface CacheLimits {
  /** Blocks are read and kept as a whole. */
  readonly blockBytes: number
  /** What is kept, beside what is being read at the moment. */
  readonly cacheBytes: number
  /** How far ahead of somebody who reads in order. */
  readonly aheadBytes: number
}

export const usualCacheLimits: CacheLimits = {
  blockBytes: 64 * 1024,
  cacheBytes: 64 * 1024 * 1024,
  aheadBytes: 4 * 1024 * 1024,
}

/** One read of the source is for so much at most, so that its first bytes do not wait for its last. */
const mostBytesAtOnce = 1024 * 1024
/** What may be on its way ahead of all readers together. */
const mostBytesAhead = 8 * 1024 * 1024
const firstWindowBytes = 256 * 1024
const mostReaders = 16

/** Somebody who seems to read in order. */
interface Reader {
  nextOffset: number
  windowBytes: number
  /** Up to where was read ahead. */
  aheadUntil: number
}

/**
 * Bytes that never change, in blocks: the last ones are kept, equal reads at the same time become one, and who reads in order finds
 * the next blocks on their way. Answers are views of blocks: nobody may write to them, and no byte is copied to hand it out.
 */
export class BlockCache {
  /** Where the bytes are known to be zero; without it holes are read like data. */
  holes: ExtentMap | undefined
  readonly #bytes: SparseBytes
  readonly #limits: CacheLimits
  readonly #kept = new Map<number, Uint8Array>()
  readonly #coming = new Map<number, Promise<Uint8Array>>()
  readonly #reads = new Set<Promise<unknown>>()
  readonly #readers: Reader[] = []
  readonly #zeros: Uint8Array
  #bytesAhead = 0

  constructor(bytes: SparseBytes, limits: CacheLimits = usualCacheLimits) {
    this.#bytes = bytes
    this.#limits = limits
    this.#zeros = new Uint8Array(limits.blockBytes)
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes
  }

  get keptBytes(): number {
    return this.#kept.size * this.#limits.blockBytes
  }

  /** The bytes from `offset` on, in order, as one view per block. */
  async read(offset: number, length: number): Promise<Uint8Array[]> {
    requireRange(offset, length, this.sizeBytes)
    if (length === 0) return []
    const { blockBytes } = this.#limits
    const [first, last] = [Math.floor(offset / blockBytes), Math.floor((offset + length - 1) / blockBytes)]
    const found = this.#take(first, last)
    this.#readAhead(offset, offset + length)
    try {
      const blocks = await Promise.all(found)
      return blocks.map((block, i) => {
        const start = (first + i) * blockBytes
        return block.subarray(Math.max(0, offset - start), Math.min(block.length, offset + length - start))
      })
    } catch {
      // Perhaps only bytes beside the wanted ones are lost, or a read ahead of us met a fault that has passed.
      const exact = new Uint8Array(length)
      await this.#bytes.read(offset, exact)
      return [exact]
    }
  }

  /** Waits for what is under way and closes the bytes. */
  async close(): Promise<void> {
    while (this.#reads.size > 0) await Promise.allSettled(this.#reads)
    this.#kept.clear()
    await this.#bytes.close()
  }

  /** Every block of a range, kept, on its way, or asked for now; blocks that lie side by side are asked for together. */
  #take(first: number, last: number): (Uint8Array | Promise<Uint8Array>)[] {
    const found: (Uint8Array | Promise<Uint8Array>)[] = []
    let missingFrom = -1
    for (let block = first; block <= last; block++) {
      const known = this.#find(block)
      if (known) {
        if (missingFrom >= 0) found.push(...this.#fetch(missingFrom, block - 1))
        missingFrom = -1
        found.push(known)
      } else if (missingFrom < 0) missingFrom = block
    }
    if (missingFrom >= 0) found.push(...this.#fetch(missingFrom, last))
    return found
  }

  #find(block: number): Uint8Array | Promise<Uint8Array> | undefined {
    const kept = this.#kept.get(block)
    if (kept) {
      this.#kept.delete(block)
      this.#kept.set(block, kept)
      return kept
    }
    const coming = this.#coming.get(block)
    if (coming) return coming
    const start = block * this.#limits.blockBytes
    const end = Math.min(start + this.#limits.blockBytes, this.sizeBytes)
    return this.holes?.isHole(start, end) ? this.#zeros.subarray(0, end - start) : undefined
  }

  #fetch(first: number, last: number): Promise<Uint8Array>[] {
    const { blockBytes } = this.#limits
    const mostBlocks = Math.max(1, Math.floor(mostBytesAtOnce / blockBytes))
    const blocks: Promise<Uint8Array>[] = []
    for (let from = first; from <= last; from += mostBlocks) {
      const count = Math.min(mostBlocks, last - from + 1)
      const start = from * blockBytes
      const run = new Uint8Array(Math.min(count * blockBytes, this.sizeBytes - start))
      const read = this.#bytes.read(start, run)
      this.#track(read)
      for (let i = 0; i < count; i++) blocks.push(this.#expect(from + i, i, run, read))
    }
    return blocks
  }

  /** One block of a run that is being read. It gets memory of its own, or one kept block would keep its whole run. */
  #expect(block: number, index: number, run: Uint8Array, read: Promise<void>): Promise<Uint8Array> {
    const { blockBytes } = this.#limits
    const coming = read.then(
      () => {
        this.#coming.delete(block)
        const own = run.length <= blockBytes ? run : run.slice(index * blockBytes, (index + 1) * blockBytes)
        this.#keep(block, own)
        return own
      },
      error => {
        this.#coming.delete(block)
        throw error
      },
    )
    coming.catch(() => {}) // who waits for it is told; nobody may be waiting
    this.#coming.set(block, coming)
    return coming
  }

  #keep(block: number, bytes: Uint8Array): void {
    this.#kept.set(block, bytes)
    for (const oldest of this.#kept.keys()) {
      if (this.keptBytes <= this.#limits.cacheBytes) break
      this.#kept.delete(oldest)
    }
  }

  #track(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work.catch(() => {}).finally(() => this.#reads.delete(settled))
    this.#reads.add(settled)
  }

  #readAhead(offset: number, end: number): void {
    const reader = this.#readers.find(({ nextOffset }) => nextOffset === offset)
    if (!reader) {
      if (this.#readers.length === mostReaders) this.#readers.shift()
      this.#readers.push({ nextOffset: end, windowBytes: 0, aheadUntil: end })
      return
    }
    this.#readers.splice(this.#readers.indexOf(reader), 1)
    this.#readers.push(reader)
    reader.nextOffset = end
    reader.windowBytes = Math.min(this.#limits.aheadBytes, Math.max(firstWindowBytes, reader.windowBytes * 2))
    const from = Math.max(end, reader.aheadUntil)
    const until = Math.min(this.sizeBytes, end + reader.windowBytes)
    // In pieces worth asking for, unless it is the end.
    if (until - from < Math.min(reader.windowBytes / 2, this.sizeBytes - from) || until <= from) return
    if (this.#bytesAhead + until - from > mostBytesAhead) return
    reader.aheadUntil = until
    this.#bytesAhead += until - from
    const { blockBytes } = this.#limits
    const coming = this.#take(Math.floor(from / blockBytes), Math.floor((until - 1) / blockBytes))
    this.#track(
      Promise.allSettled(coming).then(() => {
        this.#bytesAhead -= until - from
      }),
    )
  }
}
