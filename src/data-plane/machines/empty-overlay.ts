import type { FileHandle } from 'node:fs/promises'
import { invariant } from '#foundation/invariant.ts'

// Version 3 with extended L2 tables: a cluster has 32 parts that are allocated one by one. Parts of 4 KiB are what file systems write, so that
// nothing is copied up from the base beside it, and a change is as large as what was written.
const clusterBits = 17
const clusterBytes = 2 ** clusterBits
const headerBytes = 104
const extendedL2 = 1n << 4n
/** An L2 table is a cluster of entries of 16 bytes. */
const bytesPerL1Entry = (clusterBytes / 16) * clusterBytes
/** Room in the L1 table for a disk that grows: Azure's largest has 64 TiB. It is a hole of the file until it is used. */
const mostBytes = 64 * 2 ** 40
const l1Size = mostBytes / bytesPerL1Entry
const l1Clusters = (l1Size * 8) / clusterBytes
const sizeOffset = 24
/** The format wants an overlay to name what lies under it. QEMU is always told, and nobody ever opens this name. */
const backingName = 'told-by-the-command-line'

/** Writes a qcow2 overlay in which nothing was written yet, into an empty file. Safe on disk once it resolves. */
export const writeEmptyOverlay = async (file: FileHandle, sizeBytes: number): Promise<void> => {
  requireSize(sizeBytes)
  const clusters = 3 + l1Clusters // header, table of reference counts, one block of them, L1 table
  const refcounts = Buffer.alloc(clusterBytes)
  for (let cluster = 0; cluster < clusters; cluster++) refcounts.writeUInt16BE(1, cluster * 2)
  const table = Buffer.alloc(8)
  table.writeBigUInt64BE(BigInt(2 * clusterBytes), 0)
  await file.truncate(clusters * clusterBytes)
  await file.write(table, 0, table.length, clusterBytes)
  await file.write(refcounts, 0, refcounts.length, 2 * clusterBytes)
  const head = header(sizeBytes)
  await file.write(head, 0, head.length, 0)
  await file.sync()
}

/** Makes the disk of an overlay that nobody has open larger: its size is one number of the header. Refuses to make it smaller. */
export const growOverlay = async (file: FileHandle, sizeBytes: number): Promise<void> => {
  requireSize(sizeBytes)
  const field = Buffer.alloc(8)
  await file.read(field, 0, 8, sizeOffset)
  const before = Number(field.readBigUInt64BE())
  if (before === sizeBytes) return
  if (before > sizeBytes) throw new RangeError(`A disk of ${before} bytes can't become one of ${sizeBytes}.`)
  field.writeBigUInt64BE(BigInt(sizeBytes))
  await file.write(field, 0, 8, sizeOffset)
  await file.sync()
}

const requireSize = (sizeBytes: number): void =>
  invariant(sizeBytes > 0 && sizeBytes % 512 === 0 && sizeBytes <= mostBytes, `No disk has ${sizeBytes} bytes.`)

const header = (sizeBytes: number): Buffer => {
  const bytes = Buffer.alloc(headerBytes + 8 + 8 + 8 + backingName.length)
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(3, 4)
  const nameOffset = headerBytes + 24
  bytes.writeBigUInt64BE(BigInt(nameOffset), 8)
  bytes.writeUInt32BE(backingName.length, 16)
  bytes.writeUInt32BE(clusterBits, 20)
  bytes.writeBigUInt64BE(BigInt(sizeBytes), sizeOffset)
  bytes.writeUInt32BE(l1Size, 36)
  bytes.writeBigUInt64BE(BigInt(3 * clusterBytes), 40)
  bytes.writeBigUInt64BE(BigInt(clusterBytes), 48)
  bytes.writeUInt32BE(1, 56)
  bytes.writeBigUInt64BE(extendedL2, 72)
  bytes.writeUInt32BE(4, 96) // 2^4 bits to a count
  bytes.writeUInt32BE(headerBytes, 100)
  bytes.writeUInt32BE(0xe2792aca, headerBytes) // the backing file's format, padded to 8 bytes; then the end of extensions
  bytes.writeUInt32BE(3, headerBytes + 4)
  bytes.write('raw', headerBytes + 8, 'latin1')
  bytes.write(backingName, nameOffset, 'latin1')
  return bytes
}
