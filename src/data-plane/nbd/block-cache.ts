import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { ExtentMap } from './extent-map.ts'
import { ReadAhead } from './read-ahead.ts'

export interface CacheLimits {
  /** Blocks are read and kept as a whole. */
  readonly blockBytes: number
  /** What is kept, beside what is being read at the moment. */
  readonly cacheBytes: number
  /** How far ahead of somebody who reads in order. */
  readonly aheadBytes: number
}

export const usualCacheLimits: CacheLimits = {
  blockBytes: 32 * 1024,
  cacheBytes: 48 * 1024 * 1024,
  aheadBytes: 8 * 1024 * 1024,
}

/** One read of the source is for so much at most: enough to keep every thread busy that decodes, little enough to wait for. */
const mostBytesAtOnce = 2 * 1024 * 1024
/** What may be on its way ahead of all readers together. */
const mostBytesAhead = 8 * 1024 * 1024
/** What is read at once in the calling thread. */
const mostBytesNow = 512 * 1024
/** Buffers for runs of blocks that wait for the next one. */
const mostIdleRuns = 3
/** Blocks of which is remembered that they were asked for. */
const mostAsked = 16 * 1024
/** Answers at once that are not kept. */
const mostPassing = 2
/** Memory for so many bytes of blocks is asked of the system together: block by block, it sets the garbage collector to work. */
const slabBytes = 4 * 1024 * 1024

/** Memory for one block. It is not given to another one while somebody uses it. */
interface Slot {
  readonly bytes: Uint8Array
  /** Beyond the limit: only as long as it is used. */
  readonly isExtra: boolean
  block: number
  users: number
}

/** A block on its way, and how many wait for it. */
interface Coming {
  readonly slot: Promise<Slot>
  users: number
}

/** Parts of blocks, in order. Not to be written to, and not to be used any more once they are released. */
export interface Borrowed {
  readonly parts: readonly Uint8Array[]
  release(): void
}

/**
 * Bytes that never change, in blocks: the last ones are kept, equal reads at the same time become one, and who reads in order finds
 * the next blocks on their way. Answers are views of blocks: no byte is copied to hand it out. The memory of blocks is used again
 * and again, for the garbage collector would let many times as much pile up.
 */
export class BlockCache {
  /** Where the bytes are known to be zero; without it holes are read like data. */
  holes: ExtentMap | undefined
  readonly #bytes: SparseBytes
  readonly #limits: CacheLimits
  /** Those used longest ago come first. */
  readonly #kept = new Map<number, Slot>()
  readonly #coming = new Map<number, Coming>()
  readonly #free: Slot[] = []
  readonly #runs: Uint8Array[] = []
  /** Which blocks were asked for lately: each has one place, which later ones take. */
  readonly #asked = new Uint32Array(mostAsked)
  readonly #passing: Uint8Array[] = Array.from({ length: mostPassing }, () => new Uint8Array(mostBytesNow))
  readonly #reads = new Set<Promise<unknown>>()
  readonly #ahead: ReadAhead
  readonly #zeros: Slot
  #slab: Uint8Array = new Uint8Array(0)
  #slots = 0
  #bytesAhead = 0

  constructor(bytes: SparseBytes, limits: CacheLimits = usualCacheLimits) {
    this.#bytes = bytes
    this.#limits = limits
    this.#ahead = new ReadAhead(bytes, limits.aheadBytes)
    this.#zeros = { bytes: new Uint8Array(limits.blockBytes), isExtra: false, block: -1, users: 0 }
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes
  }

  /** The memory of all blocks. It may exceed the limit while so much is in use. */
  get keptBytes(): number {
    return this.#slots * this.#limits.blockBytes
  }

  /** The bytes from `offset` on, to be released soon. */
  async read(offset: number, length: number): Promise<Borrowed> {
    return await this.readSoon(offset, length)
  }

  /** The same, at once if nothing must be waited for. Who asks again and again must let others have their turn. */
  readSoon(offset: number, length: number): Borrowed | Promise<Borrowed> {
    requireRange(offset, length, this.sizeBytes)
    if (length === 0) return { parts: [], release: () => {} }
    const { blockBytes } = this.#limits
    const [first, last] = [Math.floor(offset / blockBytes), Math.floor((offset + length - 1) / blockBytes)]
    const passing = this.#isNews(first, last) && length <= mostBytesNow ? this.#readPassing(offset, length) : undefined
    if (passing) return passing
    const found = this.#take(first, last, 1)
    this.#readAhead(offset, offset + length)
    return found.every(isThere) ? this.#lend(found, offset, length) : this.#lendLater(found, offset, length)
  }

  /**
   * Whether hardly any of the blocks is here or was asked for lately; from now on all were. Who reads on behind what he read before often
   * begins in the same block.
   */
  #isNews(first: number, last: number): boolean {
    let known = 0
    for (let block = first; block <= last; block++) {
      const at = block % this.#asked.length
      if (this.#asked[at] === block + 1 || this.#kept.has(block) || this.#coming.has(block)) known++
      this.#asked[at] = block + 1
    }
    return known * 2 <= last - first
  }

