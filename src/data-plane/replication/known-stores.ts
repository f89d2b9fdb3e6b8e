import * as path from 'node:path'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import { folderOf, isNodeUrl } from './folder-of.ts'

/**
 * Which store each folder held when it was last used. Kept apart from the stores themselves, so that a disk that is not mounted is
 * told from a new one.
 */
export interface KnownStores {
  idOf(url: string): string | undefined
  /** Durable when it resolves. */
  keep(url: string, id: string): Promise<void>
  forget(url: string): Promise<void>
}

/** One folder may be written in several ways. */
const keyOf = (url: string): string => (isNodeUrl(url) ? new URL(url).href : path.resolve(folderOf(url)))

/** Knows what it saw itself, and nothing after a restart. */
export const rememberedStores = (
  ids = new Map<string, string>(),
  save: () => Promise<void> = async () => {},
): KnownStores => ({
  idOf: url => ids.get(keyOf(url)),
  async keep(url, id) {
    if (ids.get(keyOf(url)) === id) return
    ids.set(keyOf(url), id)
    await save()
  },
  async forget(url) {
    if (ids.delete(keyOf(url))) await save()
  },
})

/** Kept in a small file, which must lie on another disk than the stores that it is to protect. */
export const openKnownStores = async (files: Files, file: string): Promise<KnownStores> => {
  const ids = new Map<string, string>()
  if (await files.exists(file)) {
    const text = (await readWhole(files, file)).toString('utf8')
    for (const [folder, id] of Object.entries(readKept(file, text))) ids.set(folder, String(id))
  }
  let last: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => {
    const bytes = () => Buffer.from(`${JSON.stringify(Object.fromEntries(ids), null, 2)}\n`)
    last = last.catch(() => {}).then(() => replaceFile(files, file, bytes()))
    return last
  }
  return rememberedStores(ids, save)
}

const readKept = (file: string, text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new Error(`${file} can't be read: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Takes an empty folder as what it is: its store is gone for good, a new one is made there, and filled from the other regions by the
 * next round of upkeep. Answers false, having done nothing, where a store lies in the folder. Of a store in another process, whose folder
 * can't be looked at from here, whatever is there when it is next used is taken.
 */
export const adoptEmptyStore = async (known: KnownStores, files: Files, url: string): Promise<boolean> => {
  if (!isNodeUrl(url) && (await files.exists(path.join(folderOf(url), 'store.json')))) return false
  await known.forget(url)
  return true
}
