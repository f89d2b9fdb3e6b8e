import { invariant } from '#foundation/invariant.ts'
import type { ChunkId } from './chunk-store.ts'

/** Where a chunk lies, and as what. */
export interface Place {
  readonly pack: number
  readonly offset: number
  readonly storedBytes: number
  readonly sizeBytes: number
  readonly encoding: 'raw' | 'zstd'
}

const BLOCK = 4096
const FIELDS = 4
const ZSTD = 0x8000_0000
const GONE = 0xffff_ffff

interface Block {
  readonly ids: Uint8Array
  readonly places: Uint32Array
}

export const idBytes = (id: ChunkId): Buffer => Buffer.from(id, 'hex')
export const idText = (bytes: Uint8Array, at = 0): ChunkId =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, 32).toString('hex') as ChunkId

/** The same for many ids in a row, in a fraction of the time. */
export const idTexts = (ids: Uint8Array): ChunkId[] => {
  const all = Buffer.from(ids.buffer, ids.byteOffset, ids.length).toString('hex')
  return Array.from({ length: ids.length / 32 }, (_, i) => all.slice(i * 64, i * 64 + 64) as ChunkId)
}

/**
 * Every chunk of the store, in 48 bytes each plus a hash table of 32-bit slots. A chunk is known by its entry number, which stays
 * the same until `remove`, also when the chunk moves to another pack.
 */
export class ChunkIndex {
  readonly #blocks: Block[] = []
  readonly #free: number[] = []
  #slots = new Uint32Array(4096)
  #used = 0
  #gone = 0
  readonly #suspects = new Set<number>()
  /** Packs with another copy of a chunk, which counts no more. */
  readonly #olderPacks = new Map<number, number[]>()
  /** Entry numbers are below this. */
  limit = 0

  get count(): number {
    return this.#used
  }

  /** The entry with the id at `ids[at]`, or -1. */
  find(ids: Uint8Array, at = 0): number {
    const mask = this.#slots.length - 1
    for (let slot = slotOf(ids, at) & mask; ; slot = (slot + 1) & mask) {
      const value = this.#slots[slot]!
      if (value === 0) return -1
      if (value !== GONE && this.#matches(value - 1, ids, at)) return value - 1
    }
  }

  add(ids: Uint8Array, at: number, place: Place): number {
    const entry = this.#take(ids, at)
    this.#moveTo(entry, place)
    this.#enter(entry)
    return entry
  }

  /** Adds or moves the chunks of a pack's table: records of 48 bytes, as docs/chunk-format.md has them. */
  putTable(table: Buffer, pack: number): void {
    for (let at = 0; at < table.length; at += 48) this.putRecord(table, at, pack)
  }

  /** Adds or moves one of them; answers its entry. */
  putRecord(table: Buffer, at: number, pack: number): number {
    const known = this.find(table, at)
    const entry = known < 0 ? this.#take(table, at) : known
    const isZstd = table.readUInt32LE(at + 44) === 1
    const size = (table.readUInt32LE(at + 40) | (isZstd ? ZSTD : 0)) >>> 0
    if (known >= 0) this.#noteOlder(entry, pack)
    this.#suspects.delete(entry)
    this.#point(entry, pack, table.readUInt32LE(at + 32), table.readUInt32LE(at + 36), size)
    if (known < 0) this.#enter(entry)
    return entry
  }

  /**
   * A chunk that a pack has still: one that was taken out, or an older copy of one that is here again. Answers its entry, unless a
   * copy elsewhere counts now.
   */
  putBack(record: Buffer, at: number, pack: number): number | undefined {
    const known = this.find(record, at)
    if (known < 0) return this.putRecord(record, at, pack)
    if (this.packOf(known) === pack) return known
    this.#addOlder(known, pack)
    return undefined
  }

  get suspects(): ReadonlySet<number> {
    return this.#suspects
  }

  isSuspect(entry: number): boolean {
    return this.#suspects.has(entry)
  }

  #take(ids: Uint8Array, at: number): number {
    const entry = this.#free.pop() ?? this.limit++
    if (entry >= this.#blocks.length * BLOCK)
      this.#blocks.push({ ids: new Uint8Array(BLOCK * 32), places: new Uint32Array(BLOCK * FIELDS) })
    const own = this.#blockOf(entry).ids
    const start = (entry % BLOCK) * 32
    for (let i = 0; i < 32; i++) own[start + i] = ids[at + i]!
    return entry
  }

  #enter(entry: number): void {
    this.#used++
    if ((this.#used + this.#gone) * 2 > this.#slots.length) this.#rehash()
    else this.#link(entry)
  }

  /** Its bytes were found damaged and not healed: new work must store them again instead of counting on it. See `DamageLog`. */
  suspect(entry: number): void {
    this.#suspects.add(entry)
  }

  trust(entry: number): void {
    this.#suspects.delete(entry)
  }

  /** The entry of a chunk that new work may count on, or -1. */
  findGood(ids: Uint8Array, at = 0): number {
    const entry = this.find(ids, at)
    return this.#suspects.has(entry) ? -1 : entry
  }

  move(entry: number, place: Place): void {
    this.#noteOlder(entry, place.pack)
    this.#moveTo(entry, place)
  }

  /** Chunks of which there is another copy in an older pack, and those packs. */
  olderPacks(): ReadonlyMap<number, readonly number[]> {
    return this.#olderPacks
  }

  /** These packs are no more. */
  forgetPacks(gone: ReadonlySet<number>): void {
    for (const [entry, packs] of this.#olderPacks) {
      const left = packs.filter(pack => !gone.has(pack))
      if (left.length === 0) this.#olderPacks.delete(entry)
      else if (left.length < packs.length) this.#olderPacks.set(entry, left)
    }
  }

  #noteOlder(entry: number, pack: number): void {
    const before = this.packOf(entry)
    if (before !== pack) this.#addOlder(entry, before)
  }

  #addOlder(entry: number, pack: number): void {
    const packs = this.#olderPacks.get(entry) ?? []
    if (!packs.includes(pack)) this.#olderPacks.set(entry, [...packs, pack])
  }

