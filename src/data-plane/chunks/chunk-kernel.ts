import { hash } from 'node:crypto'
import * as fs from 'node:fs'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Native } from '#data-plane/native/load-native.ts'
import { zstdFrameBytes } from '#data-plane/zstd/zstd-frame.ts'
import { cutPages, PAGE_BYTES } from './page-cut.ts'

/** The chunks of a buffer: three arrays of one length (`ids` 32 bytes each), which cross threads without an object per chunk. */
export interface Split {
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
  readonly ids: Uint8Array
}

/** Shorter ones are hardly ever worth a decoder. */
const LEAST_SQUEEZED = 512

export const hashOf = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')

export const splitBytes = (bytes: Uint8Array, start: number, end: number, nominalBytes: number): Split => {
  const starts: number[] = []
  const lengths: number[] = []
  cutPages(bytes, start, end, nominalBytes, (at, length) => {
    starts.push(at)
    lengths.push(length)
  })
  const ids = new Uint8Array(starts.length * 32)
  for (const [i, at] of starts.entries()) ids.set(hashOf(bytes.subarray(at, at + lengths[i]!)), i * 32)
  return { starts: Uint32Array.from(starts), lengths: Uint32Array.from(lengths), ids }
}

/** Whoever wants a little of a chunk decodes no more than this. */
const MOST_FRAME_BYTES = 64 * 1024
/** More than any chunk is made of. */
const MOST_FRAMES = 64

/** The bytes as they are stored: in zstd frames of about one length, if that makes them smaller, else `bytes` itself. */
export const squeeze = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < LEAST_SQUEEZED) return bytes
  const count = Math.ceil(bytes.length / MOST_FRAME_BYTES)
  const each = Math.ceil(bytes.length / (count * PAGE_BYTES)) * PAGE_BYTES
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; at += each) frames.push(frameOf(bytes.subarray(at, at + each)))
  const squeezed = frames.length === 1 ? frames[0]! : Buffer.concat(frames)
  return squeezed.length < bytes.length ? squeezed : bytes
}

const frameOf = (bytes: Uint8Array): Buffer =>
  zstdCompressSync(bytes, {
    // Matches of five bytes instead of level 1's six or seven, and a table with four times the places for them: file systems are 1.7 %
    // and again 0.4 % smaller, for 5 % more time to compress each.
    params: {
      [constants.ZSTD_c_compressionLevel]: 1,
      [constants.ZSTD_c_hashLog]: 15,
      [constants.ZSTD_c_minMatch]: 5,
    },
    // An output buffer of one byte less than the input is hardly ever grown, so not copied: a result that does not fit is of no use.
    chunkSize: Math.max(64, bytes.length - 1),
    // Told the size beforehand, zstd takes tables and a window of that size: a quarter less time.
    pledgedSrcSize: bytes.length,
  })

/** What became of chunks: their stored sizes and, of those that were compressed, SHA-256 of what is stored, 32 bytes each. */
export interface Squeezed {
  readonly sizes: Uint32Array
  readonly sums: Uint8Array
}

/**
 * Stores ranges (pairs of start and length) one after the other in `target`. If the ranges ascend, `target` may be `bytes`: what is stored is never longer than what it was.
 */
export const squeezeRanges = (bytes: Uint8Array, ranges: Uint32Array, target: Uint8Array): Squeezed => {
  const sizes = new Uint32Array(ranges.length / 2)
  const sums = new Uint8Array(sizes.length * 32)
  let end = 0
  for (let i = 0; i < sizes.length; i++) {
    const start = ranges[i * 2]!
    const length = ranges[i * 2 + 1]!
    const stored = squeeze(bytes.subarray(start, start + length))
    if (stored.length < length) sums.set(hashOf(stored), i * 32)
    target.set(stored, end)
    end += stored.length
    sizes[i] = stored.length
  }
  return { sizes, sums }
}

/** The `sizeBytes` bytes behind a stored chunk, or undefined if they are not those that the id promises. */
export const unsqueeze = (
  stored: Uint8Array,
  encoding: 'raw' | 'zstd',
  sizeBytes: number,
  id: Uint8Array,
): Uint8Array | undefined => {
  try {
    const bytes = encoding === 'raw' ? stored : decodeFrames(stored, sizeBytes)
    return bytes?.length === sizeBytes && hashOf(bytes).equals(id) ? bytes : undefined
  } catch {
    return undefined // not a zstd frame, or one that grows beyond its size
  }
}

/** Node's decoder ends with the first frame. */
const decodeFrames = (stored: Uint8Array, sizeBytes: number): Uint8Array | undefined => {
  const parts: Buffer[] = []
  let left = sizeBytes
  for (let at = 0, length: number | undefined; at < stored.length; at += length) {
    length = zstdFrameBytes(stored, at)
    if (length === undefined || parts.length === MOST_FRAMES) return undefined
    // A byte more than is expected: an output buffer that is filled to the end is followed by another one, in twice the time.
    const expected = length === stored.length ? left : Math.min(left, MOST_FRAME_BYTES)
    const limits = { chunkSize: Math.max(64, expected + 1), maxOutputLength: left }
    const part = zstdDecompressSync(stored.subarray(at, at + length), limits)
    parts.push(part)
    left -= part.length
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts)
}

