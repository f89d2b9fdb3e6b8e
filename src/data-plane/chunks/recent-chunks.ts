import type { ChunkId } from './chunk-store.ts'

interface Kept {
  readonly start: number
  readonly end: number
}

const FIRST_BYTES = 256 * 1024

/**
 * The chunks decoded last, in one ring of memory: the oldest ones give way. Nothing is allocated per chunk, so nothing piles up for
 * the garbage collector, which hardly notices memory outside of its heap.
 */
export class RecentChunks {
  readonly #sizeBytes: number
  readonly #kept = new Map<ChunkId, Kept>()
  #ring = new Uint8Array(0)
  #head = 0

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  /** All of the memory; it may be another array after the next `room`. */
  get ring(): Uint8Array {
    return this.#ring
  }

  /** A view that is valid until the next `room` or `put`. */
  get(id: ChunkId): Uint8Array | undefined {
    const kept = this.#kept.get(id)
    return kept && this.#ring.subarray(kept.start, kept.end)
  }

  put(id: ChunkId, bytes: Uint8Array): void {
    if (bytes.length > this.#sizeBytes || this.#kept.has(id)) return
    const start = this.room(bytes.length)
    this.#ring.set(bytes, start)
    this.keep(id, start, bytes.length)
  }

  /** Where in the ring so many bytes may be written; older chunks give way. Several rooms that fit the ring together don't overlap. */
  room(sizeBytes: number): number {
    if (this.#head + sizeBytes > this.#sizeBytes) {
      this.#evict(this.#head, this.#sizeBytes)
      this.#head = 0
    }
    const start = this.#head
    this.#head += sizeBytes
    this.#evict(start, this.#head)
    this.#grow(this.#head)
    return start
  }

  /** The room at `start` has the chunk now. */
  keep(id: ChunkId, start: number, sizeBytes: number): void {
    if (!this.#kept.has(id)) this.#kept.set(id, { start, end: start + sizeBytes })
  }

  clear(): void {
    this.#kept.clear()
    this.#ring = new Uint8Array(0)
  }

  /** It grows with what is kept: many stores are opened to read little. */
  #grow(leastBytes: number): void {
    if (this.#ring.length >= leastBytes) return
    const sizeBytes = Math.max(FIRST_BYTES, leastBytes, 4 * this.#ring.length)
    const ring = new Uint8Array(Math.min(sizeBytes, this.#sizeBytes))
    ring.set(this.#ring)
    this.#ring = ring
  }

  /** The oldest lie right behind the head, in the order in which they came. */
  #evict(from: number, to: number): void {
    for (const [id, { start, end }] of this.#kept) {
      if (start >= to || end <= from) return
      this.#kept.delete(id)
    }
  }
}
