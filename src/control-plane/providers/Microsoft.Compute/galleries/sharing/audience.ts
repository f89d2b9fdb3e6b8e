import type { Arm } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { galleryProperties } from '../gallery-document.ts'
import type { SharingGroup } from '../sharing-profile.ts'

/** On whose behalf somebody reads or deploys: a subscription, and the tenant that it belongs to. */
export interface Consumer {
  readonly subscriptionId: string
  readonly tenantId: string
}

/** Who the subscription is. It may be one that is not there, which nothing is shared with. */
export const consumerOf = async (subscriptionId: string, { resources }: Pick<Arm, 'resources'>): Promise<Consumer> => {
  const document = await resources.find(`/subscriptions/${subscriptionId}`.toLowerCase())
  return { subscriptionId, tenantId: String(document?.properties.tenantId ?? '') }
}

export type GroupType = SharingGroup['type']

/** Offers of a gallery that their receivers have declined, in lower case; what is removed and added again is a new offer. */
export type Declined = Readonly<Partial<Record<GroupType, readonly string[]>>>

export const declinedOf = (gallery: ResourceDocument): Declined =>
  (gallery.hidden as { declined?: Declined }).declined ?? {}

/** Whether a gallery names a subscription or tenant among those it is shared with, declined or not. */
export const isOfferedTo = (gallery: ResourceDocument, type: GroupType, id: string): boolean => {
  const { permissions, groups = [] } = galleryProperties(gallery).sharingProfile ?? {}
  if (permissions !== 'Groups' || id === '') return false
  const wanted = id.toLowerCase()
  return groups.some(group => group.type === type && group.ids.some(one => one.toLowerCase() === wanted))
}

/** Whether a gallery is shared with this subscription or tenant, and it has not declined. */
export const isSharedTo = (gallery: ResourceDocument, type: GroupType, id: string): boolean =>
  isOfferedTo(gallery, type, id) && !declinedOf(gallery)[type]?.includes(id.toLowerCase())

/** Whether a gallery is shared directly with a consumer: by its subscription, or by its tenant. */
export const isSharedWith = (gallery: ResourceDocument, { subscriptionId, tenantId }: Consumer): boolean =>
  isSharedTo(gallery, 'Subscriptions', subscriptionId) || isSharedTo(gallery, 'AADTenants', tenantId)

/** Whether everybody who has a subscription here may read the gallery, by one of its public names. */
export const isPublic = (gallery: ResourceDocument): boolean => {
  const { permissions, communityGalleryInfo } = galleryProperties(gallery).sharingProfile ?? {}
  return permissions === 'Community' && communityGalleryInfo?.communityGalleryEnabled === true
}

export const publicNamesOf = (gallery: ResourceDocument): readonly string[] =>
  galleryProperties(gallery).sharingProfile?.communityGalleryInfo?.publicNames ?? []

/** Whether anybody at all but those with a role has the gallery. */
export const isShared = (gallery: ResourceDocument): boolean => {
  const { permissions, groups = [] } = galleryProperties(gallery).sharingProfile ?? {}
  return isPublic(gallery) || (permissions === 'Groups' && groups.length > 0)
}
