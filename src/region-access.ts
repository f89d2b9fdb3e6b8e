import * as path from 'node:path'
import { joinText, makeJoin, type NodeAccess, type NodeJoin, readAccess } from '#data-plane/nodes/join.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { nodeFiles, readWhole, replaceFile } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'
import { pinnedCertificate } from '#identity/certificates.ts'
import type { PublicImageKey } from '#provenance/envelope.ts'
import { readPublicKeys } from '#provenance/image-keys.ts'

const folderOf = (dataFolder: string): string => path.join(dataFolder, 'region-access')
const fileOf = (dataFolder: string, region: string): string => path.join(folderOf(dataFolder), `${region}.json`)

/** How the gallery in a data folder is let in by a region's own process. Throws when that region never joined. */
export const regionAccess =
  (dataFolder: string) =>
  async (region: string): Promise<NodeAccess> => {
    const file = fileOf(dataFolder, region)
    if (!(await nodeFiles.exists(file)))
      throw new Error(`Region ${region} has not joined: run \`opengallery region join --name ${region}\`.`)
    return readAccess((await readWhole(nodeFiles, file)).toString('utf8'))
  }

/**
 * New credentials for a region that is reached under `host`: what the region starts with is the answer; what the gallery needs is
 * kept in its data folder by `keep`, from when on the region's old credentials are of no use to it.
 */
export const joinRegion = async (
  dataFolder: string,
  region: string,
  host: string,
  clock: Clock = systemClock,
): Promise<{ readonly join: NodeJoin; readonly access: NodeAccess; keep(): Promise<void> }> => {
  const made = await pinnedCertificate([host], { clock, random: systemRandom })
  const { join, access } = makeJoin(region, made, systemRandom)
  return {
    join,
    access,
    async keep() {
      await nodeFiles.makeFolder(folderOf(dataFolder))
      await replaceFile(nodeFiles, fileOf(dataFolder, region), Buffer.from(joinText(access)))
    },
  }
}

/** Where the keys that sign image versions lie in a data folder. */
export const imageKeysFile = (dataFolder: string): string => path.join(dataFolder, 'image-keys.json')

/** Who signs image versions there: what a reader of a region needs to know. */
export const imageSigners = (dataFolder: string): Promise<readonly PublicImageKey[]> =>
  readPublicKeys(imageKeysFile(dataFolder), nodeFiles)
