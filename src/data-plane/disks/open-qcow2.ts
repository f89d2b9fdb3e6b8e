import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { type Extent, requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { filePart } from './file-part.ts'
import { HostileDisk } from './hostile-disk.ts'
import { inspectQcow2, l2Cluster, l2EntryBytes, l2Offset, type Qcow2Cluster } from './inspect-qcow2.ts'
import type { Qcow2Header } from './qcow2-header.ts'
import { zstdFrameBytes } from './zstd-frame.ts'

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
  const { clusterBytes, virtualSizeBytes } = header
  const tables = await l2Reader(file, header)
  return {
    sizeBytes: virtualSizeBytes,
    extents: () => tables.extents(),
    async read(offset, target) {
      requireRange(offset, target.length, virtualSizeBytes)
      const pieces = await piecesOf(tables, partsOf(offset, target, clusterBytes), clusterBytes)
      for (let first = 0; first < pieces.length; first += piecesAtOnce)
        await Promise.all(pieces.slice(first, first + piecesAtOnce).map(piece => readPiece(file, header, piece)))
    },
    close: () => file.close(),
  }
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
  extents(): AsyncGenerator<Extent>
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
      return found ? l2Cluster(found, index % perTable, header) : { kind: 'hole' }
    },
    async *extents() {
      let start = 0
      let end = 0
      for (let first = 0; first < clusters; first += perTable) {
        const found = await table(first / perTable)
        const count = found ? Math.min(perTable, clusters - first) : 0
        for (let index = 0; index < count; index++) {
          if (!found || l2Cluster(found, index, header).kind === 'hole') continue
          const offset = (first + index) * clusterBytes
          if (offset !== end) {
            if (start < end) yield { offset: start, length: end - start }
            start = offset
          }
          end = Math.min(offset + clusterBytes, virtualSizeBytes)
        }
      }
      if (start < end) yield { offset: start, length: end - start }
    },
  }
}

const readPiece = async (file: SparseBytes, header: Qcow2Header, piece: Piece): Promise<void> => {
  const { cluster, within, target } = piece
  if (cluster.kind === 'hole') target.fill(0)
  else if (cluster.kind === 'compressed') {
    const whole = await decompress(file, header, cluster)
    target.set(whole.subarray(within, within + target.length))
  } else if (cluster.bitmap) await readSubclusters(file, header, cluster, within, target)
  else await file.read(cluster.offset + within, target)
}

const decompress = async (
  file: SparseBytes,
  { clusterBytes, compression }: Qcow2Header,
  { offset, length }: Qcow2Cluster & { kind: 'compressed' },
): Promise<Buffer> => {
  const stored = await filePart(file, offset, Math.min(length, file.sizeBytes - offset), 'compressed cluster')
  const limit = { maxOutputLength: clusterBytes }
  try {
    const whole =
      compression === 'zstd'
        ? await unzstd(stored.subarray(0, zstdFrameBytes(stored)), limit)
        : await inflate(stored, limit)
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
