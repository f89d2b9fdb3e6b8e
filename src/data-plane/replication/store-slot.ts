import { fileURLToPath } from 'node:url'
import type { ChunkSource, ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import type { Files } from '#foundation/files.ts'
import { RegionUnreachable } from './regions.ts'

/** One store of a region that can't be used now; the region's other stores may still do. */
export class StoreUnreachable extends RegionUnreachable {
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
  /** Runs `work` on the open store; what shows that the disk is gone becomes `StoreUnreachable`. */
  run<T>(work: (store: ChunkStore) => Promise<T>): Promise<T>
  /** The store as another one's source: its failures name this store, not the one that asked. */
  readonly source: ChunkSource
  close(): Promise<void>
}

const diskGone = new Set(['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTDIR', 'EROFS', 'EACCES', 'EPERM', 'ENOTCONN'])

/** The system's code in an error or in what caused it. */
export const systemCode = (error: unknown): string | undefined => {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException
    if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code
  }
  return undefined
}

/** The folder behind a store's URL. Throws on anything but a local `file:` URL. */
export const folderOf = (url: string): string => {
  if (!URL.canParse(url) || new URL(url).protocol !== 'file:')
    throw new TypeError(`A store is a file: URL of a folder on this machine, not ${JSON.stringify(url)}.`)
  return fileURLToPath(url)
}

/** Wraps a store that `open` opens. A folder that was there and vanished is not made again. */
export const storeSlot = (
  region: string,
  url: string,
  files: Files,
  open: (folder: string) => Promise<ChunkStore>,
): StoreSlot => {
  const folder = folderOf(url)
  let opening: Promise<ChunkStore> | undefined
  let seen = false

  const use = async (): Promise<ChunkStore> => {
    if (seen && !(await files.exists(folder))) throw new StoreUnreachable(region, url)
    opening ??= open(folder)
    try {
      const store = await opening
      seen = true
      return store
    } catch (error) {
      opening = undefined
      throw new StoreUnreachable(region, url, { cause: error })
    }
  }

  const run = async <T>(work: (store: ChunkStore) => Promise<T>): Promise<T> => {
    const store = await use()
    try {
      return await work(store)
    } catch (error) {
      if (error instanceof RegionUnreachable) throw error
      const code = systemCode(error)
      if (code && (diskGone.has(code) || !(await files.exists(folder))))
        throw new StoreUnreachable(region, url, { cause: error })
      throw error
    }
  }

  const source: ChunkSource = {
    manifestRoot: manifest => run(store => store.manifestRoot(manifest)),
    async *chunks(ids) {
      const chunks = await run(async store => store.chunks(ids)[Symbol.asyncIterator]())
      try {
        for (;;) {
          const next = await run(() => chunks.next())
          if (next.done) return
          yield next.value
        }
      } finally {
        await chunks.return?.()
      }
    },
  }

  const close = async () => {
    const store = await opening?.catch(() => undefined)
    await store?.close()
  }
  return { region, url, run, source, close }
}
