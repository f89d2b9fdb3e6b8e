import { commandFor } from '#data-plane/catalog/catalog.ts'
import { type CatalogImage, fetchedOnUse, fileOf } from '#data-plane/catalog/catalog-image.ts'
import { byVersion, type ImageName, isSameSku, urnOf } from '#data-plane/catalog/image-name.ts'
import type { ComputeParts } from './compute-parts.ts'
import type { DiskOrigin } from './disk-origin.ts'
import { platformImageError } from './platform-image-errors.ts'
import { platformImageId } from './platform-image-id.ts'

/** What an `imageReference` with publisher, offer, sku and version means. */
export interface PlatformImage {
  /** In the catalogue's spelling, with the exact version. */
  readonly name: ImageName
  /** `/Subscriptions/S/Providers/Microsoft.Compute/Locations/L/Publishers/...`, as clients write it into disks. */
  id(subscriptionId: string): string
  readonly osType: 'Linux' | 'Windows'
  readonly hyperVGeneration: 'V1' | 'V2'
  readonly architecture: 'x64' | 'Arm64'
  readonly features: readonly { readonly name: string; readonly value: string }[]
  /** For `settleDisk`: the work takes the bytes into the region, the first time from the catalogue's file. */
  readonly origin: DiskOrigin
}

/**
 * The platform image that a reference means. Platform images are available in every region; what is fetched, read or copied for that
 * is the work's. Throws `PlatformImageNotFound`, or `PlatformImageNotFetched` for one whose bytes nobody brought here.
 */
export const findPlatformImage = async (
  { catalog }: Pick<ComputeParts, 'catalog'>,
  reference: ImageName,
  location: string,
): Promise<PlatformImage> => {
  const image = chosen(await catalog.images(), reference)
  if (!image) throw platformImageError.notFound(urnOf(reference))
  const { publisher, offer, sku, version } = image
  const file = fileOf(image)
  if (!file && !fetchedOnUse(image)) throw platformImageError.notHere(urnOf(image), commandFor(image))
  const name = { publisher, offer, sku, version }
  return {
    name,
    id: subscriptionId => platformImageId(name, 'version', { subscriptionId, location }),
    osType: image.osType,
    hyperVGeneration: image.hyperVGeneration,
    architecture: image.architecture,
    features: image.features ?? [],
    // How large one is that is fetched later, its file tells.
    origin: file ? { from: 'catalog', name, sizeBytes: file.diskBytes } : { from: 'catalog', name },
  }
}

/** The image of that version, or the newest one for `latest`. */
const chosen = (images: readonly CatalogImage[], reference: ImageName): CatalogImage | undefined => {
  const versions = images.filter(image => isSameSku(image, reference)).sort(byVersion)
  return reference.version.toLowerCase() === 'latest'
    ? versions.at(-1)
    : versions.find(({ version }) => version === reference.version)
}
