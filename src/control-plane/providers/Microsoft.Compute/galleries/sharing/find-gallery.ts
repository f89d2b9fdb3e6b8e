import type { Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { galleryType, uniqueNameOf } from '../gallery-document.ts'
import { type Consumer, isPublic, isSharedTo, isSharedWith, publicNamesOf } from './audience.ts'

type Ground = Pick<Arm, 'resources'>

const GUID_LENGTH = 36

/**
 * The gallery of that unique name, if it is shared with the consumer (with `sharedTo` its tenant). Whatever else there is by that
 * name is as if it were not.
 */
export const findSharedGallery = async (
  uniqueName: string,
  consumer: Consumer,
  sharedTo: 'tenant' | undefined,
  { resources }: Ground,
): Promise<ResourceDocument | undefined> => {
  const subscriptionId = uniqueName.slice(0, GUID_LENGTH)
  const galleries = await listAll(resources, { type: galleryType, subscriptionId })
  return galleries.find(
    gallery =>
      uniqueNameOf(gallery).toLowerCase() === uniqueName.toLowerCase() &&
      (sharedTo === 'tenant' ? isSharedTo(gallery, 'AADTenants', consumer.tenantId) : isSharedWith(gallery, consumer)),
  )
}

/** All galleries that are shared with the consumer's subscription, or with its tenant: as in Azure, one is not the other. */
export const sharedGalleries = async (
  { subscriptionId, tenantId }: Consumer,
  sharedTo: 'tenant' | undefined,
  { resources }: Ground,
): Promise<readonly ResourceDocument[]> => {
  const galleries = await listAll(resources, { type: galleryType })
  return galleries.filter(gallery =>
    sharedTo === 'tenant'
      ? isSharedTo(gallery, 'AADTenants', tenantId)
      : isSharedTo(gallery, 'Subscriptions', subscriptionId),
  )
}

/** All galleries of the community. */
export const communityGalleries = async ({ resources }: Ground): Promise<readonly ResourceDocument[]> =>
  (await listAll(resources, { type: galleryType })).filter(isPublic)

/** The gallery of the community that has the public name. */
export const findCommunityGallery = async (
  publicName: string,
  ground: Ground,
): Promise<ResourceDocument | undefined> => {
  const wanted = publicName.toLowerCase()
  const galleries = await communityGalleries(ground)
  return galleries.find(gallery => publicNamesOf(gallery).some(name => name.toLowerCase() === wanted))
}
