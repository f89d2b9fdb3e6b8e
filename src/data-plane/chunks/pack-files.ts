import * as path from 'node:path'
import { type Files, type OpenFile, readWhole } from '#foundation/files.ts'
import { finishedIndex, readTable, type Table } from './pack-format.ts'
import { decodeSums, noSums, type PackSums } from './pack-sums.ts'

/** A pack's two files share a name: its number, which says how new it is, and some randomness. */
export interface Pack {
  readonly number: number
  readonly name: string
  /** Bytes of head and chunks: without the trailer. */
  bodyEnd: number
  /** It has its table, durably, and is never written again. */
  isFinished: boolean
  /** Whether its chunks are on the disk as they were written; not there until somebody asks. See `provePack`. */
  proof?: Promise<boolean>
}

interface Handle {
  readonly file: Promise<OpenFile>
  /** Once it is open. */
  fd?: number | undefined
  /** Once somebody has asked for them. */
  sums?: PackSums
  readers: number
  idle?: () => void
}

/** The file of a pack, open until `release`. */
export interface LentPack {
  readonly fd: number
  release(): void
}

const MOST_HANDLES = 64

/** Reads from packs, with a bounded number of open files; a pack can be removed beside its readers. */
export class PackFiles {
  readonly #files: Files
  readonly #folder: string
  readonly #beforeNew: () => Promise<void>
  readonly packs = new Map<number, Pack>()
  readonly #handles = new Map<number, Handle>()

  /** No pack gets a name before `beforeNew` has resolved. */
  constructor(files: Files, folder: string, beforeNew: () => Promise<void>) {
    this.#files = files
    this.#folder = folder
    this.#beforeNew = beforeNew
  }

