import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { isNodeUrl } from '#data-plane/replication/folder-of.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import { configOf, defaultStore, type RegionSetting } from '../../config.ts'
import { Failure, usageError } from '../failure.ts'

export const regionName = /^[a-z][a-z0-9]{1,39}$/

/** `eastus`, `eastus=/disk1/eastus`, `eastus=/disk1/eastus,/disk2/eastus` or `eastus=https://host:port/main`. */
const parseRegionStores = (text: string, dataFolder: string): RegionSetting => {
  const [name = '', ...rest] = text.split('=')
  const folders = rest.join('=')
  if (!regionName.test(name) || (rest.length > 0 && folders.split(',').includes('')))
    throw usageError(
      `'${text}' is not a region with its stores.`,
      'Write --region eastus=/disk1/eastus,/disk2/eastus; the name in lower-case letters and digits.',
    )
  const stores = folders === '' ? [defaultStore(dataFolder, name)] : folders.split(',').map(storeUrl)
  return { name, stores }
}

/** The regions of a command line: each once, and each store once. */
export const parseRegions = (texts: readonly string[], dataFolder: string): RegionSetting[] => {
  const regions = texts.map(text => parseRegionStores(text, dataFolder))
  const twice = repeated(regions.map(({ name }) => name)) ?? repeated(regions.flatMap(({ stores }) => stores))
  if (twice === undefined) return regions
  throw usageError(`${twice} is named twice.`, 'A region has one --region, and each of its stores a folder of its own.')
}

const repeated = (texts: readonly string[]): string | undefined => texts.find((text, at) => texts.indexOf(text) !== at)

/** A store's folder, or its URL, as a URL. */
export const storeUrl = (folder: string): string => {
  if (/^https?:/.test(folder) && !isNodeUrl(folder))
    throw usageError(`'${folder}' is not a store of a region's own process.`, 'Write https://host:port/main.')
  return /^(file|https):/.test(folder) ? folder : pathToFileURL(path.resolve(folder)).href
}

const fileOf = (dataFolder: string): string => path.join(dataFolder, 'regions.json')

/** The regions that a former start was given, if one was. */
export const readRegions = async (dataFolder: string): Promise<RegionSetting[] | undefined> => {
  try {
    const kept: unknown = JSON.parse(await fs.readFile(fileOf(dataFolder), 'utf8'))
    if (!isKept(kept)) throw new Error('it names no regions with their stores.')
    return kept
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Failure(`${fileOf(dataFolder)} can't be read: ${(error as Error).message}`, { cause: error })
  }
}

const isKept = (kept: unknown): kept is RegionSetting[] =>
  Array.isArray(kept) &&
  kept.length > 0 &&
  kept.every(one => regionName.test(one?.name) && Array.isArray(one.stores) && one.stores.length > 0) &&
  kept.every(({ stores }) => stores.every((store: unknown) => typeof store === 'string'))

/** Those, or what a server has by default. */
export const regionsOf = async (dataFolder: string): Promise<readonly RegionSetting[]> =>
  (await readRegions(dataFolder)) ?? configOf({ dataFolder }).regions

/** Keeps them, so that a start without them does not leave images behind in regions that it no longer knows. */
export const keepRegions = async (dataFolder: string, regions: readonly RegionSetting[]): Promise<void> => {
  await replaceFile(nodeFiles, fileOf(dataFolder), Buffer.from(`${JSON.stringify(regions, null, 2)}\n`))
}
