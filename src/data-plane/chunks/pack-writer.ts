import type { Files } from '#foundation/files.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Random } from '#foundation/random.ts'
import type { Bits } from './bits.ts'
import type { ChunkIndex, Place } from './chunk-index.ts'
import { type GrowingPack, growingPack, type PackPair } from './growing-pack.ts'
import type { Pack, PackFiles } from './pack-files.ts'
import { encodeGroup, encodeTrailer, INDEX_HEAD, PACK_HEAD, type PackRecord, RECORD_BYTES } from './pack-format.ts'
import { encodeSums } from './pack-sums.ts'
import { MAX_CHUNK_BYTES } from './page-cut.ts'
import type { Room } from './room.ts'

/** A chunk on its way into a pack: its stored bytes lie at `start` of a buffer. */
export interface NewChunk {
  readonly id: Uint8Array
  readonly start: number
  readonly storedBytes: number
  readonly sizeBytes: number
  readonly encoding: 'raw' | 'zstd'
  /** SHA-256 of the stored bytes. Without it, who verifies the chunk has to decode it. */
  readonly sum?: Uint8Array
}

export interface Appended {
  readonly newBytes: number
  readonly storedBytes: number
}

const PACK_BYTES = 32 * 1024 * 1024
/** The disk gets so much to do at a time while a pack grows: a commit then waits for the rest only. */
const FLUSH_BYTES = 8 * 1024 * 1024
/** Full packs that wait for the disk before a writer has to wait too. */
const MOST_FULL = 2

/**
 * Appends chunks to packs. Many writers share one growing pack and its fsyncs. Nothing appended counts until `commit`: first the
 * pack is made durable, then the index group that names its chunks, so an index never names bytes that are not there.
 */
export class PackWriter {
  readonly #files: Files
  readonly #random: Random
  readonly #index: ChunkIndex
  readonly #packFiles: PackFiles
  readonly #room: Room
  #nextNumber: number
  #current: GrowingPack | undefined
  readonly #growing = new Set<GrowingPack>()
  #round: Promise<void> | undefined
  #nextRound: Promise<void> | undefined
  /** Grows when appended chunks were lost to a failing disk: work that began before can't be acknowledged. */
  failures = 0
  lastFailure: unknown

  constructor(parts: {
    files: Files
    random: Random
    index: ChunkIndex
    packFiles: PackFiles
    nextNumber: number
    room: Room
  }) {
    this.#room = parts.room
    this.#files = parts.files
    this.#random = parts.random
    this.#index = parts.index
    this.#packFiles = parts.packFiles
    this.#nextNumber = parts.nextNumber
  }

  /**
   * Adds those of the chunks that the store does not have yet, and notes all of them in `lease`. `bytes` must stay as they are
   * until it resolves, apart from what this function does to them: it moves the chunks it writes together.
   */
  async append(chunks: readonly NewChunk[], bytes: Uint8Array, lease: Bits): Promise<Appended> {
    await this.#room.take(chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0))
    let pack: GrowingPack | undefined
    let [start, length, newBytes] = [0, 0, 0]
    for (const chunk of chunks) {
      const known = this.#index.findGood(chunk.id)
      if (known >= 0) {
        lease.add(known)
        continue
      }
      if (!pack) {
        pack = this.#growingPack()
        start = pack.bodyEnd
      }
      if (chunk.start !== length) bytes.copyWithin(length, chunk.start, chunk.start + chunk.storedBytes)
      lease.add(this.#record(pack, chunk, start + length))
      length += chunk.storedBytes
      newBytes += chunk.sizeBytes
    }
    if (pack) await this.#write(pack, bytes.subarray(0, length), start)
    return { newBytes, storedBytes: length }
  }

  /** Stores chunks again that are in the index already. They count from the next `commit`; then `settle` points the index to them. */
  async appendAgain(chunks: readonly NewChunk[], bytes: Uint8Array): Promise<() => void> {
    const pack = this.#growingPack()
    const start = pack.bodyEnd
    const places: { id: Uint8Array; place: Place }[] = []
    for (const chunk of chunks) {
      const record = this.#recordOf(pack, chunk, start + chunk.start)
      pack.records.push(record)
      places.push(record)
    }
    pack.bodyEnd += bytes.length
    await this.#write(pack, bytes, start)
    return () => {
      for (const { id, place } of places) {
        const entry = this.#index.find(id)
        if (entry >= 0) this.#index.move(entry, place)
        else this.#index.add(id, 0, place)
      }
    }
  }

  /** Everything that was appended before this call is durable when it resolves. Calls at one time share their fsyncs. */
  commit(): Promise<void> {
    this.#nextRound ??= this.#commitAfter(this.#round)
    return this.#nextRound
  }

  async #commitAfter(running: Promise<void> | undefined): Promise<void> {
    await running?.catch(() => {})
    this.#nextRound = undefined
    this.#round = this.#commitRound()
    await this.#round
  }

