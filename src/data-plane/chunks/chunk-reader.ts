import type { Outlet } from '#foundation/sparse-bytes.ts'
import type { BufferPool } from './buffer-pool.ts'
import { ChunkBatch, type Verified } from './chunk-batch.ts'
import { type ChunkIndex, idBytes, type Place } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import { ChunkCorrupt, type ChunkId, ChunkMissing, type Heal, type StoredChunk } from './chunk-store.ts'
import type { DamageLog } from './damage-log.ts'
import type { HashWorkers } from './hash-workers.ts'
import { ManifestMalformed, type Slice } from './manifest.ts'
import type { LentPack, PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import { RecentChunks } from './recent-chunks.ts'
import type { RepairLog } from './repair-log.ts'
import { severalAtOnce } from './several-at-once.ts'
import { SHORT_BYTES, ShortReads } from './short-reads.ts'
import { writeOut } from './write-out.ts'

interface Parts {
  readonly index: ChunkIndex
  readonly packFiles: PackFiles
  readonly writer: PackWriter
  readonly workers: HashWorkers
  readonly buffers: BufferPool
  readonly damage: DamageLog
  readonly repairs: RepairLog
  readonly heal?: Heal | undefined
}

interface Recovered {
  readonly bytes: Uint8Array
  readonly isKept: boolean
}

/** Decoded chunks that are kept for who reads here and there. */
const RECENT_BYTES = 16 * 1024 * 1024
/** Pages of manifests and the like, kept as a whole. */
const WHOLE_BYTES = 16 * 1024 * 1024
const BATCH_BYTES = 2 * 1024 * 1024
/** Batches that are read from packs, or given away, while the threads decode others. */
export const READS_AHEAD = 3
/** Half of a buffer takes what is stored, the other half what it decodes to. */
export const READ_BUFFER_BYTES = 2 * (BATCH_BYTES + MAX_CHUNK_BYTES)

/** Reads chunks, checks every one, asks for a good copy where it finds a bad one, and keeps the last ones decoded. */
export class ChunkReader {
  readonly #parts: Parts
  readonly #recent = new RecentChunks(RECENT_BYTES)
  readonly #whole = new Map<ChunkId, Uint8Array>()
  readonly #healing = new Map<ChunkId, Promise<Recovered>>()
  readonly #short: ShortReads
  #wholeBytes = 0
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#short = new ShortReads(parts, this.#recent)
  }

  close(): void {
    this.#isClosed = true
    this.#recent.clear()
    this.#whole.clear()
  }

  /** The bytes of a chunk that will be asked for again, not to be changed. Throws `ChunkMissing` or `ChunkCorrupt` if neither we nor `heal` have them. */
  async read(id: ChunkId): Promise<Uint8Array> {
    const known = this.known(id)
    if (known) return known
    const place = this.#placeOf(id)
    const stored = place && (await this.#load(id, place))
    const bytes = stored && unsqueeze(stored.bytes, stored.place.encoding, stored.place.sizeBytes, idBytes(id))
    return this.#remember(id, bytes ?? (await this.recover(id)))
  }

  /** What `read` would answer, if it is in memory. */
  known(id: ChunkId): Uint8Array | undefined {
    const known = this.#whole.get(id)
    if (known) {
      this.#whole.delete(id)
      this.#whole.set(id, known)
    }
    return known
  }

  /** The bytes of a chunk if they are here and good; nothing is asked for elsewhere. */
  async peek(id: ChunkId): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array | undefined
    await this.eachVerified([id], (_i, chunk) => {
      bytes = chunk && Uint8Array.from(chunk.bytes)
    })
    return bytes
  }

  /** Fills `target`, which starts at `from` in the image, from slices that lie inside of it. Leaves what they don't cover. */
  async fill(slices: readonly Slice[], from: number, target: Uint8Array): Promise<void> {
    const slow = this.#short.fill(slices, from, target)
    if (slow.length === 0) return
    const isShort = this.#bytesOf(slow) <= SHORT_BYTES
    const put = (slice: Slice, bytes: Uint8Array) => target.set(partOf(slice, bytes), slice.offset - from)
    const bad: Slice[] = []
    await this.eachVerified(slow.map(idOf), (i, chunk) => {
      const slice = slow[i]!
      if (!chunk) return void bad.push(slice)
      put(slice, chunk.bytes)
      // Who reads on in order needs the rest of this one next.
      if (isShort || slice.skip + slice.length < chunk.bytes.length) this.#recent.put(slice.id, chunk.bytes)
    })
    for (const slice of bad) put(slice, await this.recover(slice.id))
  }

  /** The same at once, where all of it was decoded lately or is quickly decoded here; else false, and `fill` is to follow. */
  fillNow(slices: readonly Slice[], from: number, target: Uint8Array): boolean {
    return !this.#isClosed && this.#short.fill(slices, from, target).length === 0
  }

  /** Has chunks at hand for who fills parts of them soon, a few MiB of them at most. Of one that can't be read, that one hears. */
  async expect(slices: readonly Slice[]): Promise<void> {
    const unknown = slices.filter(({ id, skip, length }) => !this.#recent.get(id, skip, skip + length))
    const keep = (i: number, chunk?: Verified) => chunk && this.#recent.put(unknown[i]!.id, chunk.bytes)
    await this.eachVerified(unknown.map(idOf), keep).catch(() => {})
  }

  /** Writes all of these slices into a file, as `SparseBytes.writeTo` does. */
  async writeTo(slices: AsyncIterable<readonly Slice[]>, to: Outlet, signal?: AbortSignal): Promise<void> {
    const { index, workers } = this.#parts
    await writeOut({ index, workers, reader: this }, slices, to, signal)
  }

  /** The file of a pack, with all in it that the index knows of, for a thread that reads by itself; undefined if there is none. */
  async lend(pack: number): Promise<LentPack | undefined> {
    await this.#parts.writer.written(pack)
    if (this.#isClosed) throw new Error('The chunk store is closed.')
    return await this.#parts.packFiles.lend(pack)
  }

  /** Reads and checks chunks, several at a time; `use` gets undefined for one that is missing or damaged. */
  async eachVerified(
    ids: readonly ChunkId[],
    use: (i: number, chunk: Verified | undefined) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    let first = 0
    const wanted = ids.map(id => ({ id, first: first++ }))
    await severalAtOnce(
      this.#batches(wanted, this.#shareOf(wanted)),
      this.#parts.workers.count + READS_AHEAD,
      batch =>
        this.#batch(batch.map(idOf), chunks => {
          for (const [i, chunk] of chunks.entries()) use(batch[i]!.first, chunk)
        }),
      signal,
    )
  }

  /** Gets a chunk that we can't read from elsewhere, and keeps the good copy. */
  async recover(id: ChunkId): Promise<Uint8Array> {
    return (await this.#recoverOnce(id)).bytes
  }

  /** The same, for whoever only wants the store to be whole: false if the good copy could not be kept, on a full disk, say. */
  async heal(id: ChunkId): Promise<boolean> {
    return (await this.#recoverOnce(id)).isKept
  }

  #recoverOnce(id: ChunkId): Promise<Recovered> {
    const running = this.#healing.get(id) ?? this.#recover(id).finally(() => this.#healing.delete(id))
    this.#healing.set(id, running)
    return running
  }

  async #recover(id: ChunkId): Promise<Recovered> {
    const wasKnown = this.#placeOf(id) !== undefined
    const given = await this.#parts.heal?.(id)?.catch(() => undefined)
    const bytes =
      given &&
      given.sizeBytes <= MAX_CHUNK_BYTES &&
      unsqueeze(given.stored, given.encoding, given.sizeBytes, idBytes(id))
    if (!given || !bytes) {
      const stillThere = this.#parts.index.find(idBytes(id))
      if (stillThere >= 0) await this.#parts.damage.note(stillThere)
      throw wasKnown ? new ChunkCorrupt(id) : new ChunkMissing(id)
    }
    const isShort = given.stored.length < given.sizeBytes
    // A full disk must not keep the good bytes from whoever reads: the next read asks again.
    const isKept = await this.#keep(id, isShort ? given : { ...given, encoding: 'raw', stored: bytes }, wasKnown).then(
      () => true,
      () => false,
    )
    return { bytes: Uint8Array.from(bytes), isKept }
  }

  /** Stores a good copy in a new place, which is right from then on. */
  async #keep(id: ChunkId, { encoding, sizeBytes, stored }: StoredChunk, wasKnown: boolean): Promise<void> {
    const chunk = { id: idBytes(id), start: 0, storedBytes: stored.length, sizeBytes, encoding }
    const settle = await this.#parts.writer.appendAgain([chunk], Uint8Array.from(stored))
    await this.#parts.writer.commit()
    settle()
    await this.#parts.repairs.note(id, wasKnown ? 'corrupt' : 'missing')
  }

  #placeOf(id: ChunkId): Place | undefined {
    const entry = this.#parts.index.find(idBytes(id))
    return entry < 0 ? undefined : this.#parts.index.place(entry)
  }

  /** The stored bytes. A collection may move the chunk meanwhile: then it is read where it lies now. */
  async #load(id: ChunkId, place: Place): Promise<{ bytes: Uint8Array; place: Place } | undefined> {
    const bytes = new Uint8Array(place.storedBytes)
    if (await this.#loadInto(bytes, place)) return { bytes, place }
    const now = this.#placeOf(id)
    if (!now || (now.pack === place.pack && now.offset === place.offset)) return undefined
    return this.#load(id, now)
  }

  async #loadInto(target: Uint8Array, place: Place): Promise<boolean> {
    await this.#parts.writer.written(place.pack)
    if (this.#isClosed) throw new Error('The chunk store is closed.')
    return this.#parts.packFiles.read(place.pack, place.offset, target).catch(() => false)
  }

  /** So many bytes at a time that every thread gets something to do. */
  #shareOf(wanted: readonly { readonly id: ChunkId }[]): number {
    const each = this.#bytesOf(wanted.slice(0, 1024)) / this.#parts.workers.count
    return Math.max(256 * 1024, Math.min(BATCH_BYTES, each))
  }

  *#batches<T extends { readonly id: ChunkId }>(wanted: readonly T[], shareBytes: number): Generator<T[]> {
    let [batch, bytes]: [T[], number] = [[], 0]
    for (const each of wanted) {
      batch.push(each)
      bytes += this.#placeOf(each.id)?.sizeBytes ?? 0
      if (bytes < shareBytes) continue
      yield batch
      batch = []
      bytes = 0
    }
    if (batch.length > 0) yield batch
  }

  #bytesOf(wanted: readonly { readonly id: ChunkId }[]): number {
    return wanted.reduce((sum, { id }) => sum + (this.#placeOf(id)?.sizeBytes ?? 0), 0)
  }

  /** Reads one batch, has a thread decode and check it, and hands out its chunks. */
  async #batch(ids: readonly ChunkId[], use: (chunks: readonly (Verified | undefined)[]) => void): Promise<void> {
    const { buffers, workers } = this.#parts
    const sizeBytes = ids.reduce((sum, id) => sum + (this.#placeOf(id)?.sizeBytes ?? 0), 0)
    await buffers.with(2 * sizeBytes, async buffer => {
      const batch = new ChunkBatch(buffer, ids, id => this.#placeOf(id))
      for (const { place, bytes } of batch.runs()) if (!(await this.#loadInto(bytes, place))) bytes.fill(0)
      const good = await workers.unsqueeze(batch.stored, batch.items, batch.ids, batch.target)
      const chunks: (Verified | undefined)[] = []
      for (const [i, id] of ids.entries()) chunks.push((good[i] && batch.chunk(i)) || (await this.#again(id)))
      use(chunks)
    })
  }

  /** One more look at a single chunk: it may have moved, or a neighbour in its run could not be read. */
  async #again(id: ChunkId): Promise<Verified | undefined> {
    const place = this.#placeOf(id)
    const loaded = place && (await this.#load(id, place))
    if (!loaded) return undefined
    const bytes = unsqueeze(loaded.bytes, loaded.place.encoding, loaded.place.sizeBytes, idBytes(id))
    return bytes && { bytes, stored: loaded.bytes, place: loaded.place }
  }

  #remember(id: ChunkId, bytes: Uint8Array): Uint8Array {
    this.#wholeBytes += bytes.length - (this.#whole.get(id)?.length ?? 0)
    this.#whole.delete(id)
    this.#whole.set(id, bytes)
    for (const [oldest, { length }] of this.#whole) {
      if (this.#wholeBytes <= WHOLE_BYTES) break
      this.#whole.delete(oldest)
      this.#wholeBytes -= length
    }
    return bytes
  }
}

const idOf = ({ id }: { readonly id: ChunkId }): ChunkId => id

const partOf = ({ id, length, skip }: Slice, bytes: Uint8Array): Uint8Array => {
  if (skip + length > bytes.length) throw new ManifestMalformed(`A slice leaves the chunk ${id}.`)
  return bytes.subarray(skip, skip + length)
}
