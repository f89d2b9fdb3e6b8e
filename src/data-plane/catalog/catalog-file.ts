import * as path from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type Files, readWhole } from '#foundation/files.ts'
import { type CatalogImage, imageSchema } from './catalog-image.ts'
import { isSameImage, isSameSku, parseUrn } from './image-name.ts'
import { shippedImages } from './shipped-images.ts'

/** `catalog.json` can't be used as it is. */
export class CatalogBroken extends Error {
  override readonly name = 'CatalogBroken'
}

const contentSchema = Type.Object(
  {
    images: Type.Array(imageSchema, { maxItems: 10_000 }),
    /** Shipped images that are not offered: URNs. */
    removed: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
  },
  { additionalProperties: false },
)

/** What the file says: the operator's own images, and which of the shipped ones are not wanted. */
export interface CatalogContent {
  readonly images: readonly CatalogImage[]
  readonly removed: readonly string[]
}

const mostBytes = 16 * 2 ** 20

/** The folder of fetched and built images, beside the list of all. */
export const catalogFolder = (dataFolder: string): string => path.join(dataFolder, 'catalog')
export const catalogFile = (dataFolder: string): string => path.join(catalogFolder(dataFolder), 'catalog.json')

/** What the file says now; no file says nothing. Throws `CatalogBroken`. */
export const readCatalog = async (files: Files, dataFolder: string): Promise<CatalogContent> => {
  const file = catalogFile(dataFolder)
  if (!(await files.exists(file))) return { images: [], removed: [] }
  const bytes = await readWhole(files, file)
  if (bytes.length > mostBytes) throw new CatalogBroken(`${file} has ${bytes.length} bytes: that is no list of images.`)
  return contentOf(bytes.toString(), file)
}

/** Reads what such a file says. Throws `CatalogBroken`. */
export const contentOf = (text: string, file: string): CatalogContent => {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new CatalogBroken(`${file} is no JSON: ${(error as Error).message}`, { cause: error })
  }
  if (!Value.Check(contentSchema, content)) {
    const [first] = Value.Errors(contentSchema, content)
    throw new CatalogBroken(`${file} is not as it should be: ${first?.instancePath ?? ''} ${first?.message ?? ''}.`)
  }
  const { images, removed = [] }: Static<typeof contentSchema> = content
  return { images: images as readonly CatalogImage[], removed }
}

/**
 * Every image that is offered: the own ones, and of the shipped ones those that no own one replaces and nobody removed. A shipped one
 * that stands for whatever its vendor has at the moment gives way to the versions of it that were fetched.
 */
export const offeredImages = ({ images, removed }: CatalogContent): readonly CatalogImage[] => {
  const isGone = (image: CatalogImage) =>
    removed.some(urn => {
      const name = parseUrn(urn)
      return name !== undefined && isSameImage(name, image)
    })
  const shipped = shippedImages.filter(image => !isGone(image) && !images.some(own => isSameSku(own, image)))
  return [...images, ...shipped]
}
