import type { Arm } from '#arm/resource-type.ts'
import { eachDocument } from '#resources/list-all.ts'
import { galleryError } from './gallery-errors.ts'

/** What a subscription may have in one region (Azure's published limits). */
const limits = {
  'Microsoft.Compute/galleries': { limit: 100, what: 'galleries' },
  'Microsoft.Compute/galleries/images': { limit: 1000, what: 'gallery image definitions' },
  'Microsoft.Compute/galleries/images/versions': { limit: 10_000, what: 'gallery image versions' },
} as const

/** Throws when the subscription has as many of the type in the region as it may have. Call it before a new one is made. */
export const requireRoom = async (
  type: keyof typeof limits,
  subscriptionId: string,
  location: string,
  { resources }: Pick<Arm, 'resources'>,
): Promise<void> => {
  const { limit, what } = limits[type]
  // The count over all regions is one look at an index, and nearly always says enough.
  if ((await resources.count({ type, subscriptionId })) < limit) return
  let found = 0
  for await (const document of eachDocument(resources, { type, subscriptionId }))
    if (document.location === location && ++found >= limit) throw galleryError.tooMany(what, location, limit)
}
