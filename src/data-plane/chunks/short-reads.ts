import type { ChunkIndex } from './chunk-index.ts'
import { type DecodeItem, PART_FIELDS, UNPACK_FIELDS } from './chunk-kernel.ts'
import type { HashWorkers } from './hash-workers.ts'
import type { Slice } from './manifest.ts'
import type { PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import type { RecentChunks, RingRoom } from './recent-chunks.ts'

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
  readonly room: RingRoom | undefined
}

/**
 * Short reads in the calling thread, of chunks that were decoded lately or that the system has in memory: they are sooner decoded than
 * another thread is told to. A chunk that is wanted as a whole is decoded where it is wanted; of another one those of its frames that are
 * wanted, and they are kept, for the rest of them may be wanted next.
 */
export class ShortReads {
  readonly #parts: Parts
  readonly #recent: RecentChunks
  readonly #items = new Float64Array(MOST_CHUNKS * UNPACK_FIELDS)
  readonly #decoded = new Uint32Array(MOST_CHUNKS * PART_FIELDS)
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
    const bytes = this.#recent.get(id, skip, skip + length)
    if (!bytes) return false
    target.set(bytes, offset - from)
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
      const room = slice.length === sizeBytes ? undefined : this.#recent.room(slice.id, sizeBytes)
      const sum = encoding === 'zstd' ? packFiles.openSums(pack).find(offset, storedBytes) : undefined
      const item: DecodeItem = [
        fd,
        offset,
        storedBytes,
        sizeBytes,
        encoding === 'raw' ? 0 : sum ? 2 : 1,
        slice.skip,
        slice.length,
        room?.start ?? slice.offset - from,
      ]
      this.#items.set(item, i * UNPACK_FIELDS)
      this.#decoded[i * PART_FIELDS] = room ? 1 : 0
      this.#ids.set(sum ?? id, i * 32)
      wanted.push({ slice, room })
    }
    return wanted
  }

  #decode(wanted: readonly Wanted[], from: number, target: Uint8Array): Slice[] {
    const { kernel } = this.#parts.workers
    kernel.decodeCached?.(this.#items, wanted.length, this.#decoded, this.#ids, this.#good, target, this.#recent.ring)
    const bad: Slice[] = []
    for (const [i, { slice, room }] of wanted.entries()) {
      if (!this.#good[i]) bad.push(slice)
      else if (room) {
        const part = i * PART_FIELDS
        this.#recent.keep(slice.id, room, { from: this.#decoded[part + 1]!, to: this.#decoded[part + 2]! })
        this.#fillRecent(slice, from, target)
      }
    }
    return bad
  }
}
