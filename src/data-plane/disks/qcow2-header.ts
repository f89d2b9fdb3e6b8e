import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, requireInside, sane } from './file-part.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'

export const qcow2Magic = 'QFI\xfb'
const maxL1Bytes = 32 * 2 ** 20 // QEMU's own bounds
const maxRefcountTableBytes = 8 * 2 ** 20
const maxSnapshots = 65_536
const snapshotHeaderBytes = 40

const incompatible = { corrupt: 1n << 1n, dataFile: 1n << 2n, compression: 1n << 3n, extendedL2: 1n << 4n }
const knownIncompatible = 0x1fn // with bit 0, dirty: reference counts may be stale, which a reader never uses

const extensions = { end: 0, backingFormat: 0xe2792aca, encryption: 0x0537be77, dataFileName: 0x44415441 }

/** What of a qcow2 header matters for reading. Checked: its tables lie inside the file, and nothing outside of it is named. */
export interface Qcow2Header {
  readonly version: 2 | 3
  readonly virtualSizeBytes: number
  readonly clusterBytes: number
  /** Entries of an L2 table are twice as long with extended L2, where a cluster has 32 parts. */
  readonly extendedL2: boolean
  readonly compression: 'zlib' | 'zstd'
  /** Whether it names a backing file, from which comes what it does not have itself. Never true unless `mayBeOverlay`. */
  readonly isOverlay: boolean
  readonly l1Offset: number
  readonly l1Size: number
}

/**
 * Reads and judges the header of a qcow2 file, version 2 or 3, by docs/interop/qcow2.rst of QEMU. A backing file is refused, unless the
 * caller has said what lies under the image; its name is not looked at even then.
 */
export const qcow2Header = async (file: SparseBytes, mayBeOverlay = false): Promise<Qcow2Header> => {
  const start = await filePart(file, 0, Math.min(file.sizeBytes, 112), 'qcow2 header')
  requireInside(file, 0, 72, 'qcow2 header')
  const version = start.readUInt32BE(4)
  if (version !== 2 && version !== 3)
    throw new UnsupportedDisk(`This is qcow version ${version}. Convert it first: qemu-img convert -O qcow2 OLD NEW.`)
  if (version === 3) requireInside(file, 0, 104, 'qcow2 header')
  const features = version === 3 ? start.readBigUInt64BE(72) : 0n
  const isOverlay = start.readBigUInt64BE(8) !== 0n
  if (isOverlay && !mayBeOverlay) throw namesBackingFile()
  refuseOtherFiles(start, features)
  const clusterBytes = clusterSize(start, (features & incompatible.extendedL2) !== 0n)
  const headerBytes = version === 3 ? headerLength(start, clusterBytes) : 72
  await refuseExtensions(file, headerBytes, clusterBytes, isOverlay)
  refuseTables(file, start, version, clusterBytes)
  return {
    version,
    clusterBytes,
    ...virtualLayout(file, start, clusterBytes, features),
    compression: compressionOf(start, features, headerBytes),
    isOverlay,
  }
}

const namesBackingFile = (): HostileDisk =>
  new HostileDisk(
    'The qcow2 image names a backing file, which is never followed. Flatten it first: qemu-img convert -O qcow2 OLD NEW.',
  )

const refuseOtherFiles = (start: Buffer, features: bigint): void => {
  if (features & incompatible.dataFile)
    throw new HostileDisk(
      'The qcow2 image keeps its data in another file, which is never followed. Convert it first: qemu-img convert -O qcow2 OLD NEW.',
    )
  if (start.readUInt32BE(32) !== 0)
    throw new UnsupportedDisk('The qcow2 image is encrypted. Decrypt it first with qemu-img convert.')
  if (features & incompatible.corrupt)
    throw new HostileDisk('The qcow2 image is marked as corrupt. Repair it first: qemu-img check -r all FILE.')
  if (features & ~knownIncompatible)
    throw new UnsupportedDisk(
      `The qcow2 image needs features (bits 0x${(features & ~knownIncompatible).toString(16)}) that are not known here. ` +
        'Convert it with the program that made it.',
    )
}

const clusterSize = (start: Buffer, extendedL2: boolean): number => {
  const bits = start.readUInt32BE(20)
  if (bits < (extendedL2 ? 14 : 9) || bits > 21)
    throw new HostileDisk(
      `The qcow2 header gives clusters of 2^${bits} bytes, which is not allowed: the file is damaged.`,
    )
  return 2 ** bits
}

const headerLength = (start: Buffer, clusterBytes: number): number => {
  const length = start.readUInt32BE(100)
  if (length < 104 || length > clusterBytes || length % 8 !== 0)
    throw new HostileDisk(`The qcow2 header claims to be ${length} bytes long: the file is damaged.`)
  if (start.readUInt32BE(96) > 6) throw new HostileDisk('The qcow2 header has an impossible width of reference counts.')
  return length
}