  /** Ends the growing pack, so that what comes next goes to another. */
  roll(): void {
    if (this.#current && this.#current.records.length > 0) this.#seal(this.#current)
  }

  /** Bytes of an appended chunk can be read once this resolves. */
  async written(number: number): Promise<void> {
    for (const pack of this.#growing) if (pack.number === number) await Promise.all(pack.writes)
  }

  /** Whether `written` would wait for nothing. */
  isWritten(number: number): boolean {
    for (const pack of this.#growing) if (pack.number === number && pack.writes.size > 0) return false
    return true
  }

  /** Whether a pack has chunks that are doubted, and whose new copies are not durable yet: it must stay until they are. */
  isDoubted(number: number): boolean {
    for (const { doubted } of this.#growing) for (const { pack } of doubted.values()) if (pack === number) return true
    return false
  }

  /** The number and name of the next pack, for whoever makes one by other means. */
  newName(): { number: number; name: string } {
    const number = this.#nextNumber++
    return { number, name: `${number.toString(16).padStart(8, '0')}-${this.#random.bytes(4).toString('hex')}` }
  }

  /**
   * Enters a finished pack whose files are durable, and notes its chunks in `lease`. A chunk that came by another way meanwhile
   * is read from the pack of the higher number, as it will be after the next opening: what is verified now is what is read then.
   */
  admit(pack: Pack, table: Buffer, lease: Bits): Appended {
    // A good copy of one of its chunks may be written later, and must be in a pack of a higher number.
    if (this.#current && this.#current.number < pack.number) this.roll()
    this.#packFiles.packs.set(pack.number, pack)
    let [newBytes, storedBytes] = [0, 0]
    for (let at = 0; at < table.length; at += RECORD_BYTES) {
      const known = this.#index.findGood(table, at)
      const stays = known >= 0 && this.#index.packOf(known) > pack.number
      lease.add(stays ? known : this.#index.putRecord(table, at, pack.number))
      if (known >= 0) continue
      storedBytes += table.readUInt32LE(at + 36)
      newBytes += table.readUInt32LE(at + 40)
    }
    return { newBytes, storedBytes }
  }

  /** Finishes the growing pack if it is worth a file of its own, and waits for those that are being finished. */
  async finishLarge(leastBytes: number): Promise<void> {
    if (this.#current && this.#current.bodyEnd >= leastBytes) this.roll()
    if ([...this.#growing].some(pack => pack.full)) await this.commit()
  }

  isGrowing(number: number): boolean {
    for (const pack of this.#growing) if (pack.number === number) return true
    return false
  }

  async close(): Promise<void> {
    this.roll()
    await this.commit()
    for (const pack of [...this.#growing]) {
      await this.#closeFiles(pack)
      if (pack.records.length === 0) await this.#packFiles.remove(pack)
    }
    this.#growing.clear()
    this.#current = undefined
  }

  #growingPack(): GrowingPack {
    if (this.#current) return this.#current
    const { number, name } = this.newName()
    const pack = growingPack(number, name, this.#create(name))
    pack.opened.catch(error => this.#fail(pack, error))
    this.#packFiles.packs.set(number, pack)
    this.#growing.add(pack)
    this.#current = pack
    return pack
  }

  async #create(name: string): Promise<PackPair> {
    const pack = await this.#packFiles.create(name)
    try {
      await pack.write(PACK_HEAD, 0)
      const index = await this.#files.open(this.#packFiles.indexPath(name), 'create')
      await index.write(INDEX_HEAD, 0)
      return { pack, index }
    } catch (error) {
      await pack.close()
      throw error
    }
  }

  #recordOf(pack: GrowingPack, chunk: NewChunk, offset: number): PackRecord {
    const { storedBytes, sizeBytes, encoding } = chunk
    // A reader drops a whole group with a record that makes no sense: none may ever be written.
    const isSensible = storedBytes > 0 && storedBytes <= sizeBytes && sizeBytes <= MAX_CHUNK_BYTES
    invariant(isSensible, `A chunk of ${sizeBytes} bytes, ${storedBytes} as stored, can be recorded`)
    const place = { pack: pack.number, offset, storedBytes, sizeBytes, encoding }
    return { id: Buffer.from(chunk.id), place, sum: chunk.sum && Buffer.from(chunk.sum) }
  }

  #record(pack: GrowingPack, chunk: NewChunk, offset: number): number {
    const record = this.#recordOf(pack, chunk, offset)
    pack.records.push(record)
    pack.bodyEnd = offset + chunk.storedBytes
    const damaged = this.#index.find(record.id)
    if (damaged < 0) return this.#index.add(record.id, 0, record.place)
    pack.doubted.set(damaged, this.#index.place(damaged))
    this.#index.move(damaged, record.place)
    return damaged
  }

  async #write(pack: GrowingPack, bytes: Uint8Array, position: number): Promise<void> {
    const write = pack.opened.then(files => files.pack.write(bytes, position))
    pack.writes.add(write)
    if (pack.bodyEnd >= PACK_BYTES && !pack.full) this.#seal(pack)
    try {
      await write
    } catch (error) {
      this.#fail(pack, error)
      throw error
    } finally {
      pack.writes.delete(write)
    }
    if (pack.failure !== undefined) throw pack.failure
    pack.unflushedBytes += bytes.length
    if (pack.unflushedBytes >= FLUSH_BYTES && !pack.full && !pack.flushing) this.#flush(pack)
    const waiting = [...this.#growing].filter(each => each.full).length
    if (waiting > MOST_FULL) await this.commit()
  }

  /** A disk tells of a failed write only once: then this is what fails the pack. */
  #flush(pack: GrowingPack): void {
    pack.unflushedBytes = 0
    pack.flushing = pack.opened
      .then(files => files.pack.sync())
      .catch(error => this.#fail(pack, error))
      .finally(() => {
        pack.flushing = undefined
      })
  }

  /** The pack takes no more chunks: its trailer is written and the next commit makes it final. */
  #seal(pack: GrowingPack): void {
    invariant(!pack.full, 'A pack is sealed once')
    pack.full = true
    if (this.#current === pack) this.#current = undefined
    const trailer = encodeTrailer(pack.records, pack.bodyEnd)
    const write = pack.opened.then(files => files.pack.write(trailer, pack.bodyEnd))
    pack.writes.add(write)
    write.then(
      () => pack.writes.delete(write),
      error => this.#fail(pack, error),
    )
    this.commit().catch(() => {}) // begins to make it durable; who needs to know asks for a commit of its own
  }

  async #commitRound(): Promise<void> {
    const packs = [...this.#growing].filter(pack => pack.full || pack.committed < pack.records.length)
    for (const pack of packs) await this.#commitPack(pack)
  }

  async #commitPack(pack: GrowingPack): Promise<void> {
    try {
      const { full, bodyEnd } = pack
      const count = pack.records.length
      await Promise.all(pack.writes)
      await pack.flushing
      const files = await pack.opened
      await files.pack.sync()
      if (pack.failure !== undefined) throw pack.failure
      const group = encodeGroup(pack.records.slice(pack.committed, count), bodyEnd, full)
      await files.index.write(group, pack.indexEnd)
      await files.index.sync()
      if (!pack.named) await this.syncNames()
      pack.named = true
      pack.indexEnd += group.length
      pack.committed = count
      pack.committedEnd = bodyEnd
      this.#settleDoubts(pack)
      if (full) await this.#finish(pack)
    } catch (error) {
      this.#fail(pack, error)
      throw error
    }
  }

  /** What is durable by now needs its former copy no more. */
  #settleDoubts(pack: GrowingPack): void {
    for (const entry of pack.doubted.keys()) {
      const place = this.#index.place(entry)
      if (place.pack !== pack.number || place.offset < pack.committedEnd) pack.doubted.delete(entry)
    }
  }

  /** Makes new and removed packs and index files durable. */
  async syncNames(): Promise<void> {
    await this.#packFiles.syncPacks()
    await this.#packFiles.syncIndexes()
  }

  async #finish(pack: GrowingPack): Promise<void> {
    await this.#packFiles.writeSums(pack, encodeSums(pack.records))
    this.#growing.delete(pack)
    pack.isFinished = true
    pack.records.length = 0
    pack.writes.clear()
    await this.#closeFiles(pack)
  }

  async #closeFiles(pack: GrowingPack): Promise<void> {
    const files = await pack.opened.catch(() => undefined)
    await files?.pack.close()
    await files?.index.close()
  }

  /** What follows the durable chunks is of no use any more; on a full disk it is just what is lacking. */
  async #abandon(pack: GrowingPack): Promise<void> {
    const files = await pack.opened.catch(() => undefined)
    await Promise.allSettled(pack.writes)
    await files?.pack.truncate(pack.committedEnd).catch(() => {})
    await this.#closeFiles(pack)
  }

  /**
   * After a failed write or fsync nobody knows what the disk holds: the pack is never written again, chunks that were not durable
   * are forgotten, and work that counted on them fails. What was committed stays; the next opening of the store ends the pack.
   */
  #fail(pack: GrowingPack, error: unknown): void {
    if (pack.failure !== undefined) return
    pack.failure = error ?? new Error('The write failed.')
    this.failures++
    this.lastFailure = pack.failure
    if (this.#current === pack) this.#current = undefined
    this.#growing.delete(pack)
    for (const { id, place } of pack.records.slice(pack.committed)) {
      const entry = this.#index.find(id)
      if (entry < 0) continue
      const now = this.#index.place(entry)
      if (now.pack !== place.pack || now.offset !== place.offset) continue
      const before = pack.doubted.get(entry)
      if (before) {
        this.#index.move(entry, before)
        this.#index.suspect(entry)
      } else this.#index.remove(entry)
    }
    pack.doubted.clear()
    pack.bodyEnd = pack.committedEnd
    void this.#abandon(pack).catch(() => {})
    if (pack.committed === 0) void this.#packFiles.remove(pack).catch(() => {})
  }
}
