import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { systemClock } from '#foundation/clock.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openRegions } from './open-regions.ts'
import type { Regions } from './regions.ts'

/**
 * Regions in a folder of their own: `{ eastus: 2 }` makes one region of two stores. Their copies are separate, for what is damaged in
 * one is to be healed from another.
 */
export const startTestRegions = async (stores: Record<string, number>, files: Files = nodeFiles) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-regions-'))
  const folderOf = (region: string, number: number) => path.join(folder, `${region}-${number}`)
  const config = Object.entries(stores).map(([name, count]) => ({
    name,
    stores: Array.from({ length: count }, (_, number) => pathToFileURL(folderOf(name, number)).href),
  }))
  const parts = {
    files,
    random: systemRandom,
    clock: systemClock,
    log: silentLog,
    workers: hashInThread(),
    separateCopies: true,
  }
  const regions = await openRegions(config, parts)
  const remove = async () => {
    await regions.close()
    await fs.rm(folder, { recursive: true, force: true })
  }
  return { regions, folder, folderOf, config, parts, remove }
}

export const readAll = async (regions: Regions, region: string, manifest: ManifestId): Promise<Buffer> => {
  const bytes = await regions.open(region, manifest)
  try {
    const whole = Buffer.alloc(bytes.sizeBytes)
    await bytes.read(0, whole)
    return whole
  } finally {
    await bytes.close()
  }
}

/** Damages every pack of a store, so that none of its chunks can be read. */
export const damage = async (storeFolder: string): Promise<void> => {
  const packs = path.join(storeFolder, 'packs')
  for (const name of await fs.readdir(packs)) {
    const file = path.join(packs, name)
    const bytes = await fs.readFile(file)
    for (let at = 64; at < bytes.length; at += 997) bytes[at] = (bytes[at] ?? 0) ^ 0xff
    await fs.writeFile(file, bytes)
  }
}
