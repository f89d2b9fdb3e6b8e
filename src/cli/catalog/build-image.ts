import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { catalogFolder, readCatalog } from '#data-plane/catalog/catalog-file.ts'
import { type CatalogImage, fileOf } from '#data-plane/catalog/catalog-image.ts'
import { byVersion, isSameSku } from '#data-plane/catalog/image-name.ts'
import { shippedImages } from '#data-plane/catalog/shipped-images.ts'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import { buildDebian } from '#data-plane/guest-images/build-debian.ts'
import { type BuildWish, buildTiny } from '#data-plane/guest-images/build-tiny.ts'
import type { Clock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { keepImages } from './own-image.ts'

/** What can be built, by the name that the catalogue has for it. */
export const builders: Readonly<Record<string, (file: string, wish: BuildWish) => Promise<void>>> = {
  tiny: buildTiny,
  debian: buildDebian,
}

export interface BuiltImages {
  readonly images: readonly CatalogImage[]
  readonly file: string
  /** False when the same bytes are in the catalogue already. */
  readonly isNew: boolean
}

/** Builds an image and puts it into the catalogue, as the next version unless it has the bytes of the last one. */
export const buildImage = async (
  dataFolder: string,
  clock: Clock,
  kind: string,
  wish: Omit<BuildWish, 'cacheFolder'>,
): Promise<BuiltImages> => {
  const folder = catalogFolder(dataFolder)
  await nodeFiles.makeFolder(folder)
  const draft = path.join(folder, `${kind}.building`)
  await builders[kind]?.(draft, { ...wish, cacheFolder: path.join(folder, 'packages') })
  const sha256 = await fileSum(draft)
  const file = `${sha256.slice(0, 16)}-${kind}.raw`
  await fs.rename(draft, path.join(folder, file))
  await nodeFiles.syncDirectory(folder)
  const source = { file, format: 'raw', sha256, diskBytes: (await fs.stat(path.join(folder, file))).size } as const

  const own = (await readCatalog(nodeFiles, dataFolder)).images
  const shipped = shippedImages.filter(image => 'build' in image.source && image.source.build === kind)
  const same = own.filter(image => fileOf(image)?.sha256 === sha256)
  if (same.length === shipped.length) return { images: same, file: path.join(folder, file), isNew: false }
  const before = own.filter(image => shipped.some(other => isSameSku(image, other))).sort(byVersion)
  const images = shipped.map(image => ({
    ...image,
    version: nextVersion(before.at(-1) ?? image, before.length > 0),
    source,
  }))
  await keepImages(dataFolder, clock, images)
  return { images, file: path.join(folder, file), isNew: true }
}

const nextVersion = ({ version }: CatalogImage, isTaken: boolean): string => {
  const [major, minor, patch] = version.split('.').map(Number)
  return `${major}.${minor}.${(patch ?? 0) + (isTaken ? 1 : 0)}`
}
