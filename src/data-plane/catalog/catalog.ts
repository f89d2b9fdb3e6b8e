import type { ManifestId, Watch } from '#data-plane/chunks/chunk-store.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { CatalogImage } from './catalog-image.ts'
import { type ImageName, urnOf } from './image-name.ts'

/** An image in a region's store: `sizeBytes` is what a guest sees, whole MiB. */
export interface StoredImage {
  readonly manifest: ManifestId
  readonly sizeBytes: number
}

/** The platform images that this installation offers, in all regions. */
export interface Catalog {
  /** Every version of every image, as the operator has it now; whether its bytes are here is another matter (`fileOf`). */
  images(): Promise<readonly CatalogImage[]>
  /**
   * Makes the region hold an image under a name. The first time, its file is read into the region's store; other regions then copy
   * from there. Repeatable. Throws `NoSuchImage`, `ImageNotHere`, `HostileDisk`, `UnsupportedDisk` and the facts of regions.
   */
  take(name: ImageName, region: string, hold: string, watch: Watch): Promise<StoredImage>
  /** Whether upkeep may take a hold for one of the catalogue's: those that are being made are left alone. */
  owns(hold: string): boolean
  /** What regions are to keep of images that are still offered. */
  promises(): AsyncIterable<HoldPromise>
}

/** The catalogue has no such image any more. */
export class NoSuchImage extends Error {
  override readonly name = 'NoSuchImage'
  constructor(urn: string) {
    super(`The catalogue has no image ${urn}.`)
  }
}

/** The image is offered, but its bytes were never fetched or built. */
export class ImageNotHere extends Error {
  override readonly name = 'ImageNotHere'
  readonly command: string
  constructor(image: CatalogImage) {
    super(`The bytes of ${urnOf(image)} are not on this server. Get them there with: ${commandFor(image)}`)
    this.command = commandFor(image)
  }
}

/** What brings an image's bytes to the server. */
export const commandFor = (image: CatalogImage): string =>
  'build' in image.source
    ? `opengallery catalog build ${image.source.build}`
    : `opengallery catalog fetch ${urnOf(image)}`
