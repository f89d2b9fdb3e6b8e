import type { Dirent } from 'node:fs'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'

export interface PickedFile {
  readonly path: string
  readonly sizeBytes: number
}

export interface PickLimits {
  readonly totalBytes: number
  readonly files: number
  readonly fileBytes: number
  /** Folder entries to look at, at most: some trees are endless. */
  readonly entries: number
}

/**
 * Files of this machine, the same ones each time as long as the machine stays the same: every folder gets an equal share, in the order
 * of names. Links, special files, empty ones and those that can't be read are left out.
 */
export const pickFiles = async (folders: readonly string[], limits: PickLimits): Promise<PickedFile[]> => {
  const picked: PickedFile[] = []
  let entries = limits.entries
  let takenBytes = 0
  for (const [at, folder] of folders.entries()) {
    const share = (at + 1) / folders.length
    const isFull = () => takenBytes >= limits.totalBytes * share || picked.length >= limits.files * share
    for await (const { name, entry } of walk(folder)) {
      if (isFull() || entries-- <= 0) break
      const file = entry.isFile() ? await readable(name, limits.fileBytes) : undefined
      if (!file || takenBytes + file.sizeBytes > limits.totalBytes) continue
      picked.push(file)
      takenBytes += file.sizeBytes
    }
  }
  return picked
}

async function* walk(folder: string): AsyncGenerator<{ name: string; entry: Dirent }> {
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = path.join(folder, entry.name)
    yield { name, entry }
    if (entry.isDirectory()) yield* walk(name)
  }
}

const readable = async (name: string, maxBytes: number): Promise<PickedFile | undefined> => {
  try {
    const { size } = await fs.stat(name)
    if (size === 0 || size > maxBytes) return undefined
    await fs.access(name, fs.constants.R_OK)
    return { path: name, sizeBytes: size }
  } catch {
    return undefined
  }
}
