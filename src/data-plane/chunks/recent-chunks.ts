import type { ChunkId } from './chunk-store.ts'

/** Bytes of a chunk. */
export interface Part {
  readonly from: number
  readonly to: number
}

/** Where the whole chunk has room, and what of it is there. */
interface Kept extends Part {
  readonly start: number
  readonly end: number
}

/** RingRoom for a chunk, with what was kept of it before. */
export interface RingRoom {
  readonly start: number
  readonly end: number
  readonly known: Part | undefined
}

const FIRST_BYTES = 256 * 1024

/**
 * The chunks decoded last, in one ring of memory: the oldest ones give way. Nothing is allocated per chunk, so nothing piles up for
 * the garbage collector, which hardly notices memory outside of its heap.
 */
export class RecentChunks {
  readonly #sizeBytes: number
  readonly #kept = new Map<ChunkId, Kept>()
  #ring: Uint8Array = new Uint8Array(0)
  #head = 0

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  /** All of the memory; it may be another array after the next `room`. */
  get ring(): Uint8Array {
    return this.#ring
  }

  /** A view of `[from, to)` of a chunk, if that is kept. It is valid until the next `room` or `put`. */
  get(id: ChunkId, from: number, to: number): Uint8Array | undefined {
    const kept = this.#kept.get(id)
    if (!kept || from < kept.from || to > kept.to) return undefined
    return this.#ring.subarray(kept.start + from, kept.start + to)
  }

  /** Keeps a whole chunk. */
  put(id: ChunkId, bytes: Uint8Array): void {
    if (bytes.length > this.#sizeBytes || this.get(id, 0, bytes.length)) return
    const room = this.room(id, bytes.length)
    this.#ring.set(bytes, room.start)
    this.keep(id, room, { from: 0, to: bytes.length })
  }

  /**
   * Where in the ring a chunk may be written; older ones give way, and what was kept of this one moves there. Several rooms that fit the ring
   * together don't overlap. Only with `keep`, in the order of the rooms, something is kept in it.
   */
  room(id: ChunkId, sizeBytes: number): RingRoom {
    const known = this.#kept.get(id)
    this.#kept.delete(id)
    if (this.#head + sizeBytes > this.#sizeBytes) {
      this.#evict(this.#head, this.#sizeBytes)
      this.#head = 0
    }
    const [start, end] = [this.#head, this.#head + sizeBytes]
    this.#head = end
    this.#evict(start, end)
    this.#grow(end)
    if (known) this.#ring.copyWithin(start + known.from, known.start + known.from, known.start + known.to)
    return { start, end, known }
  }

  /** That part of the chunk is in its room now, together with what was known if they touch. */
  keep(id: ChunkId, { start, end, known }: RingRoom, { from, to }: Part): void {
    const isOne = known && from <= known.to && known.from <= to
    const whole = isOne ? { from: Math.min(from, known.from), to: Math.max(to, known.to) } : { from, to }
    this.#kept.delete(id)
    this.#kept.set(id, { start, end, ...whole })
  }

  clear(): void {
    this.#kept.clear()
    this.#ring = new Uint8Array(0)
  }

  /** It grows with what is kept: many stores are opened to read little. */
  #grow(leastBytes: number): void {
    if (this.#ring.length >= leastBytes) return
    const sizeBytes = Math.max(FIRST_BYTES, leastBytes, 4 * this.#ring.length)
    // Memory that could be shared, for that is no reason for V8 to collect garbage.
    const ring = new Uint8Array(new SharedArrayBuffer(Math.min(sizeBytes, this.#sizeBytes)))
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
