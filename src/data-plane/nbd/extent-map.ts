import type { SparseBytes } from '#foundation/sparse-bytes.ts'

/** A part of an image that is all hole or may be data. */
export interface Run {
  readonly offset: number
  readonly length: number
  readonly isHole: boolean
}

const mostExtents = 256 * 1024
/** qemu-img takes a hole that ends inside of a sector to reach to the sector's end. */
const pageBytes = 4096

/**
 * Where an image has holes of whole pages, in memory. An image of countless small extents is remembered more coarsely: its smallest holes count as
 * data, which is always true enough.
 */
export class ExtentMap {
  readonly sizeBytes: number
  readonly #starts: readonly number[]
  readonly #ends: readonly number[]

  private constructor(sizeBytes: number, starts: readonly number[], ends: readonly number[]) {
    this.sizeBytes = sizeBytes
    this.#starts = starts
    this.#ends = ends
  }

  static async of(bytes: SparseBytes, most = mostExtents): Promise<ExtentMap> {
    let starts: number[] = []
    let ends: number[] = []
    let leastHoleBytes = 1
    const add = (dataStart: number, dataEnd: number) => {
      const start = Math.floor(dataStart / pageBytes) * pageBytes
      const end = Math.min(bytes.sizeBytes, Math.ceil(dataEnd / pageBytes) * pageBytes)
      const last = ends.length - 1
      if (last >= 0 && start - ends[last]! < leastHoleBytes) ends[last] = Math.max(ends[last]!, end)
      else {
        starts.push(start)
        ends.push(end)
      }
    }
    for await (const { offset, length } of bytes.extents()) {
      if (length > 0) add(offset, offset + length)
      while (starts.length > most) {
        leastHoleBytes *= 2
        const [from, to] = [starts, ends]
        starts = []
        ends = []
        for (const [i, start] of from.entries()) add(start, to[i]!)
      }
    }
    return new ExtentMap(bytes.sizeBytes, starts, ends)
  }

  /** What `[offset, end)` consists of, in ascending order and without gaps. */
  *runs(offset: number, end: number): Generator<Run> {
    let at = offset
    for (let i = this.#firstEndingAfter(offset); at < end; i++) {
      const start = Math.min(this.#starts[i] ?? end, end)
      if (start > at) yield { offset: at, length: start - at, isHole: true }
      at = Math.max(at, start)
      const until = Math.min(this.#ends[i] ?? end, end)
      if (until > at) yield { offset: at, length: until - at, isHole: false }
      at = Math.max(at, until)
    }
  }

  isHole(offset: number, end: number): boolean {
    return (this.#starts[this.#firstEndingAfter(offset)] ?? end) >= end
  }

  /** Whether no hole reaches into `[offset, end)`. */
  isData(offset: number, end: number): boolean {
    const i = this.#firstEndingAfter(offset)
    return (this.#starts[i] ?? end) <= offset && (this.#ends[i] ?? offset) >= end
  }

  #firstEndingAfter(offset: number): number {
    let [low, high] = [0, this.#ends.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ends[middle]! <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
