import * as path from 'node:path'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import { UnsupportedDisk } from '#data-plane/disks/hostile-disk.ts'
import { openDisk } from '#data-plane/disks/open-disk.ts'
import { paddedToDisk } from '#data-plane/disks/padded-to-disk.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { catalogFolder } from './catalog-file.ts'
import type { FileSource } from './catalog-image.ts'

/** A relative file lies in the catalogue's folder. */
export const pathOf = ({ file }: Pick<FileSource, 'file'>, dataFolder: string): string =>
  path.resolve(catalogFolder(dataFolder), file)

/**
 * The disk in an image's file, whole MiB long, once the file is known to be the one that was put into the catalogue. Its content is
 * nobody's friend all the same: it is inspected, and decoded here. Throws `HostileDisk`, `UnsupportedDisk`.
 */
export const openImageFile = async (
  source: Pick<FileSource, 'file' | 'format' | 'sha256'>,
  dataFolder: string,
  signal?: AbortSignal,
): Promise<SparseBytes> => {
  const file = pathOf(source, dataFolder)
  if ((await fileSum(file, 'sha256', signal)) !== source.sha256)
    throw new UnsupportedDisk(`${file} is not the file any more that was put into the catalogue: its SHA-256 differs.`)
  return openUnchecked(file, source.format, dataFolder, signal)
}

/** The disk in a file whose sum nobody knows yet. */
export const openUnchecked = async (
  file: string,
  format: FileSource['format'],
  dataFolder: string,
  signal?: AbortSignal,
): Promise<SparseBytes> => {
  const opened = await openDisk(file, {
    format,
    scratchFolder: catalogFolder(dataFolder),
    ...(signal && { signal }),
  })
  return paddedToDisk(opened.bytes)
}
