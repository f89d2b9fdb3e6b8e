import type { ResourceType } from '#arm/resource-type.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { diskError } from './disks/disk-errors.ts'
import { findVersion, type GalleryImageReference } from './find-image-version.ts'
import { isAvailableIn } from './galleries/images/versions/region-states.ts'

/**
 * As Azure does, a deployment whose machine or disk is to be made of a shared or community image that is not there is refused before
 * its network is made. `path` leads to the image reference in the resource's body.
 */
export const preflightImage =
  (path: readonly string[]): NonNullable<ResourceType['preflight']> =>
  async ({ id, request, body }, arm) => {
    const location = typeof body.location === 'string' ? arm.findLocation(body.location) : undefined
    const reference = referenceOf(path.reduce(memberOf, body as Json | undefined))
    // What is there already needs its image no more.
    if (!location || !reference || (await arm.resources.find(id.key))) return
    const wanted = { location: location.name, subscriptionId: id.subscriptionId ?? '' }
    const found = await findVersion(arm, reference, { id, request, wanted })
    if (found && isAvailableIn(found.version, location.name)) return
    throw diskError.templateImageNotFound(Object.values(reference)[0] ?? '', location.name)
  }

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject)[name] : undefined

/** Of a reference that is not well formed the resource's own rules speak. */
const referenceOf = (value: Json | undefined): GalleryImageReference | undefined => {
  const sharedGalleryImageId = memberOf(value, 'sharedGalleryImageId')
  const communityGalleryImageId = memberOf(value, 'communityGalleryImageId')
  if (typeof sharedGalleryImageId === 'string' && communityGalleryImageId === undefined) return { sharedGalleryImageId }
  if (typeof communityGalleryImageId === 'string' && sharedGalleryImageId === undefined)
    return { communityGalleryImageId }
  return undefined
}
