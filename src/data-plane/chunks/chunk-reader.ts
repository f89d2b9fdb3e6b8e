import type { BufferPool } from './buffer-pool.ts'
import { ChunkBatch, type Verified } from './chunk-batch.ts'
import { type ChunkIndex, idBytes, type Place } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import { ChunkCorrupt, type ChunkId, ChunkMissing, type Heal, type StoredChunk } from './chunk-store.ts'
import type { HashWorkers } from './hash-workers.ts'
import { ManifestMalformed, type Slice } from './manifest.ts'
import type { PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import type { RepairLog } from './repair-log.ts'

interface Parts {
  readonly index: ChunkIndex
  readonly packFiles: PackFiles
  readonly writer: PackWriter
  readonly workers: HashWorkers
  readonly buffers: BufferPool
  readonly repairs: RepairLog
  readonly heal?: Heal | undefined
}

interface Recovered {
  readonly bytes: Uint8Array
  readonly isKept: boolean
}

const CACHE_BYTES = 32 * 1024 * 1024
const BATCH_BYTES = 2 * 1024 * 1024
/** A read of no more chunks is likely to come again nearby: they are decoded at once and kept. A longer one would flush the cache. */
const FEW_CHUNKS = 4
/** Half of a buffer takes what is stored, the other half what it decodes to. */
export const READ_BUFFER_BYTES = 2 * (BATCH_BYTES + MAX_CHUNK_BYTES)

/** Reads chunks, checks every one, asks for a good copy where it finds a bad one, and keeps the last ones decoded. */
export class ChunkReader {
  readonly #parts: Parts
  readonly #cache = new Map<ChunkId, Uint8Array>()
  readonly #healing = new Map<ChunkId, Promise<Recovered>>()
  #cachedBytes = 0
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  close(): void {
    this.#isClosed = true
    this.#cache.clear()
  }

  /** The bytes of a chunk, not to be changed. Throws `ChunkMissing` or `ChunkCorrupt` if neither we nor `heal` have them. */
  async read(id: ChunkId): Promise<Uint8Array> {
    const known = this.#cache.get(id)
    if (known) {
      this.#cache.delete(id)
      this.#cache.set(id, known)
      return known
    }
    const place = this.#placeOf(id)
    const stored = place && (await this.#load(id, place))
    const bytes = stored && unsqueeze(stored.bytes, stored.place.encoding, stored.place.sizeBytes, idBytes(id))
    return this.#remember(id, bytes ?? (await this.recover(id)))
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
    const put = ({ id, offset, length, skip }: Slice, bytes: Uint8Array) => {
      if (skip + length > bytes.length) throw new ManifestMalformed(`A slice leaves the chunk ${id}.`)
      target.set(bytes.subarray(skip, skip + length), offset - from)
    }
    const ahead = slices.filter(slice => !this.#cache.has(slice.id))
    const isLong = ahead.length > FEW_CHUNKS
    for (const slice of slices) if (!isLong || this.#cache.has(slice.id)) put(slice, await this.read(slice.id))
    if (!isLong) return
    const bad: Slice[] = []
    const ids = ahead.map(slice => slice.id)
    await this.eachVerified(ids, (i, chunk) => {
      const slice = ahead[i]!
      if (!chunk) return void bad.push(slice)
      put(slice, chunk.bytes)
      // Who reads on in order needs the rest of this one next.
      if (slice.skip + slice.length < chunk.bytes.length) this.#remember(slice.id, Uint8Array.from(chunk.bytes))
    })
    for (const slice of bad) put(slice, await this.recover(slice.id))
  }

  /** Reads and checks chunks, several at a time; `use` gets undefined for one that is missing or damaged. */
  async eachVerified(
    ids: readonly ChunkId[],
    use: (i: number, chunk: Verified | undefined) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const running = new Set<Promise<void>>()
    const most = this.#parts.workers.count + 1
    let failure: { error: unknown } | undefined
    for (const [first, last] of this.#batches(ids)) {
      if (failure || signal?.aborted) break
      const batch = this.#batch(ids.slice(first, last), first, use)
        .catch(error => {
          failure ??= { error }
        })
        .finally(() => running.delete(batch))
      running.add(batch)
      if (running.size >= most) await Promise.race(running)
    }
    await Promise.all(running)
    if (failure) throw failure.error
    signal?.throwIfAborted()
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
      if (stillThere >= 0) this.#parts.index.suspect(stillThere)
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

  /** Index ranges of `ids` that fit a buffer. */
  *#batches(ids: readonly ChunkId[]): Generator<[number, number]> {
    let [first, bytes] = [0, 0]
    const share = Math.max(
      256 * 1024,
      Math.min(BATCH_BYTES, this.#bytesOf(ids.slice(0, 1024)) / this.#parts.workers.count),
    )
    for (const [i, id] of ids.entries()) {
      bytes += this.#placeOf(id)?.sizeBytes ?? 0
      if (bytes < share) continue
      yield [first, i + 1]
      first = i + 1
      bytes = 0
    }
    if (first < ids.length) yield [first, ids.length]
  }

  #bytesOf(ids: readonly ChunkId[]): number {
    return ids.reduce((sum, id) => sum + (this.#placeOf(id)?.sizeBytes ?? 0), 0)
  }

  /** Reads one batch, has a thread decode and check it, and hands out its chunks; `first` is the number of the first one. */
  async #batch(
    ids: readonly ChunkId[],
    first: number,
    use: (i: number, chunk: Verified | undefined) => void,
  ): Promise<void> {
    const { buffers, workers } = this.#parts
    await buffers.with(2 * this.#bytesOf(ids), async buffer => {
      const batch = new ChunkBatch(buffer, ids, id => this.#placeOf(id))
      for (const { place, bytes } of batch.runs()) if (!(await this.#loadInto(bytes, place))) bytes.fill(0)
      const good = await workers.unsqueeze(batch.stored, batch.items, batch.ids, batch.target)
      for (const [i, id] of ids.entries()) {
        const chunk = good[i] ? batch.chunk(i) : undefined
        if (chunk) use(first + i, chunk)
        else await this.#again(id, found => use(first + i, found))
      }
    })
  }

  /** One more look at a single chunk: it may have moved, or a neighbour in its run could not be read. */
  async #again(id: ChunkId, use: (chunk: Verified | undefined) => void): Promise<void> {
    const place = this.#placeOf(id)
    const loaded = place && (await this.#load(id, place))
    if (!loaded) return use(undefined)
    const bytes = unsqueeze(loaded.bytes, loaded.place.encoding, loaded.place.sizeBytes, idBytes(id))
    use(bytes && { bytes, stored: loaded.bytes, place: loaded.place })
  }

  #remember(id: ChunkId, bytes: Uint8Array): Uint8Array {
    this.#cachedBytes += bytes.length - (this.#cache.get(id)?.length ?? 0)
    this.#cache.delete(id)
    this.#cache.set(id, bytes)
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) break
      this.#cache.delete(oldest)
      this.#cachedBytes -= length
    }
    return bytes
  }
}
