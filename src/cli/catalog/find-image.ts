import { offeredImages, readCatalog } from '#data-plane/catalog/catalog-file.ts'
import type { CatalogImage } from '#data-plane/catalog/catalog-image.ts'
import { byVersion, isSameSku, parseUrn } from '#data-plane/catalog/image-name.ts'
import { nodeFiles } from '#foundation/files.ts'
import { Failure } from '../failure.ts'

/** Every version of what a person calls an image: by its URN, by publisher, offer and SKU alone, or by its alias. Oldest first. */
export const versionsOf = async (dataFolder: string, called: string): Promise<readonly CatalogImage[]> => {
  const images = offeredImages(await readCatalog(nodeFiles, dataFolder))
  const wanted = parseUrn(called)
  const byAlias = images.filter(({ aliases = [] }) =>
    aliases.some(alias => alias.toLowerCase() === called.toLowerCase()),
  )
  const found = wanted ? images.filter(image => isSameSku(image, wanted)) : byAlias
  const exact = wanted && wanted.version.toLowerCase() !== 'latest' ? wanted.version : undefined
  const versions = found.filter(({ version }) => exact === undefined || version === exact).sort(byVersion)
  if (versions.length === 0)
    throw new Failure(`The catalogue has no image ${called}.`, { advice: 'See them all: opengallery catalog list' })
  return versions
}
