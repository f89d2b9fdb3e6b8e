import type { CatalogImage } from './catalog-image.ts'
import { byVersion } from './image-name.ts'

/**
 * The document in which az looks up the short names of images, in the shape of Azure's own: outputs of a template. Where two images
 * bear one name, the one with the newest version has it.
 */
export const aliasDocument = (images: readonly CatalogImage[]) => {
  const value: Record<'Linux' | 'Windows', Record<string, object>> = { Linux: {}, Windows: {} }
  for (const { aliases = [], osType, publisher, offer, sku, architecture } of images.toSorted(byVersion))
    for (const alias of aliases) value[osType][alias] = { publisher, offer, sku, version: 'latest', architecture }
  return { outputs: { aliases: { type: 'object', value } } }
}
