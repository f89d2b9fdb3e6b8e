import type { Arm } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { disksOf } from '../../../stored-disk.ts'
import { allVersions } from './promises.ts'
import { PUBLISH } from './publish.ts'
import { type RegionState, regionStates } from './region-states.ts'

/**
 * Publishes failed versions again where all that was wrong is that regions were away or full, and no longer are: what was asked for
 * is still asked for, and nobody has to come back and say so.
 */
export const catchUp = async (
  arm: Pick<Arm, 'resources' | 'takeUpAgain'>,
  regions: Pick<Regions, 'roomyStores' | 'names' | 'storeCount'>,
  log: Log,
): Promise<void> => {
  const looked = new Map<string, Promise<number>>()
  const roomy = (region: string): Promise<number> => {
    const known = looked.get(region) ?? regions.roomyStores(region)
    looked.set(region, known)
    return known
  }
  const canTake = async ([region, { copies }]: [string, RegionState]): Promise<boolean> =>
    regions.names.includes(region) && (await roomy(region)) >= Math.min(copies, regions.storeCount(region))

  for await (const version of allVersions(arm.resources)) {
    const waiting = waitingRegions(version)
    if (waiting.length === 0 || !(await Promise.all(waiting.map(canTake))).every(can => can)) continue
    if (await arm.takeUpAgain(version.key, { kind: PUBLISH, input: {} }))
      log.info('A version is brought to regions that are back.', {
        version: version.id,
        regions: waiting.map(([name]) => name),
      })
  }
}

/** The regions that a failed version waits for; none if something else is wrong with it, too. */
const waitingRegions = (version: ResourceDocument): [string, RegionState][] => {
  if (version.provisioningState !== 'Failed' || !disksOf(version)) return []
  const failed = Object.entries(regionStates(version)).filter(([, { state }]) => state === 'Failed')
  return failed.every(([, { wasAway }]) => wasAway) ? failed : []
}
