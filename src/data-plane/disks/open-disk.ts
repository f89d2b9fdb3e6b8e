import * as path from 'node:path'
import { type ChangedBytes, type SparseBytes, sliceOf } from '#foundation/sparse-bytes.ts'
import { convertToRaw } from './convert.ts'
import { openDynamicVhd } from './dynamic-vhd.ts'
import { UnsupportedDisk } from './hostile-disk.ts'
import { type DiskFormat, type DiskFormatName, inspectDisk } from './inspect.ts'
import { openQcow2, openQcow2Overlay } from './open-qcow2.ts'
import { qcow2Magic } from './qcow2-header.ts'
import { openRawFile, type RawFile } from './raw-file.ts'

export interface OpenDiskOptions {
  /** What the user says that it is. Without it the bytes decide, and the file's ending must agree. */
  readonly format?: DiskFormatName
  /** Where a format that needs converting may put its raw copy. */
  readonly scratchFolder: string
  readonly maxVirtualSizeBytes?: number
  readonly signal?: AbortSignal
}

export interface OpenedDisk {
  readonly format: DiskFormatName
  readonly kind: DiskFormat['kind']
  /** The disk as the guest sees it. Closing it closes the file and frees the copy. */
  readonly bytes: SparseBytes
}

/**
 * Opens a local disk file of any known format. The path is the user's and trusted, its content never: it is inspected first, and
 * refused with `HostileDisk` or `UnsupportedDisk`. Raw, VHD and qcow2 need no tool; VHDX and VMDK throw `ToolMissing` without qemu-img.
 */
export const openDisk = async (file: string, options: OpenDiskOptions): Promise<OpenedDisk> => {
  const opened = await openRawFile(file)
  try {
    const format = await inspectDisk(opened, options)
    if (!options.format) requireEnding(file, format.name)
    return { format: format.name, kind: format.kind, bytes: await decode(opened, format, options) }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/**
 * What a local qcow2 file has changed of the disk under it, if the caller knows what that is: the backing file that it names is neither
 * opened nor believed. Undefined for every other file: `openDisk` opens it.
 */
export const openOverlay = async (
  file: string,
  { format, signal }: Pick<OpenDiskOptions, 'format' | 'signal'>,
): Promise<ChangedBytes | undefined> => {
  if (format !== undefined && format !== 'qcow2') return undefined
  const opened = await openRawFile(file)
  try {
    const magic = Buffer.alloc(Math.min(opened.sizeBytes, qcow2Magic.length))
    await opened.read(0, magic)
    const isQcow2 = magic.toString('latin1') === qcow2Magic
    if (isQcow2 && !format) requireEnding(file, 'qcow2')
    const overlay = isQcow2 ? await openQcow2Overlay(opened, signal) : undefined
    if (!overlay) await opened.close()
    return overlay
  } catch (error) {
    await opened.close()
    throw error
  }
}

const decode = async (file: RawFile, format: DiskFormat, options: OpenDiskOptions): Promise<SparseBytes> => {
  if (format.name === 'raw') return file
  if (format.kind === 'fixed') return sliceOf(file, 0, format.virtualSizeBytes)
  if (format.kind === 'dynamic') return openDynamicVhd(file)
  if (format.name === 'qcow2') return openQcow2(file, options.signal)
  const raw = await convertToRaw(file, format, options)
  await file.close()
  return raw
}

const endings: Readonly<Record<string, DiskFormatName>> = {
  '.raw': 'raw',
  '.img': 'raw',
  '.dd': 'raw',
  '.vhd': 'vhd',
  '.vpc': 'vhd',
  '.vhdx': 'vhdx',
  '.qcow2': 'qcow2',
  '.qcow': 'qcow2',
  '.vmdk': 'vmdk',
}

/** The guest of a raw disk can write any header into its first sector; taking its word would let it choose the host's decoder. */
const requireEnding = (file: string, found: DiskFormatName): void => {
  const named = endings[path.extname(file).toLowerCase()]
  if (named === undefined || named === found) return
  throw new UnsupportedDisk(
    `${path.basename(file)} is named like a ${named} disk, but its content looks like ${found}. ` +
      `Say which one it is: --format ${found} or --format ${named}.`,
  )
}
