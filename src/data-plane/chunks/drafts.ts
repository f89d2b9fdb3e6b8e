import * as path from 'node:path'
import type { Files } from '#foundation/files.ts'
import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { idBytes } from './chunk-index.ts'
import { type Draft, DraftBegun, type Ingested, type ManifestId, ManifestMissing } from './chunk-store.ts'
import { type Added, DraftLog, NOTHING, sumOf } from './draft-log.ts'
import type { DraftMap } from './draft-map.ts'
import { fileOf, requireName } from './holds.ts'
import { fillSegment, SEGMENT_BYTES, storeSegment } from './intake.ts'
import { bytesOfLayout, manifestLayout } from './layout.ts'
import { MAX_IMAGE_BYTES, type Slice } from './manifest.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { nominalBytesFor } from './page-cut.ts'
import { atWork, type StoreCore, type Work } from './store-core.ts'
import { tidy } from './tidy.ts'
import { Turns } from './turns.ts'
import { requireUndamaged } from './verify.ts'

const NAME = /^([0-9a-f]{64})\.draft$/

/** The drafts of a store: one log file each, read when first asked for. */
export class Drafts {
  readonly #files: Files
  readonly #folder: string
  readonly #core: StoreCore
  /** By file name; undefined while it has not been read. */
  readonly #drafts = new Map<string, OpenDraft | undefined>()
  /** Their creation failed, so they don't exist; but a failing disk may show their files after a crash. */
  readonly #inDoubt = new Set<string>()
  readonly #turns = new Turns()

  private constructor(files: Files, folder: string, core: StoreCore) {
    this.#files = files
    this.#folder = folder
    this.#core = core
  }

  static async load(files: Files, storeFolder: string, core: StoreCore): Promise<Drafts> {
    const drafts = new Drafts(files, path.join(storeFolder, 'drafts'), core)
    for (const file of await files.list(drafts.#folder)) if (NAME.test(file)) drafts.#drafts.set(file, undefined)
    return drafts
  }

  async openOrCreate(id: string, sizeBytes: number): Promise<Draft> {
    requireName(id)
    requireSize(sizeBytes)
    const file = `${fileOf(id)}.draft`
    return this.#turns.take(async () => (await this.#get(file)) ?? (await this.#create(file, id, sizeBytes)))
  }

  find(id: string): Promise<Draft | undefined> {
    return this.#turns.take(() => this.#get(`${fileOf(id)}.draft`))
  }

  /** What the drafts consist of now: a collection keeps it. Throws `DraftDamaged`. */
  async maps(): Promise<DraftMap[]> {
    const maps: DraftMap[] = []
    for (const file of [...this.#drafts.keys()]) {
      const draft = await this.#turns.take(() => this.#get(file))
      if (draft) maps.push(...draft.maps())
    }
    return maps
  }

  async close(): Promise<void> {
    for (const draft of this.#drafts.values()) await draft?.close()
  }

  async #get(file: string): Promise<OpenDraft | undefined> {
    if (!this.#drafts.has(file)) return this.#settle(file)
    const known = this.#drafts.get(file)
    if (known) return known
    return this.#keep(file, await DraftLog.load(this.#files, path.join(this.#folder, file)))
  }

  async #create(file: string, id: string, sizeBytes: number): Promise<OpenDraft> {
    await this.#core.room.require()
    this.#inDoubt.add(file)
    const log = await DraftLog.create(this.#files, path.join(this.#folder, file), id, sizeBytes)
    this.#inDoubt.delete(file)
    return this.#keep(file, log)
  }

  /** Makes sure that a draft which does not exist is not there after a crash either. */
  async #settle(file: string): Promise<undefined> {
    if (!this.#inDoubt.has(file)) return
    await this.#files.remove(path.join(this.#folder, file))
    await this.#files.syncDirectory(this.#folder)
    this.#inDoubt.delete(file)
  }

  #keep(file: string, log: DraftLog): OpenDraft {
    const draft = new OpenDraft(this.#core, log, () =>
      this.#turns.take(async () => {
        if (this.#drafts.get(file) !== draft) return
        await log.remove()
        await this.#files.syncDirectory(this.#folder)
        this.#drafts.delete(file)
      }),
    )
    this.#drafts.set(file, draft)
    return draft
  }
}

const requireSize = (sizeBytes: number): void => {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > MAX_IMAGE_BYTES)
    throw new RangeError(`An image has 0 to ${MAX_IMAGE_BYTES} bytes, not ${sizeBytes}.`)
}

const leaseAll = (core: StoreCore, work: Work, slices: Iterable<readonly Slice[]>): void => {
  for (const some of slices) {
    for (const { id } of some) {
      const entry = core.index.find(idBytes(id))
      if (entry >= 0) work.lease.add(entry)
    }
  }
}

class OpenDraft implements Draft {
  readonly #core: StoreCore
  readonly #log: DraftLog
  readonly #remove: () => Promise<void>
  /** States that are being sealed: the draft may have left them behind already. */
  readonly #sealing = new Set<DraftMap>()
  #isDiscarded = false

