import * as path from 'node:path'
import type { Files, OpenFile } from '#foundation/files.ts'

/** A pack's two files share a name: its number, which says how new it is, and some randomness. */
export interface Pack {
  readonly number: number
  readonly name: string
  /** Bytes of head and chunks: without the trailer. */
  bodyEnd: number
}

interface Handle {
  readonly file: Promise<OpenFile>
  readers: number

  idle?: () => void
}

const MOST_HANDLES = 64

/** Reads from packs, with a bounded number of open files; a pack can be removed beside its readers. */
export class PackFiles {
  readonly #files: Files
  readonly #folder: string
  readonly packs = new Map<number, Pack>()
  readonly #handles = new Map<number, Handle>()

  constructor(files: Files, folder: string) {
    this.#files = files
    this.#folder = folder
  }

  packPath(name: string): string {
    return path.join(this.#folder, 'packs', `${name}.pack`)
  }

  indexPath(name: string): string {
    return path.join(this.#folder, 'index', `${name}.idx`)
  }

  /** Fills `target`; answers false if the pack ends before or is gone. Failing disks throw. */
  async read(pack: number, offset: number, target: Uint8Array): Promise<boolean> {
    const known = this.packs.get(pack)
    if (!known) return false
    const handle = this.#handleOf(known)
    handle.readers++
    try {
      return (await (await handle.file).read(target, offset)) === target.length
    } finally {
      handle.readers--
      if (handle.readers === 0) handle.idle?.()
    }
  }

  /** Forgets a pack that nothing points to any more and, once its readers are gone, removes its files. */
  async remove(pack: Pack): Promise<void> {
    this.packs.delete(pack.number)
    const handle = this.#handles.get(pack.number)
    this.#handles.delete(pack.number)
    if (handle) await this.#retire(handle)
    await this.#files.remove(this.packPath(pack.name))
    await this.#files.remove(this.indexPath(pack.name))
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()]
    this.#handles.clear()
    await Promise.all(handles.map(handle => this.#retire(handle)))
  }

  #handleOf(pack: Pack): Handle {
    const known = this.#handles.get(pack.number)
    this.#handles.delete(pack.number)
    const handle = known ?? { file: this.#files.open(this.packPath(pack.name), 'read'), readers: 0 }
    handle.file.catch(() => this.#handles.delete(pack.number))
    this.#handles.set(pack.number, handle)
    if (this.#handles.size > MOST_HANDLES) this.#dropOldest()
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
