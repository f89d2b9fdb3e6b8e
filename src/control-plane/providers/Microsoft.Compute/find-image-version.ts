import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change, Location } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { diskError } from './disks/disk-errors.ts'
import { isAvailableIn } from './galleries/images/versions/region-states.ts'
import { resolveLatest } from './galleries/images/versions/resolve-latest.ts'
import { findSource, requireLinked } from './source-bytes.ts'

const definitionType = 'microsoft.compute/galleries/images'
const versionType = `${definitionType}/versions`

/**
 * The version that a disk's image reference means, with the right to read it: a version's id, a definition's id or `versions/latest`.
 * Throws unless it has a complete replica in the region of the disk.
 */
export const findImageVersion = async (arm: Arm, reference: string, change: Change): Promise<ResourceDocument> => {
  const location = arm.findLocation(change.wanted.location ?? '') as Location
  const id = ResourceId.parse(reference)
  const type = id?.type.toLowerCase()
  if (!id || (type !== definitionType && type !== versionType)) throw diskError.imageReferenceInvalid()
  const isLatest = type === definitionType || id.name.toLowerCase() === 'latest'
  const version = isLatest
    ? await latestOf(arm, type === definitionType ? id : id.parent, location, change)
    : (await findSource(arm, reference, ['version'], change))?.document
  if (!version || !isAvailableIn(version, location.name)) throw diskError.galleryImageNotFound(reference, location.name)
  return version
}

const latestOf = async (
  arm: Arm,
  definition: ResourceId,
  location: Location,
  change: Change,
): Promise<ResourceDocument | undefined> => {
  await requireLinked(arm, change, 'Microsoft.Compute/galleries/images/versions/read', definition)
  const versions: ResourceDocument[] = []
  let after: string | undefined
  do {
    const page = await arm.resources.list({ parentKey: definition.key, type: versionType, ...(after ? { after } : {}) })
    versions.push(...page.documents)
    after = page.next
  } while (after)
  return resolveLatest(versions, location)
}