  packPath(name: string): string {
    return path.join(this.#folder, 'packs', `${name}.pack`)
  }

  indexPath(name: string): string {
    return path.join(this.#folder, 'index', `${name}.idx`)
  }

  sumsPath(name: string): string {
    return path.join(this.#folder, 'index', `${name}.sums`)
  }

  /** They only save time: nobody waits for the disk, and without them chunks are decoded. */
  async writeSums(pack: Pack, bytes: Uint8Array | undefined): Promise<void> {
    if (!bytes) return
    try {
      const file = await this.#files.open(this.sumsPath(pack.name), 'create')
      await file.write(bytes, 0).finally(() => file.close())
    } catch {
      // a full disk, say: a part of a file counts for nothing
    }
  }

  async sums(number: number): Promise<PackSums> {
    const pack = this.packs.get(number)
    if (!pack) return noSums
    return await readWhole(this.#files, this.sumsPath(pack.name)).then(decodeSums, () => noSums)
  }

  /** Fills `target`; answers false if the pack ends before or is gone. Failing disks throw. */
  async read(pack: number, offset: number, target: Uint8Array): Promise<boolean> {
    const known = this.packs.get(pack)
    if (!known) return false
    const handle = this.#takeHandle(known)
    try {
      return (await (await handle.file).read(target, offset)) === target.length
    } finally {
      giveBack(handle)
    }
  }

  /** The file of a pack, for who reads it in a way of his own; undefined if it is gone, or can't be opened, or is none of the system's. */
  async lend(pack: number): Promise<LentPack | undefined> {
    const known = this.packs.get(pack)
    if (!known) return undefined
    const handle = this.#takeHandle(known)
    const file = await handle.file.catch(() => undefined)
    if (file?.fd !== undefined) return { fd: file.fd, release: () => giveBack(handle) }
    giveBack(handle)
    return undefined
  }

  /** The descriptor of a pack that is open already: it may be closed as soon as somebody waits. */
  openFd(pack: number): number | undefined {
    return this.packs.has(pack) ? this.#handles.get(pack)?.fd : undefined
  }

  /** The sums of an open pack; none until they are read, which asking for them begins. */
  openSums(pack: number): PackSums {
    const handle = this.#handles.get(pack)
    if (!handle || !this.packs.get(pack)?.isFinished) return noSums
    if (!handle.sums) {
      handle.sums = noSums
      void this.sums(pack).then(sums => {
        handle.sums = sums
      })
    }
    return handle.sums
  }

  /**
   * Forgets a pack that nothing points to any more and, once its readers are gone, removes its files. One that the disk keeps is not
   * forgotten: the next opening would know it again.
   */
  async remove(pack: Pack): Promise<void> {
    const isKnown = this.packs.delete(pack.number)
    const handle = this.#handles.get(pack.number)
    this.#handles.delete(pack.number)
    try {
      if (handle) await this.#retire(handle)
      await this.#files.remove(this.packPath(pack.name))
    } catch (error) {
      if (isKnown) this.packs.set(pack.number, pack)
      throw error
    }
    await this.#files.remove(this.sumsPath(pack.name))
    await this.#files.remove(this.indexPath(pack.name))
  }

  async create(name: string): Promise<OpenFile> {
    await this.#beforeNew()
    return await this.#files.open(this.packPath(name), 'create')
  }

  /** Gives a finished pack of another store, and its sums, a name here as well. */
  async link({ file, sumsFile }: { readonly file: string; readonly sumsFile: string }, name: string): Promise<void> {
    await this.#beforeNew()
    await this.#files.link(file, this.packPath(name))
    await this.#files.link(sumsFile, this.sumsPath(name)).catch(() => {}) // older packs have none
  }

  /** How many stores have a pack in common, this one included. */
  async names({ name }: Pack): Promise<number> {
    return await this.#files.names(this.packPath(name)).catch(() => 1) // it is being removed
  }

  /** What the pack says of itself; undefined if it has no table, or a damaged one. */
  async table({ name }: { readonly name: string }): Promise<Table | undefined> {
    const file = await this.#files.open(this.packPath(name), 'read')
    try {
      return await readTable(file)
    } finally {
      await file.close()
    }
  }

  /** The index file of a finished pack. Its name is durable after `syncIndexes`. */
  async writeIndex(name: string, table: Buffer, bodyEnd: number): Promise<void> {
    const file = await this.#files.open(this.indexPath(name), 'create')
    try {
      await file.write(finishedIndex(table, bodyEnd), 0)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async syncPacks(): Promise<void> {
    await this.#files.syncDirectory(path.join(this.#folder, 'packs'))
  }

  async syncIndexes(): Promise<void> {
    await this.#files.syncDirectory(path.join(this.#folder, 'index'))
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()]
    this.#handles.clear()
    await Promise.all(handles.map(handle => this.#retire(handle)))
  }

  /** Nobody closes it until it is given back. */
  #takeHandle(pack: Pack): Handle {
    const known = this.#handles.get(pack.number)
    this.#handles.delete(pack.number)
    const handle = known ?? this.#open(pack)
    handle.readers++
    this.#handles.set(pack.number, handle)
    if (this.#handles.size > MOST_HANDLES) this.#dropOldest()
    return handle
  }

  #open(pack: Pack): Handle {
    const handle: Handle = { file: this.#files.open(this.packPath(pack.name), 'read'), readers: 0 }
    handle.file.then(
      ({ fd }) => {
        handle.fd = fd
      },
      () => this.#handles.delete(pack.number),
    )
    return handle
  }

  #dropOldest(): void {
    const [number, handle] = this.#handles.entries().next().value!
    this.#handles.delete(number)
    void this.#retire(handle).catch(() => {})
  }

  async #retire(handle: Handle): Promise<void> {
    if (handle.readers > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      handle.idle = resolve
      await promise
    }
    await handle.file.then(
      file => file.close(),
      () => {},
    )
  }
}

const giveBack = (handle: Handle): void => {
  handle.readers--
  if (handle.readers === 0) handle.idle?.()
}
