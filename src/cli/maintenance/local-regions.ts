import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { startHashWorkers } from '#data-plane/chunks/hash-workers.ts'
import { openKnownStores } from '#data-plane/replication/known-stores.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { nodeFiles } from '#foundation/files.ts'
import { FolderLocked, lockFolder } from '#foundation/lock-file.ts'
import { systemRandom } from '#foundation/random.ts'
import { knownStoresFile } from '../../config.ts'
import { regionAccess } from '../../region-access.ts'
import { consoleLog } from '../console-log.ts'
import { Failure } from '../failure.ts'
import { regionsOf } from '../server/region-settings.ts'
import type { Shell } from '../shell.ts'
import type { Maintenance } from './maintenance.ts'

/**
 * Works on the stores of a data folder itself, holding its lock. Answers false, having done nothing, when a server has the folder:
 * then it is the server's to do.
 */
export const withLocalRegions = async (
  dataFolder: string,
  shell: Shell,
  work: (maintenance: Maintenance) => Promise<void>,
): Promise<boolean> => {
  const release = await lockOf(dataFolder)
  if (!release) return false
  const workers = startHashWorkers()
  try {
    const config = await regionsOf(dataFolder)
    const log = consoleLog(shell, 'warn')
    const regions = await openRegions(config, {
      files: nodeFiles,
      random: systemRandom,
      clock: shell.clock,
      log,
      workers,
      accessOf: regionAccess(dataFolder),
      known: await openKnownStores(nodeFiles, knownStoresFile(dataFolder)),
    })
    try {
      await work(maintenanceOf(regions))
    } finally {
      await regions.close()
    }
  } finally {
    await workers.close()
    release()
  }
  return true
}

const lockOf = async (dataFolder: string): Promise<(() => void) | undefined> => {
  // Taking the lock would make the folder, where a mistyped --data should be told.
  const isData = await fs.stat(path.join(dataFolder, 'admin.json')).catch(() => undefined)
  if (!isData)
    throw new Failure(`${dataFolder} is not the data folder of a server.`, { advice: 'Name it with --data.' })
  try {
    return lockFolder(dataFolder)
  } catch (error) {
    if (error instanceof FolderLocked) return undefined
    throw error
  }
}

const maintenanceOf = (regions: Regions): Maintenance => ({
  regions: async () => regions.names,
  async verify(region, wish, onProgress) {
    const report = await regions.verify(region, undefined, { onProgress, ...wish })
    const { chunks, bytes, corrupt, missing, healed } = report
    return { region, chunks, bytes, corrupt: corrupt.length, missing: missing.length, healed: healed.length }
  },
  async collect(region, isDryRun) {
    const { manifests, chunks, freedBytes, sharedBytes } = await (isDryRun
      ? regions.planCollection(region)
      : regions.collect(region))
    return { region, manifests, chunks, freedBytes, sharedBytes }
  },
})
