import { clip, decodeSlices, encodeSlices, type Slice, slicesWithin } from './manifest.ts'

/** One bucket of slices covers this much of the image: a write touches one or two. */
const SPAN_BYTES = 32 * 1024 * 1024

/** Which slices an image under construction consists of: 44 bytes each, in buckets that are replaced, never changed. */
export class DraftMap {
  readonly #buckets: Map<number, Buffer>
  sizeBytes: number

  constructor(sizeBytes: number, buckets = new Map<number, Buffer>()) {
    this.sizeBytes = sizeBytes
    this.#buckets = buckets
  }

  /** The present state, which later changes leave alone. */
  snapshot(): DraftMap {
    return new DraftMap(this.sizeBytes, new Map(this.#buckets))
  }

  /** `[offset, offset + length)` consists of these slices and is zero where they leave gaps. */
  put(offset: number, length: number, slices: readonly Slice[]): void {
    const end = offset + length
    for (const number of this.#touched(offset, end, slices.length > 0)) {
      const base = number * SPAN_BYTES
      const old = decodeSlices(this.#buckets.get(number) ?? Buffer.alloc(0), base)
      const bucket = [
        ...old.map(slice => clip(slice, base, offset)),
        ...slices.map(slice => clip(slice, base, base + SPAN_BYTES)),
        ...old.map(slice => clip(slice, end, base + SPAN_BYTES)),
      ].filter(slice => slice.length > 0)
      if (bucket.length > 0) this.#buckets.set(number, encodeSlices(bucket, base))
      else this.#buckets.delete(number)
    }
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) this.put(sizeBytes, this.sizeBytes - sizeBytes, [])
    this.sizeBytes = sizeBytes
  }

  /** The slices in `[from, to)`, clipped to it, one bucket at a time. */
  *within(from: number, to: number): Generator<Slice[]> {
    const numbers = [...this.#touched(from, to, false)].sort((a, b) => a - b)
    for (const number of numbers) {
      const bucket = this.#buckets.get(number)
      if (!bucket) continue
      const slices = slicesWithin(bucket, number * SPAN_BYTES, from, to)
      if (slices.length > 0) yield slices.map(slice => clip(slice, from, to))
    }
  }

  async *slices(from: number, to: number): AsyncGenerator<Slice[]> {
    yield* this.within(from, to)
  }

  /** The buckets of a range: those that exist, or all. */
  *#touched(from: number, to: number, all: boolean): Generator<number> {
    const [first, end] = [Math.floor(from / SPAN_BYTES), Math.ceil(to / SPAN_BYTES)]
    if (all || end - first <= this.#buckets.size) {
      for (let number = first; number < end; number++) yield number
    } else {
      for (const number of [...this.#buckets.keys()]) if (number >= first && number < end) yield number
    }
  }
}
