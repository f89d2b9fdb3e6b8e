import { idBytes, type Place } from './chunk-index.ts'
import { ITEM_FIELDS } from './chunk-kernel.ts'
import type { ChunkId } from './chunk-store.ts'

/** A chunk whose bytes were just checked. Both arrays are only valid inside of the call that hands them out. */
export interface Verified {
  readonly bytes: Uint8Array
  readonly stored: Uint8Array
  readonly place: Place
}

/** A stretch of a pack to be read in one go, and where to. */
export interface Run {
  readonly place: Place
  readonly bytes: Uint8Array
}

/** Some chunks in one buffer: as they are stored in its first half, decoded in its second, both in the order of their ids. */
export class ChunkBatch {
  readonly stored: Uint8Array
  readonly target: Uint8Array
  readonly items: Uint32Array
  readonly ids: Uint8Array
  readonly #places: (Place | undefined)[] = []
  readonly #starts: number[] = []

  constructor(buffer: Uint8Array, ids: readonly ChunkId[], placeOf: (id: ChunkId) => Place | undefined) {
    this.stored = buffer.subarray(0, buffer.length / 2)
    this.target = buffer.subarray(buffer.length / 2)
    this.items = new Uint32Array(ids.length * ITEM_FIELDS)
    this.ids = new Uint8Array(ids.length * 32)
    let [end, decodedEnd] = [0, 0]
    for (const [i, id] of ids.entries()) {
      const place = placeOf(id)
      // The buffer was measured before it was waited for: a healed copy may be stored in another size since. It is read by itself.
      const fits = place && end + place.storedBytes <= this.stored.length
      this.#places.push(fits && decodedEnd + place.sizeBytes <= this.target.length ? place : undefined)
      this.#starts.push(decodedEnd)
      if (!this.#places[i] || !place) continue
      const zstd = place.encoding === 'zstd' ? 1 : 0
      this.items.set([end, place.storedBytes, place.sizeBytes, zstd], i * ITEM_FIELDS)
      this.ids.set(idBytes(id), i * 32)
      end += place.storedBytes
      decodedEnd += place.sizeBytes
    }
  }

  /** What is to be read: chunks that lie one after the other in a pack are one run. */
  runs(): Run[] {
    const runs: { place: Place; start: number; end: number }[] = []
    for (const [i, place] of this.#places.entries()) {
      if (!place) continue
      const start = this.items[i * ITEM_FIELDS]!
      const last = runs.at(-1)
      const follows = last?.place.pack === place.pack && last.place.offset + last.end - last.start === place.offset
      if (last && follows) last.end = start + place.storedBytes
      else runs.push({ place, start, end: start + place.storedBytes })
    }
    return runs.map(({ place, start, end }) => ({ place, bytes: this.stored.subarray(start, end) }))
  }

  /** The chunk at `i`, once its bytes are decoded and found good. */
  chunk(i: number): Verified | undefined {
    const place = this.#places[i]
    if (!place) return undefined
    const [from, at] = [this.items[i * ITEM_FIELDS]!, this.#starts[i]!]
    const stored = this.stored.subarray(from, from + place.storedBytes)
    return { place, stored, bytes: this.target.subarray(at, at + place.sizeBytes) }
  }
}
