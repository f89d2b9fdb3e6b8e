import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { zstdFrameBytes } from '#data-plane/zstd/zstd-frame.ts'
import { type ChangedBytes, type ChangedExtent, requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart } from './file-part.ts'
import { HostileDisk } from './hostile-disk.ts'
import { inspectQcow2, l2Cluster, l2EntryBytes, l2Offset, type Qcow2Cluster } from './inspect-qcow2.ts'
import type { Qcow2Header } from './qcow2-header.ts'

const inflate = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw)
const unzstd = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress)
/** Pieces that one read has in hand at a time: decompression runs beside on other threads. */
const piecesAtOnce = 8
const keptTables = 16

/**
 * The disk in a qcow2 image, at random access and without a copy: compressed clusters and extended L2 tables too. The file is inspected
 * first. Closing it closes the file.
 */
export const openQcow2 = async (file: SparseBytes, signal?: AbortSignal): Promise<SparseBytes> => {
  const { header } = await inspectQcow2(file, signal)
  const tables = await l2Reader(file, header)
  return {
    sizeBytes: header.virtualSizeBytes,
    async *extents() {
      for await (const { kind, offset, length } of tables.changes()) if (kind === 'data') yield { offset, length }
    },
    read: readerOf(file, header, tables),
    close: () => file.close(),
  }
}

/**
 * What an overlay has changed of the disk under it: a qcow2 image with a backing file, of which neither the bytes nor the name are looked
 * at. What it is, the caller must know from elsewhere. Undefined for an image that stands for itself.
 */
export const openQcow2Overlay = async (file: SparseBytes, signal?: AbortSignal): Promise<ChangedBytes | undefined> => {
  const { header } = await inspectQcow2(file, signal, true)
  if (!header.isOverlay) return undefined
  const tables = await l2Reader(file, header)
  return {
    sizeBytes: header.virtualSizeBytes,
    changes: () => tables.changes(),
    read: readerOf(file, header, tables),
    close: () => file.close(),
  }
}

const readerOf =
  (file: SparseBytes, header: Qcow2Header, tables: Tables) =>
  async (offset: number, target: Uint8Array): Promise<void> => {
    const { clusterBytes, virtualSizeBytes } = header
    requireRange(offset, target.length, virtualSizeBytes)
    const pieces = await piecesOf(tables, partsOf(offset, target, clusterBytes), clusterBytes)
    for (let first = 0; first < pieces.length; first += piecesAtOnce)
      await Promise.all(pieces.slice(first, first + piecesAtOnce).map(piece => readPiece(file, header, piece)))
  }

interface Part {
  readonly offset: number
  readonly target: Uint8Array
}

/** A part of one cluster, or of several that follow one another in the file too. */
interface Piece {
  readonly cluster: Qcow2Cluster
  readonly within: number
  target: Uint8Array
}

/** Most images are written in order, so that a long range is one read. */
const piecesOf = async (tables: Tables, parts: readonly Part[], clusterBytes: number): Promise<Piece[]> => {
  const pieces: Piece[] = []
  for (const { offset, target } of parts) {
    const cluster = await tables.cluster(Math.floor(offset / clusterBytes))
    const last = pieces.at(-1)
    if (last && follows(last, cluster)) last.target = joined(last.target, target)
    else pieces.push({ cluster, within: offset % clusterBytes, target })
  }
  return pieces
}

const follows = ({ cluster: last, within, target }: Piece, next: Qcow2Cluster): boolean => {
  if (last.kind === 'hole') return next.kind === 'hole'
  if (last.kind !== 'plain' || next.kind !== 'plain' || last.bitmap || next.bitmap) return false
  return last.offset + within + target.length === next.offset
}

/** Two neighbouring views of one buffer as one. */
const joined = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  new Uint8Array(left.buffer, left.byteOffset, left.length + right.length)

/** A range, cut where clusters begin. */
const partsOf = (offset: number, target: Uint8Array, clusterBytes: number): Part[] => {
  const parts: Part[] = []
  for (let done = 0; done < target.length; ) {
    const length = Math.min(target.length - done, clusterBytes - ((offset + done) % clusterBytes))
    parts.push({ offset: offset + done, target: target.subarray(done, done + length) })
    done += length
  }
  return parts
}

interface Tables {
  cluster(index: number): Promise<Qcow2Cluster>
  /** What the image itself has, data and zeros, in runs. */
  changes(): AsyncGenerator<ChangedExtent>
}

