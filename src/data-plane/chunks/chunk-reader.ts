import type { BufferPool } from './buffer-pool.ts'
import { type ChunkIndex, idBytes, type Place } from './chunk-index.ts'
import { ITEM_FIELDS, unsqueeze } from './chunk-kernel.ts'
import { ChunkCorrupt, type ChunkId, ChunkMissing, type Heal } from './chunk-store.ts'
import type { HashWorkers } from './hash-workers.ts'
import { ManifestMalformed, type Slice } from './manifest.ts'
import type { PackFiles } from './pack-files.ts'
import type { PackWriter } from './pack-writer.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import type { RepairLog } from './repair-log.ts'

/** A chunk whose bytes were just checked. Both arrays are only valid inside of the call that hands them out. */
export interface Verified {
  readonly bytes: Uint8Array
  readonly stored: Uint8Array
  readonly place: Place
}

interface Parts {
  readonly index: ChunkIndex
  readonly packFiles: PackFiles
  readonly writer: PackWriter
  readonly workers: HashWorkers
  readonly buffers: BufferPool
  readonly repairs: RepairLog
  readonly heal?: Heal | undefined
}

const CACHE_BYTES = 32 * 1024 * 1024
const BATCH_BYTES = 2 * 1024 * 1024
/** Half of a buffer takes what is stored, the other half what it decodes to. */
export const READ_BUFFER_BYTES = 2 * (BATCH_BYTES + MAX_CHUNK_BYTES)

/** Reads chunks, checks every one, asks for a good copy where it finds a bad one, and keeps the last ones decoded. */
export class ChunkReader {
  readonly #parts: Parts
  readonly #cache = new Map<ChunkId, Uint8Array>()
  readonly #healing = new Map<ChunkId, Promise<Uint8Array>>()
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

  /** Fills `target`, which starts at `from` in the image, from slices that lie inside of it. Leaves what they don't cover. */
  async fill(slices: readonly Slice[], from: number, target: Uint8Array): Promise<void> {
    const put = ({ id, offset, length, skip }: Slice, bytes: Uint8Array) => {
      if (skip + length > bytes.length) throw new ManifestMalformed(`A slice leaves the chunk ${id}.`)
      target.set(bytes.subarray(skip, skip + length), offset - from)
    }
    if (slices.length <= 2) {
      for (const slice of slices) put(slice, await this.read(slice.id))
      return
    }
    const bad: Slice[] = []
    const ids = slices.map(slice => slice.id)
    await this.eachVerified(ids, (i, chunk) => {
      const slice = slices[i]!
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
      const batch = this.#batch(ids, first, last, use)
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
  recover(id: ChunkId): Promise<Uint8Array> {
    const running = this.#healing.get(id) ?? this.#recover(id).finally(() => this.#healing.delete(id))
    this.#healing.set(id, running)
    return running
  }

  async #recover(id: ChunkId): Promise<Uint8Array> {
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
    const { encoding, sizeBytes, stored } = given
    const chunk = { id: idBytes(id), start: 0, storedBytes: stored.length, sizeBytes, encoding }
    const settle = await this.#parts.writer.appendAgain([chunk], Uint8Array.from(stored))
    await this.#parts.writer.commit()
    settle()
    await this.#parts.repairs.note(id, wasKnown ? 'corrupt' : 'missing')
    return Uint8Array.from(bytes)
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

  async #batch(
    ids: readonly ChunkId[],
    first: number,
    last: number,
    use: (i: number, chunk: Verified | undefined) => void,
  ): Promise<void> {
    const least = 2 * this.#bytesOf(ids.slice(first, last))
    await this.#parts.buffers.with(least, async buffer => {
      const stored = buffer.subarray(0, buffer.length / 2)
      const target = buffer.subarray(buffer.length / 2)
      const places: (Place | undefined)[] = []
      const items = new Uint32Array((last - first) * ITEM_FIELDS)
      const idsBytes = new Uint8Array((last - first) * 32)
      let [end, decodedEnd] = [0, 0]
      for (let i = first; i < last; i++) {
        const place = this.#placeOf(ids[i]!)
        places.push(place)
        if (!place) continue
        const fields = [end, place.storedBytes, place.sizeBytes, place.encoding === 'zstd' ? 1 : 0]
        // It was measured before an await: a copy that a heal brought meanwhile may be stored in another size.
        if (end + place.storedBytes > stored.length || decodedEnd + place.sizeBytes > target.length) {
          places[i - first] = undefined
          continue
        }
        items.set(fields, (i - first) * ITEM_FIELDS)
        idsBytes.set(idBytes(ids[i]!), (i - first) * 32)
        end += place.storedBytes
        decodedEnd += place.sizeBytes
      }
      await this.#loadRuns(places, items, stored)
      const good = await this.#parts.workers.unsqueeze(stored, items, idsBytes, target)
      let at = 0
      for (const [k, place] of places.entries()) {
        const [start = 0, storedBytes = 0, sizeBytes = 0] = items.subarray(k * ITEM_FIELDS, (k + 1) * ITEM_FIELDS)
        const bytes = target.subarray(at, at + sizeBytes)
        at += sizeBytes
        if (place && good[k]) use(first + k, { bytes, stored: stored.subarray(start, start + storedBytes), place })
        else await this.#again(ids[first + k]!, chunk => use(first + k, chunk))
      }
    })
  }

  /** Chunks that lie one after the other in a pack are read in one go. */
  async #loadRuns(places: readonly (Place | undefined)[], items: Uint32Array, stored: Uint8Array): Promise<void> {
    let run: { place: Place; start: number; end: number } | undefined
    const load = async () => {
      if (!run) return
      const bytes = stored.subarray(run.start, run.end)
      if (!(await this.#loadInto(bytes, run.place))) bytes.fill(0)
    }
    for (const [k, place] of places.entries()) {
      if (!place) continue
      const start = items[k * ITEM_FIELDS]!
      const follows = run && run.place.pack === place.pack && run.place.offset + run.end - run.start === place.offset
      if (run && follows) run.end = start + place.storedBytes
      else {
        await load()
        run = { place, start, end: start + place.storedBytes }
      }
    }
    await load()
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
