import type { FileHandle } from 'node:fs/promises'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { dataRuns, type WriteWish } from './data-runs.ts'
import { writeFully, writeWhole } from './raw-file.ts'

// Version 3, clusters of 64 KiB, 16-bit reference counts: what qemu-img makes by default, and what every reader knows.
const clusterBits = 16
const clusterBytes = 2 ** clusterBits
const entriesPerTable = clusterBytes / 8
const countsPerBlock = clusterBytes / 2
const headerBytes = 104
const copied = 1n << 63n // set where the reference count is one, which it is everywhere here

/**
 * Writes the bytes as a qcow2 image in one pass: header and L1 table in front, then clusters and L2 tables as data comes, the
 * reference counts last. Holes and zero pages get no cluster unless their cluster has data too.
 */
export const writeQcow2 = (bytes: SparseBytes, file: string, wish: WriteWish = {}): Promise<void> =>
  writeWhole(file, wish, async handle => {
    const virtualSizeBytes = Math.ceil(bytes.sizeBytes / 512) * 512 // qcow2 counts whole sectors
    const l1Size = Math.max(1, Math.ceil(virtualSizeBytes / (clusterBytes * entriesPerTable)))
    const l1 = Buffer.alloc(Math.ceil((l1Size * 8) / clusterBytes) * clusterBytes)
    const clusters = new ClusterWriter(handle, l1)
    for await (const { offset, data } of dataRuns(bytes, wish)) await clusters.write(offset, data)
    await clusters.endTable()
    await writeFully(handle, clusterBytes, l1)
    const refcounts = await writeRefcounts(handle, clusters.used)
    await writeFully(handle, 0, header(virtualSizeBytes, l1Size, refcounts))
  })

/** Places guest clusters in the file, in ascending order, and keeps the one L2 table that is being filled. */
class ClusterWriter {
  readonly #file: FileHandle
  readonly #l1: Buffer
  readonly #l2 = Buffer.alloc(clusterBytes)
  #l2Index = -1
  #l2Offset = 0
  #guestCluster = -1
  #clusterOffset = 0
  /** Clusters of the file in use so far. */
  used: number

  constructor(file: FileHandle, l1: Buffer) {
    this.#file = file
    this.#l1 = l1
    this.used = 1 + l1.length / clusterBytes
  }

  async write(offset: number, data: Buffer): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const within = (offset + done) % clusterBytes
      const part = data.subarray(done, Math.min(data.length, done + clusterBytes - within))
      await this.#place(Math.floor((offset + done) / clusterBytes))
      await writeFully(this.#file, this.#clusterOffset + within, part)
      done += part.length
    }
  }

  /** Writes the L2 table that was being filled. */
  async endTable(): Promise<void> {
    if (this.#l2Index >= 0) await writeFully(this.#file, this.#l2Offset, this.#l2)
  }

  async #place(guestCluster: number): Promise<void> {
    if (guestCluster === this.#guestCluster) return
    const l2Index = Math.floor(guestCluster / entriesPerTable)
    if (l2Index !== this.#l2Index) {
      await this.endTable()
      this.#l2.fill(0)
      this.#l2Index = l2Index
      this.#l2Offset = this.#allocate()
      this.#l1.writeBigUInt64BE(copied | BigInt(this.#l2Offset), l2Index * 8)
    }
    this.#guestCluster = guestCluster
    this.#clusterOffset = this.#allocate()
    this.#l2.writeBigUInt64BE(copied | BigInt(this.#clusterOffset), (guestCluster % entriesPerTable) * 8)
  }

  #allocate(): number {
    return this.used++ * clusterBytes
  }
}

/** Reference counts of one for every cluster, their own blocks and table included. */
const writeRefcounts = async (file: FileHandle, used: number): Promise<{ offset: number; clusters: number }> => {
  let blocks = 0
  let tables = 0
  for (let total = -1; total !== used + blocks + tables; ) {
    total = used + blocks + tables
    blocks = Math.ceil(total / countsPerBlock)
    tables = Math.ceil(blocks / entriesPerTable)
  }
  const total = used + blocks + tables
  const table = Buffer.alloc(tables * clusterBytes)
  for (let index = 0; index < blocks; index++) {
    const offset = (used + index) * clusterBytes
    table.writeBigUInt64BE(BigInt(offset), index * 8)
    const block = Buffer.alloc(clusterBytes)
    const counts = Math.min(countsPerBlock, total - index * countsPerBlock)
    for (let count = 0; count < counts; count++) block.writeUInt16BE(1, count * 2)
    await writeFully(file, offset, block)
  }
  const offset = (used + blocks) * clusterBytes
  await writeFully(file, offset, table)
  return { offset, clusters: tables }
}

const header = (virtualSizeBytes: number, l1Size: number, refcounts: { offset: number; clusters: number }): Buffer => {
  const bytes = Buffer.alloc(clusterBytes)
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(3, 4)
  bytes.writeUInt32BE(clusterBits, 20)
  bytes.writeBigUInt64BE(BigInt(virtualSizeBytes), 24)
  bytes.writeUInt32BE(l1Size, 36)
  bytes.writeBigUInt64BE(BigInt(clusterBytes), 40)
  bytes.writeBigUInt64BE(BigInt(refcounts.offset), 48)
  bytes.writeUInt32BE(refcounts.clusters, 56)
  bytes.writeUInt32BE(4, 96) // 2^4 bits to a count
  bytes.writeUInt32BE(headerBytes, 100)
  return bytes
}
