import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Files } from '#foundation/files.ts'
import { catalogFolder, offeredImages, readCatalog } from './catalog-file.ts'
import { type CatalogImage, type FileSource, fileOf, type UrlSource } from './catalog-image.ts'
import { changeCatalog } from './change-catalog.ts'
import { downloadFile } from './download-file.ts'
import { type DownloadOptions, startDownload } from './https-download.ts'
import { isSameImage } from './image-name.ts'
import { openUnchecked, pathOf } from './open-image-file.ts'
import { type Checksum, checksumOf } from './vendor-checksums.ts'

/** The image may not be fetched, or what came is not what it has to be. Nothing of it is kept. */
export class FetchRefused extends Error {
  override readonly name = 'FetchRefused'
}

export interface FetchParts extends DownloadOptions {
  readonly dataFolder: string
  readonly files: Files
  readonly clock: Clock
  onProgress?(doneBytes: number, totalBytes: number | undefined): void
}

/** Larger than any image that a vendor offers for machines of all kinds. */
const maxImageBytes = 32 * 2 ** 30
const maxListBytes = 2 ** 20

/**
 * Brings the file behind an image here, and puts it into the catalogue for all images that name the same address. It is used only
 * with the right sum: the one in the catalogue, or the one in the vendor's list, which then is kept. Goes on with what a former run left.
 */
export const fetchImage = async (
  { source }: { readonly source: UrlSource },
  parts: FetchParts,
): Promise<{ readonly images: readonly CatalogImage[]; readonly isNew: boolean }> => {
  const { dataFolder, files, clock, signal } = parts
  const expected = await expectedSum(source, parts)
  const known = await fetchedBefore(source, expected, parts)
  if (known.length > 0) return { images: known, isNew: false }

  const folder = catalogFolder(dataFolder)
  await files.makeFolder(folder)
  const name = path.posix.basename(new URL(source.url).pathname).replaceAll(/[^\w.-]/g, '_')
  // Named by its sum: what is gone on with is always the same file.
  const draft = path.join(folder, `${expected.hex.slice(0, 16)}-${name}.partial`)
  const modified = await downloadFile(source.url, draft, { ...parts, maxBytes: maxImageBytes })
  await requireSum(draft, expected, source, signal)
  const sha256 = expected.algorithm === 'sha256' ? expected.hex : await fileSum(draft, 'sha256', signal)
  const diskBytes = await inspected(draft, source, dataFolder, signal)

  const file = `${sha256.slice(0, 16)}-${name}`
  await files.rename(draft, path.join(folder, file))
  await files.syncDirectory(folder)
  const here: FileSource = { file, format: source.format, sha256, diskBytes, url: source.url }
  const date = modified ?? clock.now()
  const images = (await imagesAt(source, parts)).map(image => ({
    ...image,
    version: versionOf(image, sha256, date),
    source: here,
  }))
  await changeCatalog(files, clock, dataFolder, content => ({
    ...content,
    images: [...content.images.filter(own => !images.some(image => isSameImage(own, image))), ...images],
  }))
  return { images, isNew: true }
}

const expectedSum = async (source: UrlSource, parts: FetchParts): Promise<Checksum> => {
  if (source.sha256 !== undefined) return { algorithm: 'sha256', hex: source.sha256 }
  if (source.checksums === undefined)
    throw new FetchRefused(
      `Nobody says what ${source.url} has to be. Add the image again with --sha256, or with --checksums and its vendor's list of sums.`,
    )
  const list = await readList(source.checksums, parts)
  const name = path.posix.basename(new URL(source.url).pathname)
  const sum = checksumOf(list, name)
  if (!sum) throw new FetchRefused(`${source.checksums} has no single SHA-256 or SHA-512 of ${name}.`)
  return sum
}

const readList = async (url: string, parts: FetchParts): Promise<string> => {
  const download = await startDownload(url, 0, parts)
  try {
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of download.body) {
      bytes += piece.length
      if (bytes > maxListBytes) throw new FetchRefused(`${url} is too large for a list of sums.`)
      pieces.push(piece)
    }
    return Buffer.concat(pieces).toString('latin1')
  } finally {
    download.close()
  }
}

/** Images of that very file, if it is still here. A list of SHA-512 sums needs the file to tell. */
const fetchedBefore = async ({ url }: UrlSource, expected: Checksum, { files, dataFolder, signal }: FetchParts) => {
  const found: CatalogImage[] = []
  for (const image of offeredImages(await readCatalog(files, dataFolder))) {
    const file = fileOf(image)
    if (file?.url !== url || !(await files.exists(pathOf(file, dataFolder)))) continue
    const hex =
      expected.algorithm === 'sha256' ? file.sha256 : await fileSum(pathOf(file, dataFolder), 'sha512', signal)
    if (hex === expected.hex) found.push(image)
  }
  return found
}

const requireSum = async (file: string, expected: Checksum, { url }: UrlSource, signal: AbortSignal | undefined) => {
  const hex = await fileSum(file, expected.algorithm, signal)
  if (hex === expected.hex) return
  await fs.rm(file, { force: true })
  throw new FetchRefused(
    `${url} is not what it has to be: its ${expected.algorithm.toUpperCase()} is ${hex}, not ${expected.hex}. It was thrown away.`,
  )
}

const inspected = async (
  file: string,
  { format }: UrlSource,
  dataFolder: string,
  signal: AbortSignal | undefined,
): Promise<number> => {
  try {
    const opened = await openUnchecked(file, format, dataFolder, signal)
    await opened.close()
    return opened.sizeBytes
  } catch (error) {
    await fs.rm(file, { force: true })
    throw error
  }
}

/** Every image that is to be fetched there: a file that boots in two ways is two images. */
const imagesAt = async ({ url }: UrlSource, { files, dataFolder }: FetchParts): Promise<readonly CatalogImage[]> => {
  const offered = offeredImages(await readCatalog(files, dataFolder))
  const atUrl = offered.filter(({ source }) => 'url' in source && source.url === url)
  const skus = new Map(atUrl.map(image => [`${image.publisher}:${image.offer}:${image.sku}`.toLowerCase(), image]))
  return [...skus.values()]
}

/** A file that is known by its sum has its version; what a vendor has at the moment is named by its date, as Azure's images are. */
const versionOf = ({ version, source }: CatalogImage, sha256: string, date: Date): string => {
  if ('sha256' in source && source.sha256 === sha256) return version
  const [major, minor] = version.split('.')
  return `${major}.${minor}.${date.toISOString().slice(0, 10).replaceAll('-', '')}`
}
