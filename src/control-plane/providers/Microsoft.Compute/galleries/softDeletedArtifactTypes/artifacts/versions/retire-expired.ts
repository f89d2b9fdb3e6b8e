import type { Arm } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { releaseEverywhere } from '../../../images/versions/retract.ts'
import { deletedVersion, isRetirable, softDeletedVersionType } from './soft-deleted-version.ts'

/**
 * Gives up the bytes of soft-deleted versions whose time is over. No input but the promise and the clock: run it at start and now
 * and then, as often as one likes. Returns how many were retired.
 */
export const retireExpired = async (
  arm: Pick<Arm, 'resources' | 'clock' | 'transact'>,
  regions: Regions,
  log: Log,
): Promise<number> => {
  const documents = await listAll(arm.resources, { type: softDeletedVersionType })
  const expired = documents.filter(document => isRetirable(document, arm.clock.now()))
  for (const document of expired) await retire(document, arm, regions, log)
  return expired.length
}

const retire = async (
  document: ResourceDocument,
  { resources, transact }: Pick<Arm, 'resources' | 'transact'>,
  regions: Regions,
  log: Log,
) => {
  const version = deletedVersion(document)
  const restored = await transact(async transaction => {
    await resources.remove(transaction, document.key)
    return resources.find(version.key, transaction)
  })
  // After a failed restore the version is back with its holds, though it was still in the bin. What a crash leaves held here
  // nobody promises any more: reconciling releases it.
  if (restored?.uid !== version.uid) await releaseEverywhere(version, regions, log)
  log.info('A soft-deleted image version was retired.', { version: version.id })
}
