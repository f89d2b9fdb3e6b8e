import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { joinText, type NodeJoin, readJoin } from '#data-plane/nodes/join.ts'
import { isNodeUrl } from '#data-plane/replication/folder-of.ts'
import { nodeFiles, replaceFile } from '#foundation/files.ts'
import { imageSigners, joinRegion, regionAccess } from '../../region-access.ts'
import { Failure } from '../failure.ts'
import { regionsOf } from './region-settings.ts'

const keptFile = (dataFolder: string): string => path.join(dataFolder, 'join.json')

/** Makes a region's join file, and keeps what the gallery needs in its own data folder. */
export const writeJoin = async (dataFolder: string, region: string, host: string, file: string): Promise<void> => {
  const isGallery = await nodeFiles.exists(path.join(dataFolder, 'admin.json'))
  if (!isGallery)
    throw new Failure(`${dataFolder} is not the data folder of a server.`, {
      advice: 'Name it with --data; the first `opengallery start` makes it.',
    })
  const { join, keep } = await joinRegion(dataFolder, region, host)
  await writeSecret(file, joinText(join))
  await keep()
}

/** Makes the file of readers of a region that joined, and that this data folder's server was started with. */
export const writeReader = async (dataFolder: string, region: string, file: string): Promise<void> => {
  const { ca, readToken } = await regionAccess(dataFolder)(region)
  const named = (await regionsOf(dataFolder)).find(({ name }) => name === region)
  const stores = named?.stores.filter(isNodeUrl) ?? []
  if (stores.length === 0)
    throw new Failure(`The server of ${dataFolder} was never started with ${region} as a region elsewhere.`, {
      advice: `Start it with --region ${region}=https://host:port/main.`,
    })
  const signers = await imageSigners(dataFolder)
  await writeSecret(file, joinText({ region, stores, ca, readToken, signers }))
}

/** Only the owner may read it, and nothing that is there is written over. */
const writeSecret = async (file: string, text: string): Promise<void> => {
  try {
    await fs.writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Failure(`${file} exists already.`, { advice: 'Name another one with --out.', cause: error })
  }
}

/** The join file that a region is started with, or was started with before. */
export const openJoin = async (dataFolder: string, region: string, file?: string): Promise<NodeJoin> => {
  const from = file ?? keptFile(dataFolder)
  let join: NodeJoin
  try {
    join = readJoin(await fs.readFile(from, 'utf8'))
  } catch (error) {
    const advice = 'Make one on the gallery’s machine with `opengallery region join`, and start with --join FILE.'
    throw new Failure(`${from} can't be used: ${(error as Error).message}`, { advice, cause: error })
  }
  if (join.region !== region) throw new Failure(`${from} is for region ${join.region}, not ${region}.`)
  return join
}

/** Later starts need no join file. */
export const keepJoin = (dataFolder: string, join: NodeJoin): Promise<void> =>
  replaceFile(nodeFiles, keptFile(dataFolder), Buffer.from(joinText(join)))
