import * as fs from 'node:fs/promises'
import { dataRuns } from '#data-plane/disks/data-runs.ts'
import { openRawFile, writeFully, writeWhole } from '#data-plane/disks/raw-file.ts'

/** A partition of a disk: a file system in a file. */
export interface Partition {
  readonly file: string
  readonly firstSector: number
  /** `0xef` for UEFI's system partition, `0x83` for Linux. */
  readonly type: number
  readonly isActive: boolean
}

const sectorBytes = 512
const tableAt = 446

/** A sparse raw disk with an MBR partition table, which BIOS boots and UEFI reads. `bootCode` is at most 440 bytes long. */
export const writePartitionedDisk = async (
  file: string,
  wish: {
    readonly bootCode: Uint8Array
    readonly diskId: number
    readonly sizeBytes: number
    readonly partitions: readonly Partition[]
  },
): Promise<void> => {
  const { bootCode, diskId, sizeBytes, partitions } = wish
  const first = Buffer.alloc(sectorBytes)
  first.set(bootCode.subarray(0, 440))
  first.writeUInt32LE(diskId, 440)
  first.writeUInt16BE(0x55aa, 510)
  for (const [index, { file, firstSector, type, isActive }] of partitions.entries()) {
    const entry = first.subarray(tableAt + index * 16)
    entry[0] = isActive ? 0x80 : 0
    entry.set([0xfe, 0xff, 0xff], 1) // no cylinders, heads and sectors: the numbers behind count
    entry[4] = type
    entry.set([0xfe, 0xff, 0xff], 5)
    entry.writeUInt32LE(firstSector, 8)
    entry.writeUInt32LE((await fs.stat(file)).size / sectorBytes, 12)
  }
  await writeWhole(file, {}, async disk => {
    await disk.truncate(sizeBytes)
    await writeFully(disk, 0, first)
    for (const partition of partitions) await copyInto(disk, partition)
  })
}

const copyInto = async (disk: fs.FileHandle, { file, firstSector }: Partition): Promise<void> => {
  const bytes = await openRawFile(file)
  try {
    for await (const { offset, data } of dataRuns(bytes, {}))
      await writeFully(disk, firstSector * sectorBytes + offset, data)
  } finally {
    await bytes.close()
  }
}
