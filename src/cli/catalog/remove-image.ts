import * as fs from 'node:fs/promises'
import { catalogFolder } from '#data-plane/catalog/catalog-file.ts'
import { type CatalogImage, fileOf } from '#data-plane/catalog/catalog-image.ts'
import { changeCatalog } from '#data-plane/catalog/change-catalog.ts'
import { isSameImage, isSameSku, urnOf } from '#data-plane/catalog/image-name.ts'
import { pathOf } from '#data-plane/catalog/open-image-file.ts'
import { shippedImages } from '#data-plane/catalog/shipped-images.ts'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'

/** Takes images out of the catalogue, and with them the files that were fetched or built for nobody else. */
export const removeImages = async (dataFolder: string, clock: Clock, gone: readonly CatalogImage[]): Promise<void> => {
  let kept: readonly CatalogImage[] = []
  await changeCatalog(nodeFiles, clock, dataFolder, ({ images, removed }) => {
    kept = images.filter(own => !gone.some(image => isSameImage(image, own)))
    // A shipped image shows again when the last own version of its SKU is gone, unless it is taken out as well.
    const shown = shippedImages.filter(shipped => gone.some(image => isSameSku(image, shipped)))
    const hidden = shown.filter(shipped => !kept.some(own => isSameSku(own, shipped))).map(urnOf)
    return { images: kept, removed: [...new Set([...removed, ...hidden])] }
  })
  const folder = catalogFolder(dataFolder)
  const places = (images: readonly CatalogImage[]) =>
    images.flatMap(image => {
      const source = fileOf(image)
      return source ? [pathOf(source, dataFolder)] : []
    })
  const needed = new Set(places(kept))
  for (const file of new Set(places(gone)))
    if (file.startsWith(`${folder}/`) && !needed.has(file)) await fs.rm(file, { force: true })
}
