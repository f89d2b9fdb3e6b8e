import * as os from 'node:os'
import * as path from 'node:path'
import type { DiskFormatName } from '#data-plane/disks/inspect.ts'
import { type OpenedDisk, openDisk } from '#data-plane/disks/open-disk.ts'
import { type WritableFormat, writableFormats } from '#data-plane/disks/write-disk.ts'
import { usageError } from '../failure.ts'

/** The disk in a local image file, as raw bytes; `format` where the file does not speak for itself. */
export const openDiskFile = async (file: string, format?: DiskFormatName): Promise<OpenedDisk> => {
  try {
    return await openDisk(file, { scratchFolder: os.tmpdir(), ...(format !== undefined && { format }) })
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
