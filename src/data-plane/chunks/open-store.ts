import * as path from 'node:path'
import type { Clock } from '#foundation/clock.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import type { Random } from '#foundation/random.ts'
import { ChunkIndex } from './chunk-index.ts'
import { unsqueeze } from './chunk-kernel.ts'
import { ChunkReader } from './chunk-reader.ts'
import { type ChunkId, type ChunkStore, type Heal, ManifestMissing } from './chunk-store.ts'
import { collect, planCollection } from './collect.ts'
import { compose } from './compose.ts'
import { type CopyLimits, defaultCopyLimits } from './copy-limits.ts'
import { DamageLog } from './damage-log.ts'
import { Drafts } from './drafts.ts'
import type { HashWorkers } from './hash-workers.ts'
import { Holds } from './holds.ts'
import { ingest } from './ingest.ts'
import { ingestChange } from './ingest-change.ts'
import { bytesOfLayout, manifestLayout } from './layout.ts'
import { Leases } from './leases.ts'
import { loadPacks } from './load-packs.ts'
import { ManifestFiles } from './manifest-files.ts'
import { offerChunks } from './offer.ts'
import { offerStored } from './offer-stored.ts'
import { PackFiles } from './pack-files.ts'
import { PackWriter } from './pack-writer.ts'
import { Reach } from './reach.ts'
import { receive } from './receive.ts'
import { Receives } from './receives.ts'
import { RepairLog } from './repair-log.ts'
import { Room } from './room.ts'
import { Scrub } from './scrub.ts'
import { sharedPacks } from './shared-packs.ts'
import { type StoreBuffers, storeBuffers } from './store-buffers.ts'
import type { StoreCore } from './store-core.ts'
import { Turns } from './turns.ts'
import { requireUndamaged, verify } from './verify.ts'

export interface StoreParts {
  readonly files: Files
  readonly random: Random
  readonly clock: Clock
  readonly workers: HashWorkers
  readonly heal?: Heal
  /** The store that the folder is known to hold: another one, or none, is `StoreMissing`, and nothing is made in its place. */
  readonly expectedId?: string | undefined
  /** What is kept free on the disk (or 5 % of it, if that is less): new bytes are refused before the disk is full. */
  readonly reserveBytes?: number | undefined
  readonly copyLimits?: CopyLimits | undefined
  /** Of its own without them. */
  readonly buffers?: StoreBuffers | undefined
}

/** The folder holds something else than a store, or a store of a later version. */
export class NotAStore extends Error {
  override readonly name = 'NotAStore'
  readonly folder: string
  constructor(folder: string, why: string) {
    super(`${folder} is not a chunk store: ${why}.`)
    this.folder = folder
  }
}

/** The folder does not hold the store that it held before: a disk that is not mounted, or another one in its place. */
export class StoreMissing extends Error {
  override readonly name = 'StoreMissing'
  readonly folder: string
  readonly expectedId: string
  /** The store that is there instead; undefined if there is none. */
  readonly foundId: string | undefined
  constructor(folder: string, expectedId: string, foundId?: string) {
    const found = foundId === undefined ? 'there is no store now' : `the store ${foundId} is there now`
    super(`${folder} held the store ${expectedId}, and ${found}. Is the right disk mounted there?`)
    this.folder = folder
    this.expectedId = expectedId
    this.foundId = foundId
  }
}

const FOLDERS = ['packs', 'index', 'manifests', 'holds', 'drafts'] as const
/** A store of format 1 has no chunk of several frames; each new pack may have some. */
const FORMAT = 2