/** Fields per chunk in the `items` of `unsqueezeRanges`. */
export const ITEM_FIELDS = 4

/**
 * Decodes and verifies stored chunks, one after the other into `target`; without one they are only verified. `items`: start in
 * `stored`, stored size, size, 1 if zstd. A chunk that fails leaves its place in `target` undefined and a 0 in the answer.
 */
export const unsqueezeRanges = (
  stored: Uint8Array,
  items: Uint32Array,
  ids: Uint8Array,
  target?: Uint8Array,
): Uint8Array => {
  const good = new Uint8Array(items.length / ITEM_FIELDS)
  let end = 0
  for (let i = 0; i < good.length; i++) {
    const [start = 0, storedSize = 0, size = 0, zstd] = items.subarray(i * ITEM_FIELDS, (i + 1) * ITEM_FIELDS)
    const id = ids.subarray(i * 32, i * 32 + 32)
    const bytes = unsqueeze(stored.subarray(start, start + storedSize), zstd ? 'zstd' : 'raw', size, id)
    if (bytes) {
      target?.set(bytes, end)
      good[i] = 1
    }
    end += size
  }
  return good
}

/** Fields per chunk in the `items` of `unpack`. */
export const UNPACK_FIELDS = 8

/** A chunk in a pack, and what is wanted of it: `length` bytes behind the first `skip`, which go to `target` in the file. */
export type UnpackItem = readonly [
  packFd: number,
  offset: number,
  storedBytes: number,
  sizeBytes: number,
  isZstd: number,
  skip: number,
  length: number,
  target: number,
]

/**
 * Reads chunks from packs, decodes and verifies them, and writes what is wanted of each into an open file, all in the calling thread;
 * with -1 for the file they are only verified. A 0 in the answer is a chunk of which nothing counts as written; why (it is damaged, it has moved, the disk is full)
 * is found out by who does it again in another way.
 */
export const unpack = (items: Float64Array, ids: Uint8Array, file: number): Uint8Array => {
  const good = new Uint8Array(items.length / UNPACK_FIELDS)
  for (let i = 0; i < good.length; i++) {
    const item = items.subarray(i * UNPACK_FIELDS, (i + 1) * UNPACK_FIELDS) as unknown as UnpackItem
    good[i] = unpackOne(item, ids.subarray(i * 32, i * 32 + 32), file) ? 1 : 0
  }
  return good
}

const unpackOne = (item: UnpackItem, id: Uint8Array, file: number): boolean => {
  const [packFd, offset, storedBytes, sizeBytes, isZstd, skip, length, target] = item
  try {
    const stored = Buffer.allocUnsafe(storedBytes)
    if (fs.readSync(packFd, stored, 0, storedBytes, offset) < storedBytes) return false
    const bytes = unsqueeze(stored, isZstd ? 'zstd' : 'raw', sizeBytes, id)
    if (!bytes || skip + length > bytes.length) return false
    return file < 0 || fs.writeSync(file, bytes, skip, length, target) === length
  } catch {
    return false
  }
}

/** Fields per chunk in the `parts` of `decodeCached`: 1 for the ring, and from where to where the chunk was decoded. */
export const PART_FIELDS = 3

/**
 * A chunk in a pack, which part of it is wanted, and where in the ring or in the target the whole of it would be. It is checked by the hash of
 * what it decodes to or, where `isZstd` is 2, of what is stored, which is shorter.
 */
export type DecodeItem = readonly [
  packFd: number,
  offset: number,
  storedBytes: number,
  sizeBytes: number,
  isZstd: 0 | 1 | 2,
  skip: number,
  length: number,
  at: number,
]

/** The arithmetic of chunks. Whatever does it, the chunks and their ids are the same; how small they are stored may differ. */
export interface ChunkKernel {
  readonly name: 'native' | 'JavaScript'
  readonly split: typeof splitBytes
  readonly squeezeRanges: typeof squeezeRanges
  readonly unsqueezeRanges: typeof unsqueezeRanges
  readonly unpack: typeof unpack
  /** Not there if nobody can tell what the system has in memory. */
  readonly decodeCached?: Native['decodeCached']
}

export const scriptKernel: ChunkKernel = {
  name: 'JavaScript',
  split: splitBytes,
  squeezeRanges,
  unsqueezeRanges,
  unpack,
}

/** The sum of one field of all chunks: number `first`, and every `step`th after it. */
export const totalOf = (fields: Uint32Array | Float64Array, first: number, step: number): number => {
  let total = 0
  for (let i = first; i < fields.length; i += step) total += fields[i]!
  return total
}