  constructor(core: StoreCore, log: DraftLog, remove: () => Promise<void>) {
    this.#core = core
    this.#log = log
    this.#remove = remove
  }

  get id(): string {
    return this.#log.id
  }

  get sizeBytes(): number {
    return this.#log.map.sizeBytes
  }

  get written(): Added {
    return this.#log.added
  }

  maps(): DraftMap[] {
    return [this.#log.map, ...this.#sealing]
  }

  async begin(manifest: ManifestId): Promise<void> {
    this.#requireOpen()
    const { map } = this.#log
    if (!map.within(0, map.sizeBytes).next().done) throw new DraftBegun()
    const unpin = this.#core.leases.pin(manifest)
    try {
      if (!this.#core.manifests.has(manifest)) throw new ManifestMissing(manifest)
      await requireUndamaged(this.#core, manifest)
      const layout = manifestLayout(await this.#core.manifests.read(manifest), this.#core.reader)
      await this.#put(layout.slices(0, Math.min(layout.sizeBytes, map.sizeBytes)))
    } finally {
      unpin()
    }
  }

  /** All of it, or nothing if some of it can't be read or written: half a start would show in what nobody writes to. */
  async #put(content: AsyncIterable<readonly Slice[]>): Promise<void> {
    const changes: Promise<void>[] = []
    try {
      for await (const slices of content) {
        const [{ offset }, last] = [slices[0]!, slices.at(-1)!]
        const length = last.offset + last.length - offset
        const change = this.#log.append({ kind: 'put', offset, length, slices, added: NOTHING })
        change.catch(() => {}) // it is awaited with the others
        changes.push(change)
      }
      await Promise.all(changes)
    } catch (error) {
      await Promise.allSettled(changes)
      if (changes.length > 0) await this.clear(0, this.sizeBytes)
      throw error
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireOpen()
    requireRange(offset, bytes.length, this.sizeBytes)
    if (bytes.length === 0) return
    await atWork(this.#core, async work => {
      await this.#core.room.require()
      const slices: Slice[] = []
      let added = NOTHING
      for (let at = 0; at < bytes.length; at += SEGMENT_BYTES) {
        const part = bytes.subarray(at, at + SEGMENT_BYTES)
        const segment = await fillSegment(this.#core, offset + at, part.length, async target => target.set(part))
        const stored = await storeSegment(this.#core, segment, nominalBytesFor(this.sizeBytes), work)
        slices.push(...stored.slices)
        added = sumOf(added, stored)
      }
      await work.commit()
      await this.#log.append({ kind: 'put', offset, length: bytes.length, slices, added })
    })
  }

  async clear(offset: number, length: number): Promise<void> {
    this.#requireOpen()
    requireRange(offset, length, this.sizeBytes)
    if (length > 0) await this.#log.append({ kind: 'put', offset, length, slices: [], added: NOTHING })
  }

  async resize(sizeBytes: number): Promise<void> {
    this.#requireOpen()
    requireSize(sizeBytes)
    await this.#log.append({ kind: 'resize', sizeBytes })
  }

  bytes(): SparseBytes {
    const map = this.#log.map
    const whole = bytesOfLayout(map, this.#core.reader, () => {})
    return {
      get sizeBytes() {
        return map.sizeBytes
      },
      extents: () => whole.extents(),
      read: (offset, target) =>
        atWork(this.#core, work => {
          // A write that comes meanwhile may leave these chunks to a collection.
          leaseAll(this.#core, work, map.within(offset, offset + target.length))
          return whole.read(offset, target)
        }),
      close: async () => {},
    }
  }

  async seal(hold: string): Promise<Ingested> {
    this.#requireOpen()
    const state = this.#log.map.snapshot()
    this.#sealing.add(state)
    try {
      return await atWork(this.#core, async work => {
        const manifest = new ManifestWriter(this.#core, work, state.sizeBytes)
        const counts = { newBytes: 0, storedBytes: 0 }
        const slices = state.slices(0, state.sizeBytes)
        for await (const tidied of tidy(this.#core, work, slices, manifest.nominalBytes)) {
          await manifest.add(tidied.slices)
          counts.newBytes += tidied.newBytes
          counts.storedBytes += tidied.storedBytes
        }
        return manifest.finish(hold, counts)
      })
    } finally {
      this.#sealing.delete(state)
    }
  }

  async discard(): Promise<void> {
    this.#isDiscarded = true
    await this.#remove()
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #requireOpen(): void {
    if (this.#isDiscarded) throw new Error(`The draft ${this.id} was discarded.`)
  }
}
