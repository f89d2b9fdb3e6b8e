import type { ChunkIndex } from './chunk-index.ts'
import { DECODE_FIELDS, type DecodeItem } from './chunk-kernel.ts'
import type { HashWorkers } from './hash-workers.ts'
import type { Slice } from './manifest.ts'
import type { PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import type { RecentChunks } from './recent-chunks.ts'

interface Parts {
  readonly index: ChunkIndex
  readonly packFiles: PackFiles
  readonly writer: PackWriter
  readonly workers: HashWorkers
}

/** A longer read would flush the recent chunks, and keep the main thread too long. */
export const SHORT_BYTES = 512 * 1024
/** Chunks are seldom below 16 KiB: more of them are no short read. */
const MOST_CHUNKS = 64

/** Where the bytes of a slice get when its chunk is decoded: into the ring of the recent chunks, or right to who wants all of them. */
interface Wanted {
  readonly slice: Slice
  readonly sizeBytes: number
  readonly ringStart: number | undefined
}

/**
 * Short reads in the calling thread, of chunks that were decoded lately or that the system has in memory: they are sooner decoded than
 * another thread is told to. A chunk that is wanted as a whole is decoded where it is wanted; of another one the rest may be wanted next.
 */
export class ShortReads {
  readonly #parts: Parts
  readonly #recent: RecentChunks
  readonly #items = new Float64Array(MOST_CHUNKS * DECODE_FIELDS)
  readonly #ids = new Uint8Array(MOST_CHUNKS * 32)
  readonly #good = new Uint8Array(MOST_CHUNKS)

  constructor(parts: Parts, recent: RecentChunks) {
    this.#parts = parts
    this.#recent = recent
  }

  /** Fills what it can of `target`, which starts at `from` in the image; answers the slices that it could not, whose places are undefined. */
  fill(slices: readonly Slice[], from: number, target: Uint8Array): readonly Slice[] {
    const unknown = slices.filter(slice => !this.#fillRecent(slice, from, target))
    if (unknown.length === 0 || !this.#parts.workers.kernel.decodeCached) return unknown
    const wanted = this.#plan(unknown, from)
    if (!wanted) return unknown
    return this.#decode(wanted, from, target)
  }

  #fillRecent({ id, offset, length, skip }: Slice, from: number, target: Uint8Array): boolean {
    const bytes = this.#recent.get(id)
    if (!bytes || skip + length > bytes.length) return false
    target.set(bytes.subarray(skip, skip + length), offset - from)
    return true
  }

  /** Undefined if there is too much to do, or something to wait for. */
  #plan(slices: readonly Slice[], from: number): Wanted[] | undefined {
    const { index, writer, packFiles } = this.#parts
    if (slices.length > MOST_CHUNKS) return undefined
    let totalBytes = 0
    const wanted: Wanted[] = []
    for (const [i, slice] of slices.entries()) {
      const id = Buffer.from(slice.id, 'hex')
      const entry = index.find(id)
      if (entry < 0) return undefined
      const { pack, offset, storedBytes, sizeBytes, encoding } = index.place(entry)
      totalBytes += sizeBytes
      const fd = writer.isWritten(pack) ? packFiles.openFd(pack) : undefined
      if (fd === undefined || slice.skip + slice.length > sizeBytes || totalBytes > SHORT_BYTES) return undefined
      const ringStart = slice.length === sizeBytes ? undefined : this.#recent.room(sizeBytes)
      const where = ringStart ?? slice.offset - from
      const sum = encoding === 'zstd' ? packFiles.openSums(pack).find(offset, storedBytes) : undefined
      const item: DecodeItem = [
        fd,
        offset,
        storedBytes,
        sizeBytes,
        encoding === 'raw' ? 0 : sum ? 2 : 1,
        ringStart === undefined ? 0 : 1,
        0,
        where,
      ]
      this.#items.set(item, i * DECODE_FIELDS)
      this.#ids.set(sum ?? id, i * 32)
      wanted.push({ slice, sizeBytes, ringStart })
    }
    return wanted
  }

  #decode(wanted: readonly Wanted[], from: number, target: Uint8Array): Slice[] {
    const { kernel } = this.#parts.workers
    const items = this.#items.subarray(0, wanted.length * DECODE_FIELDS)
    kernel.decodeCached?.(items, this.#ids, this.#good, target, this.#recent.ring)
    const bad: Slice[] = []
    for (const [i, { slice, sizeBytes, ringStart }] of wanted.entries()) {
      if (!this.#good[i]) bad.push(slice)
      else if (ringStart !== undefined) {
        this.#recent.keep(slice.id, ringStart, sizeBytes)
        this.#fillRecent(slice, from, target)
      }
    }
    return bad
  }
}