/** Finds clusters by the L1 table, which is kept, and the L2 tables, of which the last few are. */
const l2Reader = async (file: SparseBytes, header: Qcow2Header): Promise<Tables> => {
  const { clusterBytes, virtualSizeBytes, l1Offset } = header
  const perTable = clusterBytes / l2EntryBytes(header)
  const clusters = Math.ceil(virtualSizeBytes / clusterBytes)
  const l1 = await filePart(file, l1Offset, Math.ceil(clusters / perTable) * 8, 'L1 table')
  const kept = new Map<number, Promise<Buffer>>()
  const table = (index: number): Promise<Buffer> | undefined => {
    const offset = l2Offset(l1, index, header)
    if (offset === 0) return undefined
    const found = kept.get(offset) ?? filePart(file, offset, clusterBytes, 'L2 table of the qcow2 image')
    kept.delete(offset) // the last one used is the last to go
    kept.set(offset, found)
    for (const oldest of kept.keys()) if (kept.size > keptTables) kept.delete(oldest)
    return found
  }
  return {
    async cluster(index) {
      const found = await table(Math.floor(index / perTable))
      return found ? l2Cluster(found, index % perTable, header) : { kind: 'hole', zero: 0 }
    },
    async *changes() {
      let open: ChangedExtent | undefined
      for (let first = 0; first < clusters; first += perTable) {
        const found = await table(first / perTable)
        const count = found ? Math.min(perTable, clusters - first) : 0
        for (let index = 0; index < count; index++) {
          if (!found || isUnallocated(found, index, header)) continue
          for (const part of runsOf(l2Cluster(found, index, header), (first + index) * clusterBytes, clusterBytes)) {
            // The last cluster may reach beyond the end of the disk, and its last parts may begin there.
            const run = { ...part, length: Math.min(part.length, virtualSizeBytes - part.offset) }
            if (run.length <= 0) break
            if (open && open.kind === run.kind && open.offset + open.length === run.offset)
              open = { ...open, length: open.length + run.length }
            else {
              if (open) yield open
              open = run
            }
          }
        }
      }
      if (open) yield open
    },
  }
}

/** Most entries are all zero; this is said without making an object of each. */
const isUnallocated = (table: Buffer, index: number, header: Qcow2Header): boolean => {
  const at = index * l2EntryBytes(header)
  const isEmpty = table.readUInt32BE(at) === 0 && table.readUInt32BE(at + 4) === 0
  return isEmpty && (!header.extendedL2 || table.readUInt32BE(at + 8) === 0)
}

/** What a cluster has of data and of zeros, in order. */
function* runsOf(cluster: Qcow2Cluster, offset: number, clusterBytes: number): Generator<ChangedExtent> {
  const whole = { offset, length: clusterBytes }
  if (cluster.kind === 'compressed' || (cluster.kind === 'plain' && !cluster.bitmap)) yield { ...whole, kind: 'data' }
  else if (cluster.kind === 'hole' && cluster.zero === 0xffff_ffff) yield { ...whole, kind: 'zero' }
  else {
    const { allocated, zero } =
      cluster.kind === 'plain' && cluster.bitmap ? cluster.bitmap : { allocated: 0, zero: zeroOf(cluster) }
    const length = clusterBytes / 32
    for (let part = 0; part < 32; part++) {
      const kind = (allocated >>> part) & 1 ? 'data' : (zero >>> part) & 1 ? 'zero' : undefined
      if (kind) yield { offset: offset + part * length, length, kind }
    }
  }
}

const zeroOf = (cluster: Qcow2Cluster): number => (cluster.kind === 'hole' ? cluster.zero : 0)

const readPiece = async (file: SparseBytes, header: Qcow2Header, piece: Piece): Promise<void> => {
  const { cluster, within, target } = piece
  if (cluster.kind === 'hole') target.fill(0)
  else if (cluster.kind === 'compressed') {
    const whole = await decompress(file, header, cluster)
    target.set(whole.subarray(within, within + target.length))
  } else if (cluster.bitmap) await readSubclusters(file, header, cluster, within, target)
  else await file.read(cluster.offset + within, target)
}

/** A qcow2 rounds compressed clusters up to sectors, and zstd, unlike deflate, takes what follows a frame for the next one. */
const firstFrame = (stored: Buffer): Buffer => {
  const length = zstdFrameBytes(stored)
  if (length === undefined) throw new HostileDisk('A compressed cluster is cut short, or it is not zstd.')
  return stored.subarray(0, length)
}

const decompress = async (
  file: SparseBytes,
  { clusterBytes, compression }: Qcow2Header,
  { offset, length }: Qcow2Cluster & { kind: 'compressed' },
): Promise<Buffer> => {
  const stored = await filePart(file, offset, Math.min(length, file.sizeBytes - offset), 'compressed cluster')
  const limit = { maxOutputLength: clusterBytes }
  try {
    const whole = compression === 'zstd' ? await unzstd(firstFrame(stored), limit) : await inflate(stored, limit)
    if (whole.length === clusterBytes) return whole
  } catch (cause) {
    throw new HostileDisk('A compressed cluster of the qcow2 image is damaged. Download or export it again.', { cause })
  }
  throw new HostileDisk('A compressed cluster of the qcow2 image is too short. Download or export it again.')
}

/** With extended L2 tables, each of the 32 parts of a cluster is allocated, or zeros. */
const readSubclusters = async (
  file: SparseBytes,
  { clusterBytes }: Qcow2Header,
  { offset, bitmap }: Qcow2Cluster & { kind: 'plain' },
  within: number,
  target: Uint8Array,
): Promise<void> => {
  for (const part of partsOf(within, target, clusterBytes / 32)) {
    const index = Math.floor(part.offset / (clusterBytes / 32))
    const isAllocated = bitmap && ((bitmap.allocated >>> index) & 1) !== 0
    if (isAllocated) await file.read(offset + part.offset, part.target)
    else part.target.fill(0)
  }
}
