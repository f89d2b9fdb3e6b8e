import type { Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { galleryProperties } from '../gallery-document.ts'
import { galleryError } from '../gallery-errors.ts'

const imageType = 'Microsoft.Compute/galleries/images'
/** They bind a version to its own owner's keys. */
const privateFeatures = new Set(['trustedlaunch', 'confidentialvm'])

interface Shown {
  readonly features?: readonly { readonly name: string; readonly value: string }[]
  readonly purchasePlan?: unknown
}

/**
 * Throws when what lies in the gallery must not be shared: as in Azure, definitions and versions are at home where their gallery is, and
 * have no feature that is reserved to private galleries; those of the community have no purchase plan.
 */
export const requireShareable = async (gallery: ResourceDocument, arm: Arm): Promise<void> => {
  for (const image of await listAll(arm.resources, { type: imageType, parentKey: gallery.key })) {
    requireFit(image, gallery)
    for (const version of await listAll(arm.resources, { type: `${imageType}/versions`, parentKey: image.key }))
      requireAtHome(version, gallery)
  }
}

/** The same for a definition that is to lie in a gallery; whatever may lie in one that is private. */
export const requireFit = (image: ResourceDocument, gallery: ResourceDocument): void => {
  const { permissions = 'Private' } = galleryProperties(gallery).sharingProfile ?? {}
  if (permissions === 'Private') return
  requireAtHome(image, gallery)
  const { features = [], purchasePlan } = image.properties as unknown as Shown
  const reserved = features.find(
    ({ name, value }) => name === 'SecurityType' && privateFeatures.has(value.toLowerCase()),
  )
  if (reserved) throw galleryError.securityTypeNeedsPrivateGallery(reserved.value)
  if (permissions === 'Community' && purchasePlan !== undefined) throw galleryError.planNotForCommunity(image.name)
}

/** The same for where a version of such a gallery is. */
export const requireAtHome = (resource: ResourceDocument, gallery: ResourceDocument): void => {
  const { permissions = 'Private' } = galleryProperties(gallery).sharingProfile ?? {}
  if (permissions === 'Private' || resource.location === gallery.location) return
  throw galleryError.sharedFromElsewhere(resource.name, resource.location ?? '', gallery.location ?? '')
}
