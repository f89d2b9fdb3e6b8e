import type { CatalogImage } from '#data-plane/catalog/catalog-image.ts'
import { changeCatalog } from '#data-plane/catalog/change-catalog.ts'
import { isSameImage, urnOf } from '#data-plane/catalog/image-name.ts'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { Failure } from '../failure.ts'

/** Puts images of the operator's own into the catalogue. One that is there already is replaced only where that is wanted. */
export const keepImages = (
  dataFolder: string,
  clock: Clock,
  images: readonly CatalogImage[],
  { replaces = false }: { readonly replaces?: boolean } = {},
): Promise<void> =>
  changeCatalog(nodeFiles, clock, dataFolder, content => {
    const isNamed = (own: CatalogImage) => images.some(image => isSameImage(own, image))
    const taken = content.images.find(isNamed)
    if (taken && !replaces)
      throw new Failure(`The catalogue has an image ${urnOf(taken)} already.`, {
        advice: 'Give the new one another version, or replace it with --force.',
      })
    return { ...content, images: [...content.images.filter(own => !isNamed(own)), ...images] }
  })