  #moveTo(entry: number, place: Place): void {
    this.#suspects.delete(entry)
    const size = (place.sizeBytes | (place.encoding === 'zstd' ? ZSTD : 0)) >>> 0
    this.#point(entry, place.pack, place.offset, place.storedBytes, size)
  }

  #point(entry: number, pack: number, offset: number, storedBytes: number, size: number): void {
    const { places } = this.#blockOf(entry)
    const field = (entry % BLOCK) * FIELDS
    places[field] = pack
    places[field + 1] = offset
    places[field + 2] = storedBytes
    places[field + 3] = size
  }

  remove(entry: number): void {
    this.#suspects.delete(entry)
    this.#olderPacks.delete(entry)
    const { ids, places } = this.#blockOf(entry)
    const at = (entry % BLOCK) * 32
    const mask = this.#slots.length - 1
    let slot = slotOf(ids, at) & mask
    while (this.#slots[slot] !== entry + 1) {
      invariant(this.#slots[slot] !== 0, 'An entry to remove is in the table')
      slot = (slot + 1) & mask
    }
    this.#slots[slot] = GONE
    places[(entry % BLOCK) * FIELDS + 3] = 0 // no chunk has zero bytes: this marks a free entry
    this.#free.push(entry)
    this.#used--
    this.#gone++
  }

  place(entry: number): Place {
    const { places } = this.#blockOf(entry)
    const field = (entry % BLOCK) * FIELDS
    const size = places[field + 3]!
    return {
      pack: places[field]!,
      offset: places[field + 1]!,
      storedBytes: places[field + 2]!,
      sizeBytes: size & ~ZSTD,
      encoding: (size & ZSTD) === 0 ? 'raw' : 'zstd',
    }
  }

  has(entry: number): boolean {
    return entry < this.limit && this.#blockOf(entry).places[(entry % BLOCK) * FIELDS + 3] !== 0
  }

  packOf(entry: number): number {
    return this.#blockOf(entry).places[(entry % BLOCK) * FIELDS]!
  }

  storedBytesOf(entry: number): number {
    return this.#blockOf(entry).places[(entry % BLOCK) * FIELDS + 2]!
  }

  offsetOf(entry: number): number {
    return this.#blockOf(entry).places[(entry % BLOCK) * FIELDS + 1]!
  }

  sizeBytesOf(entry: number): number {
    return this.#blockOf(entry).places[(entry % BLOCK) * FIELDS + 3]! & ~ZSTD
  }

  /** The 32 bytes of the id; a view, valid until the entry is removed. */
  idOf(entry: number): Uint8Array {
    const at = (entry % BLOCK) * 32
    return this.#blockOf(entry).ids.subarray(at, at + 32)
  }

  #blockOf(entry: number): Block {
    const block = this.#blocks[(entry / BLOCK) | 0]
    invariant(block, 'An entry number is below the limit')
    return block
  }

  #matches(entry: number, ids: Uint8Array, at: number): boolean {
    const own = this.#blockOf(entry).ids
    const start = (entry % BLOCK) * 32
    for (let i = 0; i < 32; i++) if (own[start + i] !== ids[at + i]) return false
    return true
  }

  #link(entry: number): void {
    const mask = this.#slots.length - 1
    let slot = slotOf(this.#blockOf(entry).ids, (entry % BLOCK) * 32) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #rehash(): void {
    let slots = 4096
    while (slots < this.#used * 3) slots *= 2
    this.#slots = new Uint32Array(slots)
    this.#gone = 0
    for (let entry = 0; entry < this.limit; entry++) if (this.has(entry)) this.#link(entry)
  }
}

/** A hash is its own best hash; the first bytes decide. */
const slotOf = (ids: Uint8Array, at: number): number =>
  ids[at]! | (ids[at + 1]! << 8) | (ids[at + 2]! << 16) | ((ids[at + 3]! & 0x7f) << 24)