const compressionOf = (start: Buffer, features: bigint, headerBytes: number): 'zlib' | 'zstd' => {
  const type = headerBytes > 104 && start.length > 104 ? start.readUInt8(104) : 0
  if (type > 1) throw new UnsupportedDisk(`The qcow2 image uses compression type ${type}, which is not known here.`)
  if ((type !== 0) !== ((features & incompatible.compression) !== 0n))
    throw new HostileDisk('The qcow2 header contradicts itself about its compression: the file is damaged.')
  return type === 1 ? 'zstd' : 'zlib'
}

/** Extensions follow the header and fill at most the first cluster. */
const refuseExtensions = async (
  file: SparseBytes,
  headerBytes: number,
  clusterBytes: number,
  isOverlay: boolean,
): Promise<void> => {
  const end = Math.min(clusterBytes, file.sizeBytes)
  const area = await filePart(file, headerBytes, Math.max(0, end - headerBytes), 'qcow2 header extensions')
  for (let at = 0; at + 8 <= area.length; ) {
    const [type, length] = [area.readUInt32BE(at), area.readUInt32BE(at + 4)]
    if (type === extensions.end) return
    if (length > area.length - at - 8)
      throw new HostileDisk('A header extension of the qcow2 image is longer than its place: the file is damaged.')
    if (type === extensions.backingFormat && !isOverlay)
      throw new HostileDisk('The qcow2 image names the format of a backing file.')
    if (type === extensions.dataFileName) throw new HostileDisk('The qcow2 image names an external data file.')
    if (type === extensions.encryption) throw new UnsupportedDisk('The qcow2 image is encrypted. Decrypt it first.')
    at += 8 + Math.ceil(length / 8) * 8
  }
}

const refuseTables = (file: SparseBytes, start: Buffer, version: number, clusterBytes: number): void => {
  const refcountOffset = sane(start.readBigUInt64BE(48), 'offset of the refcount table')
  const refcountBytes = start.readUInt32BE(56) * clusterBytes
  if (refcountBytes === 0 || refcountBytes > Math.max(maxRefcountTableBytes, clusterBytes))
    throw new HostileDisk(`The refcount table of the qcow2 image claims ${refcountBytes} bytes, which is absurd.`)
  requireTable(file, refcountOffset, refcountBytes, clusterBytes, 'refcount table')
  const snapshots = start.readUInt32BE(60)
  if (snapshots > maxSnapshots) throw new HostileDisk(`The qcow2 image claims ${snapshots} snapshots, which is absurd.`)
  if (snapshots > 0) {
    const offset = sane(start.readBigUInt64BE(64), 'offset of the snapshot table')
    requireTable(file, offset, snapshots * snapshotHeaderBytes, clusterBytes, 'snapshot table')
  }
  if (version === 3 && refcountOffset < 104) throw new HostileDisk('The refcount table overlaps the qcow2 header.')
}

const virtualLayout = (file: SparseBytes, start: Buffer, clusterBytes: number, features: bigint) => {
  const virtualSizeBytes = sane(start.readBigUInt64BE(24), 'virtual size')
  if (virtualSizeBytes % 512 !== 0) throw new HostileDisk('The virtual size is not a whole number of sectors.')
  const extendedL2 = (features & incompatible.extendedL2) !== 0n
  const bytesPerL2 = (clusterBytes / (extendedL2 ? 16 : 8)) * clusterBytes
  const l1Size = start.readUInt32BE(36)
  const l1Offset = sane(start.readBigUInt64BE(40), 'offset of the L1 table')
  if (l1Size * 8 > maxL1Bytes) throw new HostileDisk(`The L1 table claims ${l1Size} entries, which is absurd.`)
  if (l1Size < Math.ceil(virtualSizeBytes / bytesPerL2))
    throw new HostileDisk(
      `An L1 table of ${l1Size} entries can't describe ${virtualSizeBytes} bytes: the file is damaged.`,
    )
  if (l1Size > 0) requireTable(file, l1Offset, l1Size * 8, clusterBytes, 'L1 table')
  return { virtualSizeBytes, extendedL2, l1Offset, l1Size }
}

const requireTable = (file: SparseBytes, offset: number, length: number, clusterBytes: number, what: string): void => {
  if (offset === 0 || offset % clusterBytes !== 0)
    throw new HostileDisk(
      `The ${what} of the qcow2 image starts at byte ${offset}, no place for it: the file is damaged.`,
    )
  requireInside(file, offset, length, `${what} of the qcow2 image`)
}
