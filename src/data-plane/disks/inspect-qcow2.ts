import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart, Places, requireInside } from './file-part.ts'
import { HostileDisk, UnsupportedDisk } from './hostile-disk.ts'
import { type Qcow2Header, qcow2Header } from './qcow2-header.ts'

/** A guest cluster, as an L2 entry describes it. Offsets are of the file. */
export type Qcow2Cluster =
  /** Of its 32 parts, those whose bits are set in `zero` are zeros; the others are not in the image: zeros, or the backing file's. */
  | { readonly kind: 'hole'; readonly zero: number }
  | {
      readonly kind: 'plain'
      readonly offset: number
      readonly bitmap?: { readonly allocated: number; readonly zero: number }
    }
  | { readonly kind: 'compressed'; readonly offset: number; readonly length: number }

/** Enough for 128 TiB in clusters of 64 KiB; each costs a read, and hostile clusters of 512 bytes would make millions of them. */
const maxL2Tables = 2 ** 18

/** The header, and an upper bound of the data, of a qcow2 file whose every table and cluster lies inside the file. */
export const inspectQcow2 = async (
  file: SparseBytes,
  signal?: AbortSignal,
  mayBeOverlay = false,
): Promise<{ header: Qcow2Header; dataBytes: number }> => {
  const header = await qcow2Header(file, mayBeOverlay)
  const clusters = new Places(file.sizeBytes, header.clusterBytes, 'clusters')
  let dataBytes = 0
  for await (const { table, firstCluster } of l2Tables(file, header, clusters)) {
    signal?.throwIfAborted()
    dataBytes += inspectL2(file, header, table, firstCluster, clusters)
  }
  return { header, dataBytes: Math.min(dataBytes, header.virtualSizeBytes) }
}

/** Bytes of an L2 table that describe one cluster. */
export const l2EntryBytes = (header: Qcow2Header): number => (header.extendedL2 ? 16 : 8)

/** The L2 tables that exist. Each is taken once, so that no more is read than the file has. */
async function* l2Tables(file: SparseBytes, header: Qcow2Header, places: Places) {
  const perTable = header.clusterBytes / l2EntryBytes(header)
  const needed = Math.ceil(header.virtualSizeBytes / (perTable * header.clusterBytes))
  const l1 = await filePart(file, header.l1Offset, needed * 8, 'L1 table')
  refuseManyTables(l1, header)
  for (let index = 0; index < needed; index++) {
    const offset = l2Offset(l1, index, header)
    if (offset === 0) continue
    places.take(offset)
    const table = await filePart(file, offset, header.clusterBytes, 'L2 table of the qcow2 image')
    yield { table, firstCluster: index * perTable }
  }
}

const refuseManyTables = (l1: Buffer, header: Qcow2Header): void => {
  let tables = 0
  for (let index = 0; index < l1.length / 8; index++) if (l2Offset(l1, index, header) !== 0) tables++
  if (tables > maxL2Tables)
    throw new UnsupportedDisk(
      `The qcow2 image has ${tables} L2 tables, more than ${maxL2Tables}: its clusters of ${header.clusterBytes} bytes are too small ` +
        'for so large a disk. Convert it first: qemu-img convert -O qcow2 OLD NEW.',
    )
}

/** Where the L2 table lies that an entry of the L1 table names; 0 if there is none. */
export const l2Offset = (l1: Buffer, index: number, { clusterBytes }: Qcow2Header): number => {
  const [high, low] = [l1.readUInt32BE(index * 8), l1.readUInt32BE(index * 8 + 4)]
  const offset = (high & 0x00ffffff) * 2 ** 32 + low
  if (high & 0x7f000000 || offset % clusterBytes !== 0)
    throw new HostileDisk(`Entry ${index} of the L1 table is not valid: the qcow2 image is damaged.`)
  return offset
}

const inspectL2 = (
  file: SparseBytes,
  header: Qcow2Header,
  table: Buffer,
  firstCluster: number,
  places: Places,
): number => {
  const { clusterBytes, virtualSizeBytes } = header
  const entries = Math.min(
    table.length / l2EntryBytes(header),
    Math.ceil(virtualSizeBytes / clusterBytes) - firstCluster,
  )
  let dataBytes = 0
  for (let index = 0; index < entries; index++) {
    const cluster = l2Cluster(table, index, header)
    if (cluster.kind === 'hole') continue
    dataBytes += clusterBytes
    if (cluster.kind === 'compressed') {
      requireInside(file, cluster.offset, 1, 'compressed cluster of the qcow2 image')
      // The count is in whole sectors, so the last one may end after the file does.
      requireInside(file, cluster.offset + cluster.length - 512, 0, 'compressed cluster of the qcow2 image')
      continue
    }
    places.take(cluster.offset)
    const wanted = Math.min(clusterBytes, virtualSizeBytes - (firstCluster + index) * clusterBytes)
    requireInside(file, cluster.offset, usedBytes(cluster, wanted, clusterBytes), 'cluster of the qcow2 image')
  }
  return dataBytes
}

/** How many bytes of a plain cluster are read: the parts after the last allocated one need not exist in the file. */
const usedBytes = (cluster: Qcow2Cluster & { kind: 'plain' }, wanted: number, clusterBytes: number): number => {
  if (!cluster.bitmap) return wanted
  const parts = 32 - Math.clz32(cluster.bitmap.allocated)
  return Math.min(wanted, (parts * clusterBytes) / 32)
}

/** One entry of an L2 table. */
export const l2Cluster = (table: Buffer, index: number, header: Qcow2Header): Qcow2Cluster => {
  const at = index * l2EntryBytes(header)
  const [high, low] = [table.readUInt32BE(at), table.readUInt32BE(at + 4)]
  if (high & 0x40000000) return compressedCluster(high, low, header)
  const offset = (high & 0x00ffffff) * 2 ** 32 + (low - (low % 512))
  const isZeroFlag = (low & 1) !== 0
  if (high & 0x3f000000 || low & 0x1fe || offset % header.clusterBytes !== 0 || (isZeroFlag && !mayBeZero(header)))
    throw new HostileDisk(`An entry of an L2 table is not valid: the qcow2 image is damaged.`)
  if (!header.extendedL2) {
    if (isZeroFlag) return { kind: 'hole', zero: 0xffff_ffff }
    return offset === 0 ? { kind: 'hole', zero: 0 } : { kind: 'plain', offset }
  }
  const bitmap = { zero: table.readUInt32BE(at + 8), allocated: table.readUInt32BE(at + 12) }
  return offset === 0 || bitmap.allocated === 0
    ? { kind: 'hole', zero: bitmap.zero }
    : { kind: 'plain', offset, bitmap }
}

const mayBeZero = (header: Qcow2Header): boolean => header.version === 3 && !header.extendedL2

const compressedCluster = (high: number, low: number, { clusterBytes }: Qcow2Header): Qcow2Cluster => {
  const offsetBits = 62 - (Math.log2(clusterBytes) - 8)
  const entry = (BigInt(high & 0x3fffffff) << 32n) | BigInt(low)
  const offset = Number(entry & ((1n << BigInt(offsetBits)) - 1n))
  const moreSectors = Number(entry >> BigInt(offsetBits))
  return { kind: 'compressed', offset, length: (moreSectors + 1) * 512 - (offset % 512) }
}