/** Opens the store in a folder; in an empty folder it makes one. What a crash left unfinished is finished or removed. */
export const openStore = async (folder: string, parts: StoreParts): Promise<ChunkStore> => {
  const { files, random, clock, workers, heal } = parts
  const { id, beforeNewPack } = await openFolder(files, folder, random, parts.expectedId)
  const room = new Room(files, folder, parts.reserveBytes ?? 0)
  for (const each of FOLDERS) await removeDrafts(files, path.join(folder, each))
  const index = new ChunkIndex()
  const packFiles = new PackFiles(files, folder, beforeNewPack)
  const nextNumber = await loadPacks(files, folder, packFiles, index)
  const writer = new PackWriter({ files, random, index, packFiles, nextNumber, room })
  const damage = await DamageLog.load(files, folder, clock, index)
  const repairs = new RepairLog(files, folder, clock)
  const { segments, reads: buffers } = parts.buffers ?? storeBuffers(workers)
  const reader = new ChunkReader({ index, packFiles, writer, workers, buffers, damage, repairs, heal })
  const manifests = await ManifestFiles.load(files, folder, async manifest => {
    const given = await heal?.(manifest as string as ChunkId)
    return given && unsqueeze(given.stored, given.encoding, given.sizeBytes, Buffer.from(manifest, 'hex'))
  })
  const core: StoreCore = {
    workers,
    room,
    segments,
    index,
    packFiles,
    writer,
    reader,
    damage,
    leases: new Leases(),
    manifests,
    holds: await Holds.load(files, folder),
    receives: await Receives.load(files, clock, folder),
    copyLimits: parts.copyLimits ?? defaultCopyLimits,
  }
  const scrub = new Scrub(files, folder, clock, core)
  return storeOf(id, core, await Drafts.load(files, folder, core), scrub, repairs)
}

interface OpenFolder {
  readonly id: string
  /** Notes in an older store, durably, that from now on an older program may not understand all of it. */
  beforeNewPack(): Promise<void>
}

const openFolder = async (files: Files, folder: string, random: Random, expectedId?: string): Promise<OpenFolder> => {
  const file = path.join(folder, 'store.json')
  if (!(await files.exists(file))) {
    if (expectedId !== undefined) throw new StoreMissing(folder, expectedId)
    await createStore(files, folder, file, random)
  }
  const { id, format } = await readStoreFile(files, folder)
  if (expectedId !== undefined && id !== expectedId) throw new StoreMissing(folder, expectedId, id)
  let noted = format === FORMAT ? Promise.resolve() : undefined
  const note = () =>
    writeStoreFile(files, file, id).catch(error => {
      noted = undefined // the next pack tries it again
      throw error
    })
  return { id, beforeNewPack: () => (noted ??= note()) }
}

/** The id of the store in a folder. Throws `NotAStore`. */
export const readStoreId = async (files: Files, folder: string): Promise<string> =>
  (await readStoreFile(files, folder)).id

const readStoreFile = async (files: Files, folder: string): Promise<{ format: number; id: string }> => {
  let store: { format?: unknown; id?: unknown }
  try {
    store = JSON.parse((await readWhole(files, path.join(folder, 'store.json'))).toString('utf8'))
  } catch (error) {
    throw new NotAStore(folder, `store.json can't be read (${error})`)
  }
  if (store.format !== 1 && store.format !== FORMAT)
    throw new NotAStore(folder, `its format is ${store.format}, this program knows ${FORMAT}`)
  if (typeof store.id !== 'string') throw new NotAStore(folder, 'store.json names no id')
  return { format: store.format, id: store.id }
}

const writeStoreFile = (files: Files, file: string, id: string): Promise<void> =>
  replaceFile(files, file, Buffer.from(`${JSON.stringify({ format: FORMAT, id })}\n`))

/** `store.json` is written last: a crash before leaves empty folders, which the next opening takes over. */
const createStore = async (files: Files, folder: string, file: string, random: Random): Promise<void> => {
  await files.makeFolder(folder)
  const known: readonly string[] = [...FOLDERS, 'store.json.new', 'lock']
  const stranger = (await files.list(folder)).find(name => !known.includes(name))
  if (stranger !== undefined) throw new NotAStore(folder, `it holds ${stranger} but no store.json`)
  for (const each of FOLDERS) await files.makeFolder(path.join(folder, each))
  await files.syncDirectory(path.dirname(folder))
  await files.syncDirectory(folder)
  await writeStoreFile(files, file, random.uuid())
}

