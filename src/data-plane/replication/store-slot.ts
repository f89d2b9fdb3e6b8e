import * as path from 'node:path'
import type { ChunkSource, ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { readStoreId, StoreMissing } from '#data-plane/chunks/open-store.ts'
import { StoreFull } from '#data-plane/chunks/room.ts'
import { storedOf } from '#data-plane/chunks/stored-batches.ts'
import { NodeUnreachable } from '#data-plane/nodes/faults.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import { causesOf } from '#foundation/log.ts'
import { folderOf } from './folder-of.ts'
import type { KnownStores } from './known-stores.ts'
import { RegionFull, RegionUnreachable, type StoreHealth } from './regions.ts'

/** One store of a region that can't be used now; the region's other stores may still do. */
export class StoreUnreachable extends RegionUnreachable {
  readonly url: string
  constructor(region: string, url: string, options?: ErrorOptions) {
    super(region, options)
    this.url = url
  }
}

/** One store of a region that takes no new bytes; the region's other stores may still do. */
export class StoreOutOfSpace extends RegionFull {
  readonly url: string
  constructor(region: string, url: string, options?: ErrorOptions) {
    super(region, options)
    this.url = url
  }
}

/** A configured store: opened when it is first wanted, and again when opening failed before. */
export interface StoreSlot {
  readonly region: string
  readonly url: string
  /** Runs `work` on the open store; what shows that the disk is gone becomes `StoreUnreachable`, a full one `StoreOutOfSpace`. */
  run<T>(work: (store: ChunkStore) => Promise<T>): Promise<T>
  /** The same for what the store lists. */
  each<T>(list: (store: ChunkStore) => AsyncIterable<T>): AsyncIterable<T>
  /** The store as another one's source: its failures name this store, not the one that asked. */
  readonly source: ChunkSource
  health(): Promise<StoreHealth>
  close(): Promise<void>
}

const diskGone = new Set(['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTDIR', 'EROFS', 'EACCES', 'EPERM', 'ENOTCONN'])
const diskFull = new Set(['ENOSPC', 'EDQUOT'])

const codeSays: Readonly<Record<string, string>> = {
  EIO: 'the disk fails',
  EROFS: 'the file system is read-only',
  EACCES: 'this process may not use the folder',
  EPERM: 'this process may not use the folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
}

/** The system's code in an error or in what caused it. */
export const systemCode = (error: unknown): string | undefined => {
  for (const cause of causesOf(error)) {
    const { code } = cause as NodeJS.ErrnoException
    if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code
  }
  return undefined
}

const sentenceOf = (error: unknown, label: string): string => {
  const cause = error instanceof RegionUnreachable || error instanceof RegionFull ? error.cause : error
  if (cause instanceof StoreMissing || cause instanceof StoreFull || cause instanceof NodeUnreachable)
    return cause.message
  const code = systemCode(cause)
  const says = code && codeSays[code]
  const text = cause instanceof Error ? cause.message : String(cause ?? 'it can not be reached')
  return says ? `${label}: ${says} (${code}).` : `${label}: ${text}`
}

export interface SlotParts {
  readonly files: Files
  readonly clock: Clock
  readonly known: KnownStores
  /** Opens the store, which must be the one of that id if one is given. */
  open(folder: string, expectedId: string | undefined): Promise<ChunkStore>
}

/** Wraps a store. A folder that held one and is empty, or holds another one, is not used and not changed. */
export const storeSlot = (region: string, url: string, parts: SlotParts): StoreSlot => {
  const { files } = parts
  const folder = folderOf(url)
  const storeFile = path.join(folder, 'store.json')
  let vanished = false

  /** The store that is open lies in memory, too: it must not go on where the disk under it was taken away or changed for another. */
  const requirePresent = async ({ id }: ChunkStore): Promise<void> => {
    if (!(await files.exists(storeFile))) {
      vanished = true
      throw new StoreMissing(folder, id)
    }
    if (!vanished) return
    const found = await readStoreId(files, folder)
    if (found !== id) throw new StoreMissing(folder, id, found)
    vanished = false
  }
  return slotOf(region, url, {
    ...parts,
    label: folder,
    open: expectedId => parts.open(folder, expectedId),
    requirePresent,
    isThere: () => files.exists(storeFile),
  })
}

export interface NodeSlotParts {
  readonly clock: Clock
  readonly known: KnownStores
  /** Finds the store, which must be the one of that id if one is given. */
  open(expectedId: string | undefined): Promise<ChunkStore>
}

/** Wraps a store in another process, which looks after its folder itself. */
export const nodeSlot = (region: string, url: string, parts: NodeSlotParts): StoreSlot =>
  slotOf(region, url, { ...parts, label: url, requirePresent: async () => {}, isThere: async () => true })

interface Behind extends NodeSlotParts {
  /** What a person is told of. */
  readonly label: string
  /** Throws `StoreMissing` when the open store is no longer where it was. */
  requirePresent(store: ChunkStore): Promise<void>
  isThere(): Promise<boolean>
}

const slotOf = (region: string, url: string, behind: Behind): StoreSlot => {
  const { label, clock, known } = behind
  let opening: Promise<ChunkStore> | undefined
  let lastFault: StoreHealth['lastFault']

  const open = async (): Promise<ChunkStore> => {
    const store = await behind.open(known.idOf(url))
    try {
      // Before the store acknowledges anything: from now on an empty folder is a loss and not a beginning.
      await known.keep(url, store.id)
    } catch (error) {
      await store.close()
      throw error
    }
    return store
  }

  const use = async (): Promise<ChunkStore> => {
    const isOpen = opening !== undefined
    opening ??= open()
    const mine = opening
    try {
      const store = await mine
      if (isOpen) await behind.requirePresent(store)
      return store
    } catch (error) {
      if (!(isOpen && error instanceof StoreMissing) && opening === mine) opening = undefined
      throw new StoreUnreachable(region, url, { cause: error })
    }
  }

  const factOf = async (error: unknown): Promise<unknown> => {
    if (error instanceof RegionUnreachable || error instanceof RegionFull) return error
    const code = systemCode(error)
    if (error instanceof StoreFull || (code && diskFull.has(code)))
      return new StoreOutOfSpace(region, url, { cause: error })
    const isAway = error instanceof NodeUnreachable || error instanceof StoreMissing
    if (isAway || (code && (diskGone.has(code) || !(await behind.isThere()))))
      return new StoreUnreachable(region, url, { cause: error })
    return error
  }

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      const fact = await factOf(error)
      if (fact instanceof StoreUnreachable || fact instanceof StoreOutOfSpace)
        if (fact.url === url) lastFault = { time: clock.now().toISOString(), message: sentenceOf(fact, label) }
      throw fact
    }
  }

  const run = async <T>(work: (store: ChunkStore) => Promise<T>): Promise<T> => {
    const store = await use()
    return await guarded(() => work(store))
  }

  // Whether the store is still there is looked up before and after: for each of a hundred thousand chunks that is what takes the time.
  async function* each<T>(list: (store: ChunkStore) => AsyncIterable<T>): AsyncGenerator<T> {
    const items = await run(async store => list(store)[Symbol.asyncIterator]())
    try {
      for (;;) {
        const next = await guarded(() => items.next())
        if (next.done) break
        yield next.value
      }
    } finally {
      await items.return?.()
    }
    await use()
  }

  const source: ChunkSource = {
    manifestRoot: manifest => run(store => store.manifestRoot(manifest)),
    chunks: ids => each(store => store.chunks(ids)),
    stored: ids => each(store => storedOf(store, ids)),
    packs: ids => run(async store => (await store.packs?.(ids)) ?? []),
  }

  const health = async (): Promise<StoreHealth> => {
    const fault = lastFault ? { lastFault } : {}
    try {
      const store = await use()
      const [stats, room, repairs] = [await store.stats(), await store.room(), await store.repairs()]
      const scrub = await store.scrubState()
      const isFull = room !== undefined && room.freeBytes < room.reserveBytes
      const problem = isFull
        ? { problem: sentenceOf(new StoreFull(label, room.freeBytes, room.reserveBytes), label) }
        : {}
      return {
        url,
        state: isFull ? 'full' : 'ready',
        stats,
        repairs,
        ...(scrub && { scrub }),
        ...(room && { room }),
        ...problem,
        ...fault,
      }
    } catch (error) {
      const fact = await factOf(error)
      const isMissing = fact instanceof StoreUnreachable && fact.cause instanceof StoreMissing
      return { url, state: isMissing ? 'missing' : 'unreachable', problem: sentenceOf(fact, label), ...fault }
    }
  }

  const close = async () => {
    const store = await opening?.catch(() => undefined)
    await store?.close()
  }
  return { region, url, run, each, source, health, close }
}
