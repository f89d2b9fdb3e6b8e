import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { WriteWish } from './data-runs.ts'
import { asFixedVhd } from './fixed-vhd.ts'
import { writeRawFile } from './raw-file.ts'
import { writeQcow2 } from './write-qcow2.ts'

export const writableFormats = ['raw', 'vhd', 'qcow2'] as const
export type WritableFormat = (typeof writableFormats)[number]

/**
 * Writes a disk as a file that appears under its name only when it is whole and safe (see `flushes`). Needs no tool. A VHD is a fixed one of exactly
 * the disk's size, which has to be whole sectors; whether Azure would take it back is `isAzureAligned`'s to say.
 */
export const writeDisk = async (
  bytes: SparseBytes,
  file: string,
  format: WritableFormat,
  wish: WriteWish = {},
): Promise<void> => {
  if (format === 'qcow2') return writeQcow2(bytes, file, wish)
  return writeRawFile(format === 'vhd' ? asFixedVhd(bytes) : bytes, file, wish)
}
