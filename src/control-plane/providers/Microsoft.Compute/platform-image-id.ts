import type { ResourceId } from '#arm/resource-id.ts'
import { type ImageName, parseUrn, urnOf } from '#data-plane/catalog/image-name.ts'

type Level = keyof ImageName

/** `/Subscriptions/S/Providers/Microsoft.Compute/Locations/L/Publishers/P/...`, in Azure's odd case, down to a level of the name. */
export const platformImageId = (
  { publisher, offer, sku, version }: ImageName,
  level: Level,
  { subscriptionId = '', location }: { readonly subscriptionId: string | undefined; readonly location: string },
): string => {
  const base = `/Subscriptions/${subscriptionId}/Providers/Microsoft.Compute/Locations/${location}/Publishers/${publisher}`
  if (level === 'publisher') return base
  const offerId = `${base}/ArtifactTypes/VMImage/Offers/${offer}`
  if (level === 'offer') return offerId
  const skuId = `${offerId}/Skus/${sku}`
  return level === 'sku' ? skuId : `${skuId}/Versions/${version}`
}

/** The reference in a platform image's id; `undefined` for any other id. */
export const platformReference = (id: ResourceId): ImageName | undefined => {
  if (id.type.toLowerCase() !== versionType) return undefined
  const part = (type: string) => id.nameOf(type) ?? ''
  return parseUrn(
    urnOf({ publisher: part('publishers'), offer: part('offers'), sku: part('skus'), version: part('versions') }),
  )
}

const versionType = 'microsoft.compute/locations/publishers/artifacttypes/offers/skus/versions'
