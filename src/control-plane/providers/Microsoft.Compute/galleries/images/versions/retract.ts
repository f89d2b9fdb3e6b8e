import type { Arm, ArmRequest, ResourceOperation } from '#arm/resource-type.ts'
import { type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { diskHold } from '../../../disk-holds.ts'
import { disksOf } from '../../../stored-disk.ts'
import { galleryProperties } from '../../gallery-document.ts'
import { deletedVersion, softDelete } from '../../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { heldParts, provenanceOf } from './check-version.ts'
import { regionStates } from './region-states.ts'
import { versionError } from './version-errors.ts'
import { versionProperties } from './version-properties.ts'

export const RETRACT = 'retract image version'

/** The rules of a DELETE: refused before the end of life that was promised, else into the recycle bin or out of the world. */
export const planRetract = async (
  { document, request }: { document: ResourceDocument; request: ArmRequest },
  arm: Arm,
): Promise<{ work: { kind: string; input: { soft: boolean } } }> => {
  const { publishingProfile, safetyProfile } = versionProperties(document)
  const endMs = Date.parse(publishingProfile.endOfLifeDate ?? '')
  if (safetyProfile.blockDeletionBeforeEndOfLife && endMs > arm.clock.now().getTime())
    throw versionError.blockedBeforeEndOfLife()
  const bypass = request.query.get('bypasssoftdelete')?.toLowerCase() === 'true'
  const { policy } = await enclosing(document, arm)
  // What never came to hold bytes can't be given back.
  const soft = policy?.isSoftDeleteEnabled === true && !bypass && disksOf(document) !== undefined
  return { work: { kind: RETRACT, input: { soft } } }
}

const enclosing = async (version: ResourceDocument, { resources }: Arm) => {
  const definition = await resources.find(version.parentKey)
  const gallery = definition && (await resources.find(definition.parentKey))
  return { definition, policy: gallery && galleryProperties(gallery).softDeletePolicy }
}

/** Takes a version back: its holds are released in every region, or go with it into the recycle bin. */
export const retract = ({ regions, log }: { regions: Regions; log: Log }): ResourceOperation => ({
  kind: RETRACT,
  async run({ document, input, step }, arm) {
    const { definition, policy } = await enclosing(document, arm)
    const binned = (version: ResourceDocument) => softDelete(version, definition, policy, arm.clock.now())
    const { key } = binned(document).document
    const former = await arm.resources.find(key)
    const isOther = former !== undefined && former.uid !== document.uid
    const soft = input.soft === true
    // The bin keeps one version of a name, the latest that was deleted.
    if (soft && isOther) await step('retire', () => releaseEverywhere(deletedVersion(former), regions, log))
    if (!soft) await step('release', () => releaseEverywhere(document, regions, log))
    return {
      remove: true,
      conclude: async transaction => {
        if (soft || !isOther) await arm.resources.remove(transaction, key)
        if (!soft) return
        // As it is now: it may have been reported meanwhile.
        const kept = binned((await arm.resources.find(document.key, transaction)) ?? document)
        await arm.resources.insert(transaction, kept.document, kept.sortKey)
      },
    }
  },
})

/**
 * Releases whatever a version holds in any region; what work that was cut short left under passing names is for reconciling. A region that can't be reached does not keep the version alive: nobody
 * promises its holds any more, and reconciling releases them when it is back.
 */
export const releaseEverywhere = async (version: ResourceDocument, regions: Regions, log: Log): Promise<void> => {
  const names = new Set([...regions.names, ...Object.keys(regionStates(version))])
  for (const region of names) await releaseIn(region, version, regions, log)
}

export const releaseIn = async (
  region: string,
  version: ResourceDocument,
  regions: Regions,
  log: Log,
): Promise<void> => {
  for (const { slot, disk } of heldParts(disksOf(version) ?? { data: [] }, provenanceOf(version))) {
    try {
      await regions.release(region, diskHold(version, slot, disk))
    } catch (error) {
      if (!(error instanceof RegionUnreachable)) throw error
      log.warn('A hold stays until its region is back and reconciled.', { region, version: version.id })
    }
  }
}
