import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { decodeVhd } from '#data-plane/disks/decode-disk.ts'
import { asFixedVhd } from '#data-plane/disks/fixed-vhd.ts'
import { inspectDisk } from '#data-plane/disks/inspect.ts'
import { openRawFile, writeRawFile } from '#data-plane/disks/raw-file.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { Failure, usageError } from '../failure.ts'

export const diskFormats = ['raw', 'vhd', 'qcow2'] as const
export type DiskFormat = (typeof diskFormats)[number]

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

export const formatOfName = (file: string): DiskFormat => {
  const extension = path.extname(file).slice(1).toLowerCase()
  return diskFormats.find(format => format === extension) ?? 'raw'
}

/** Lets `write` fill a raw file, and makes of it a file of the wanted format, which is not replaced if it is there. */
export const writeAs = async <T>(
  format: DiskFormat,
  file: string,
  mayReplace: boolean,
  write: (rawFile: string) => Promise<T>,
): Promise<T> => {
  const isThere = await fs.stat(file).catch(() => undefined)
  if (isThere && !mayReplace)
    throw usageError(`${file} exists already.`, 'Choose another name, or replace it with --force.')
  if (format === 'raw') return await write(file)
  const rawFile = `${file}.raw-${process.pid}`
  try {
    const result = await write(rawFile)
    const raw = await openRawFile(rawFile)
    await writeRawFile(asFixedVhd(raw), file)
    await raw.close()
    return result
  } finally {
    await fs.rm(rawFile, { force: true })
  }
}