  /**
   * Bytes that may never be asked for again, as those of who reads here and there: they are not worth a place of others, and what lies
   * around them is not worth the time.
   */
  #readPassing(offset: number, length: number): Borrowed | undefined {
    if (!this.#bytes.readNow || this.holes?.isHole(offset, offset + length)) return undefined
    const buffer = this.#passing.pop()
    if (!buffer) return undefined
    const bytes = buffer.subarray(0, length)
    if (this.#bytes.readNow(offset, bytes)) {
      this.#readAhead(offset, offset + length)
      return { parts: [bytes], release: () => this.#passing.push(buffer) }
    }
    this.#passing.push(buffer)
    return undefined
  }

  #lend(slots: readonly Slot[], offset: number, length: number): Borrowed {
    const { blockBytes } = this.#limits
    const first = Math.floor(offset / blockBytes)
    const parts = slots.map(({ bytes }, i) => {
      const start = (first + i) * blockBytes
      return bytes.subarray(Math.max(0, offset - start), Math.min(blockBytes, offset + length - start))
    })
    return { parts, release: () => this.#release(slots) }
  }

  async #lendLater(found: readonly (Slot | Promise<Slot>)[], offset: number, length: number): Promise<Borrowed> {
    try {
      return this.#lend(await Promise.all(found), offset, length)
    } catch {
      for (const each of await Promise.allSettled(found)) if (each.status === 'fulfilled') this.#release([each.value])
      // Perhaps only bytes beside the wanted ones are lost, or a read ahead of us met a fault that has passed.
      const exact = new Uint8Array(length)
      await this.#bytes.read(offset, exact)
      return { parts: [exact], release: () => {} }
    }
  }

  /** Waits for what is under way and closes the bytes. */
  async close(): Promise<void> {
    while (this.#reads.size > 0) await Promise.allSettled(this.#reads)
    this.#kept.clear()
    this.#free.length = 0
    this.#runs.length = 0
    await this.#bytes.close()
  }

  /**
   * Every block of a range, kept, on its way, or asked for now; blocks that lie side by side are asked for together. `users` is 0 for
   * who only wants them to be there.
   */
  #take(first: number, last: number, users: 0 | 1): (Slot | Promise<Slot>)[] {
    const found: (Slot | Promise<Slot>)[] = []
    let missingFrom = -1
    for (let block = first; block <= last; block++) {
      const known = this.#find(block, users)
      if (known) {
        if (missingFrom >= 0) found.push(...this.#fetch(missingFrom, block - 1, users))
        missingFrom = -1
        found.push(known)
      } else if (missingFrom < 0) missingFrom = block
    }
    if (missingFrom >= 0) found.push(...this.#fetch(missingFrom, last, users))
    return found
  }

  #find(block: number, users: 0 | 1): Slot | Promise<Slot> | undefined {
    const known = this.#kept.get(block) ?? this.#coming.get(block)
    if (known) known.users += users
    if (known && 'slot' in known) return known.slot
    if (known) {
      this.#kept.delete(block)
      this.#kept.set(block, known)
      return known
    }
    const start = block * this.#limits.blockBytes
    const end = Math.min(start + this.#limits.blockBytes, this.sizeBytes)
    return this.holes?.isHole(start, end) ? this.#zeros : undefined
  }

  #fetch(first: number, last: number, users: 0 | 1): readonly (Slot | Promise<Slot>)[] {
    const { blockBytes } = this.#limits
    // What is read ahead is left to other threads.
    const now = users === 1 && (last - first + 1) * blockBytes <= mostBytesNow ? this.#fetchNow(first, last) : undefined
    if (now) return now
    const mostBlocks = Math.max(1, Math.floor(mostBytesAtOnce / blockBytes))
    const blocks: Promise<Slot>[] = []
    for (let from = first; from <= last; from += mostBlocks) {
      const count = Math.min(mostBlocks, last - from + 1)
      const read = count === 1 ? this.#fetchOne(from) : this.#fetchRun(from, count)
      this.#track(read)
      for (let i = 0; i < count; i++) blocks.push(this.#expect(from + i, users, read))
    }
    return blocks
  }

  #fetchNow(first: number, last: number): Slot[] | undefined {
    const { blockBytes } = this.#limits
    if (!this.#bytes.readNow) return undefined
    if (first === last) {
      const slot = this.#freeSlot()
      const start = first * blockBytes
      const isRead = this.#bytes.readNow(start, slot.bytes.subarray(0, Math.min(blockBytes, this.sizeBytes - start)))
      if (isRead) this.#enter(slot, first, 1)
      else this.#giveBack(slot)
      return isRead ? [slot] : undefined
    }
    const run = this.#runOf(first, last - first + 1)
    const slots = this.#bytes.readNow(first * blockBytes, run) ? this.#split(run) : undefined
    for (const [i, slot] of slots?.entries() ?? []) this.#enter(slot, first + i, 1)
    this.#keepRun(run)
    return slots
  }

  async #fetchOne(block: number): Promise<void> {
    const slot = this.#freeSlot()
    const start = block * this.#limits.blockBytes
    const target = slot.bytes.subarray(0, Math.min(slot.bytes.length, this.sizeBytes - start))
    try {
      await this.#bytes.read(start, target)
      this.#keep(block, slot)
    } catch (error) {
      this.#giveBack(slot)
      throw error
    }
  }

  /** Reads blocks together, and gives each of them memory of its own. */
  async #fetchRun(first: number, count: number): Promise<void> {
    const run = this.#runOf(first, count)
    try {
      await this.#bytes.read(first * this.#limits.blockBytes, run)
      for (const [i, slot] of this.#split(run).entries()) this.#keep(first + i, slot)
    } finally {
      this.#keepRun(run)
    }
  }

  #runOf(first: number, count: number): Uint8Array {
    const { blockBytes } = this.#limits
    const buffer = this.#runs.pop() ?? new Uint8Array(Math.max(blockBytes, mostBytesAtOnce))
    return buffer.subarray(0, Math.min(count * blockBytes, this.sizeBytes - first * blockBytes))
  }

