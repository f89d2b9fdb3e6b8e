import * as os from 'node:os'
import * as path from 'node:path'
import type { DiskFormatName } from '#data-plane/disks/inspect.ts'
import { type OpenedDisk, openDisk, openOverlay } from '#data-plane/disks/open-disk.ts'
import { type WritableFormat, writableFormats } from '#data-plane/disks/write-disk.ts'
import type { ChangedBytes } from '#foundation/sparse-bytes.ts'
import { usageError } from '../failure.ts'

/** The disk in a local image file, as raw bytes; `format` where the file does not speak for itself. */
export const openDiskFile = async (file: string, format?: DiskFormatName): Promise<OpenedDisk> => {
  const given = format !== undefined && { format }
  return await orMissing(file, openDisk(file, { scratchFolder: os.tmpdir(), ...given }))
}

/** What a local overlay has changed of the disk under it; undefined if the file stands for itself. */
export const openOverlayFile = (file: string, format?: DiskFormatName): Promise<ChangedBytes | undefined> =>
  orMissing(file, openOverlay(file, format === undefined ? {} : { format }))

const orMissing = async <T>(file: string, opening: Promise<T>): Promise<T> => {
  try {
    return await opening
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw usageError(`${file} does not exist.`)
    throw error
  }
}

/** The format that a file's name promises; raw where it promises none that can be written. */
export const formatOfName = (file: string): WritableFormat => {
  const extension = path.extname(file).slice(1).toLowerCase()
  return writableFormats.find(format => format === extension) ?? 'raw'
}
