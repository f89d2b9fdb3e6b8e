import * as path from 'node:path'
import { decodeVhd } from '#data-plane/disks/decode-disk.ts'
import { inspectDisk } from '#data-plane/disks/inspect.ts'
import { openRawFile } from '#data-plane/disks/raw-file.ts'
import { type WritableFormat, writableFormats } from '#data-plane/disks/write-disk.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { Failure, usageError } from '../failure.ts'

/** The disk in a local image file of any format, as raw bytes. */
export const openDiskFile = async (file: string): Promise<SparseBytes> => {
  const bytes = await openRawFile(file).catch(error => {
    throw error.code === 'ENOENT' ? usageError(`${file} does not exist.`) : error
  })
  const format = await inspectDisk(bytes)
  if (format.name === 'raw') return bytes
  if (format.name === 'vhd') return (await decodeVhd(bytes)).image
  throw new Failure(`${format.name} is not read yet.`)
}

/** The format that a file's name promises; raw where it promises none that can be written. */
export const formatOfName = (file: string): WritableFormat => {
  const extension = path.extname(file).slice(1).toLowerCase()
  return writableFormats.find(format => format === extension) ?? 'raw'
}