  #keepRun({ buffer }: Uint8Array): void {
    if (this.#runs.length < mostIdleRuns) this.#runs.push(new Uint8Array(buffer))
  }

  #split(run: Uint8Array): Slot[] {
    const { blockBytes } = this.#limits
    const slots: Slot[] = []
    for (let at = 0; at < run.length; at += blockBytes) {
      const slot = this.#freeSlot()
      slot.bytes.set(run.subarray(at, at + blockBytes))
      slots.push(slot)
    }
    return slots
  }

  #expect(block: number, users: 0 | 1, read: Promise<void>): Promise<Slot> {
    const slot = read.then(
      () => this.#kept.get(block)!,
      error => {
        this.#coming.delete(block)
        throw error
      },
    )
    slot.catch(() => {}) // who waits for it is told; nobody may be waiting
    this.#coming.set(block, { slot, users })
    return slot
  }

  /** From now on the block is in use by all who waited for it. */
  #keep(block: number, slot: Slot): void {
    // Never none: it must be there when the read's end is told.
    this.#enter(slot, block, 1 + (this.#coming.get(block)?.users ?? 0))
    this.#coming.delete(block)
    setImmediate(() => this.#release([slot]))
  }

  #enter(slot: Slot, block: number, users: number): void {
    slot.block = block
    slot.users = users
    this.#kept.set(block, slot)
  }

  #freeSlot(): Slot {
    const free = this.#free.pop()
    if (free) return free
    const { blockBytes, cacheBytes } = this.#limits
    const isExtra = this.keptBytes + blockBytes > cacheBytes
    if (isExtra)
      for (const [block, slot] of this.#kept) {
        if (slot.users > 0) continue
        this.#kept.delete(block)
        return slot
      }
    this.#slots++
    return { bytes: isExtra ? new Uint8Array(blockBytes) : this.#cutOffSlab(), isExtra, block: -1, users: 0 }
  }

  /** Memory within the limit is never given back, so a slab is cut only once. */
  #cutOffSlab(): Uint8Array {
    const { blockBytes, cacheBytes } = this.#limits
    if (this.#slab.length < blockBytes) {
      const blocks = Math.max(1, Math.floor(Math.min(slabBytes, cacheBytes) / blockBytes))
      // Memory that could be shared, for that is no reason for V8 to collect garbage: two collections took a tenth of the time of a boot.
      this.#slab = new Uint8Array(new SharedArrayBuffer(blocks * blockBytes))
    }
    const bytes = this.#slab.subarray(0, blockBytes)
    this.#slab = this.#slab.subarray(blockBytes)
    return bytes
  }

  #giveBack(slot: Slot): void {
    if (slot.isExtra) this.#slots--
    else this.#free.push(slot)
  }

  #release(slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (slot === this.#zeros || --slot.users > 0 || !slot.isExtra) continue
      if (this.#kept.get(slot.block) === slot) this.#kept.delete(slot.block)
      this.#slots--
    }
  }

  #track(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work.catch(() => {}).finally(() => this.#reads.delete(settled))
    this.#reads.add(settled)
  }

  #readAhead(offset: number, end: number): void {
    const next = this.#ahead.after(offset, end, mostBytesAhead - this.#bytesAhead)
    if (!next) return
    const { from, until } = next
    this.#bytesAhead += until - from
    const { blockBytes } = this.#limits
    const coming = this.#take(Math.floor(from / blockBytes), Math.floor((until - 1) / blockBytes), 0)
    this.#track(
      Promise.allSettled(coming).then(() => {
        this.#bytesAhead -= until - from
      }),
    )
  }
}

const isThere = (slot: Slot | Promise<Slot>): slot is Slot => 'bytes' in slot