/** Files that were being written when the power went. A disk that takes no writes keeps them, and can be read all the same. */
const removeDrafts = async (files: Files, folder: string): Promise<void> => {
  if (!(await files.exists(folder))) await files.makeFolder(folder)
  for (const name of await files.list(folder))
    if (name.endsWith('.new')) await files.remove(path.join(folder, name)).catch(() => {})
}

const storeOf = (id: string, core: StoreCore, drafts: Drafts, scrub: Scrub, repairs: RepairLog): ChunkStore => {
  const { manifests, holds, leases, packFiles, index } = core
  const collections = new Turns()
  const reach = new Reach(core)
  const scrubs = new Turns()
  const running = new Set<Promise<unknown>>()
  let isClosed = false
  const track = <T>(start: () => Promise<T>): Promise<T> => {
    if (isClosed) return Promise.reject(new Error('The chunk store is closed.'))
    const work = start()
    const settled: Promise<unknown> = work.catch(() => {}).finally(() => running.delete(settled))
    running.add(settled)
    return work
  }
  return {
    id,
    requireRoom: () => core.room.require(),
    room: () => core.room.look(),
    ingest: (source, hold, watch) => track(() => ingest(core, source, hold, watch)),
    ingestChange: (base, change, hold, watch) => track(() => ingestChange(core, base, change, hold, watch)),
    compose: (pieces, hold) => track(() => compose(core, pieces, hold)),
    receive: (manifest, from, hold, watch) => track(() => receive(core, manifest, from, hold, watch)),
    async open(manifest) {
      const unpin = leases.pin(manifest)
      try {
        const layout = manifestLayout(await manifests.read(manifest), core.reader)
        return bytesOfLayout(layout, core.reader, unpin)
      } catch (error) {
        unpin()
        throw error
      }
    },
    async describe(manifest) {
      const { sizeBytes, dataBytes } = await manifests.read(manifest)
      return { sizeBytes, dataBytes }
    },
    hold: (name, manifest) =>
      track(async () => {
        const unpin = leases.pin(manifest)
        try {
          if (!manifests.has(manifest)) throw new ManifestMissing(manifest)
          await requireUndamaged(core, manifest)
          await holds.set(name, manifest)
        } finally {
          unpin()
        }
      }),
    release: name => track(() => holds.remove(name)),
    held: async name => holds.get(name),
    async *holds() {
      yield* holds.all()
    },
    draft: (draftId, sizeBytes) => track(() => drafts.openOrCreate(draftId, sizeBytes)),
    findDraft: draftId => track(() => drafts.find(draftId)),
    planCollection: () => track(() => collections.take(() => planCollection(core, drafts, reach))),
    collect: () => track(() => collections.take(() => collect(core, drafts, reach))),
    verify: (manifest, wish) => track(() => verify(core, manifest, wish)),
    scrub: (intervalMs, pace) => track(() => scrubs.take(() => scrub.step(intervalMs, pace))),
    scrubState: () => scrub.state(),
    repairs: () => repairs.read(),
    async stats() {
      let [storedBytes, sharedBytes] = [0, 0]
      for (const pack of [...packFiles.packs.values()]) {
        storedBytes += pack.bodyEnd
        if (pack.isFinished && (await packFiles.names(pack)) > 1) sharedBytes += pack.bodyEnd
      }
      const counts = { chunks: index.count, packs: packFiles.packs.size, manifests: manifests.count }
      return { ...counts, storedBytes, sharedBytes, damaged: index.suspects.size }
    },
    manifestRoot: manifest => manifests.root(manifest),
    chunks: ids => offerChunks(core, ids),
    stored: ids => offerStored(core, ids),
    packs: ids => track(() => sharedPacks(core, ids, track)),
    async close() {
      isClosed = true
      await Promise.all(running)
      await drafts.close()
      await core.writer.close()
      core.reader.close()
      await packFiles.close()
    },
  }
}
