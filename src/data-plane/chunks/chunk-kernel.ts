import { hash } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { cutPages } from './page-cut.ts'

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

/** The bytes as they are stored: compressed if that makes them smaller, else `bytes` itself. */
export const squeeze = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < LEAST_SQUEEZED) return bytes
  // An output buffer of one byte less than the input is never grown, so never copied: a result that does not fit is of no use.
  // Told the size beforehand, zstd takes tables and a window of that size: a quarter less time.
  const options = {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: bytes.length - 1,
    pledgedSrcSize: bytes.length,
  }
  const squeezed = zstdCompressSync(bytes, options)
  return squeezed.length < bytes.length ? squeezed : bytes
}

/** Stores ranges (pairs of start and length) one after the other in `target`; the answer holds their stored sizes. */
export const squeezeRanges = (bytes: Uint8Array, ranges: Uint32Array, target: Uint8Array): Uint32Array => {
  const sizes = new Uint32Array(ranges.length / 2)
  let end = 0
  for (let i = 0; i < sizes.length; i++) {
    const start = ranges[i * 2]!
    const stored = squeeze(bytes.subarray(start, start + ranges[i * 2 + 1]!))
    target.set(stored, end)
    end += stored.length
    sizes[i] = stored.length
  }
  return sizes
}

/** The `sizeBytes` bytes behind a stored chunk, or undefined if they are not those that the id promises. */
export const unsqueeze = (
  stored: Uint8Array,
  encoding: 'raw' | 'zstd',
  sizeBytes: number,
  id: Uint8Array,
): Uint8Array | undefined => {
  try {
    const limits = { chunkSize: Math.max(64, sizeBytes), maxOutputLength: sizeBytes }
    const bytes = encoding === 'raw' ? stored : zstdDecompressSync(stored, limits)
    return bytes.length === sizeBytes && hashOf(bytes).equals(id) ? bytes : undefined
  } catch {
    return undefined // not a zstd frame, or one that grows beyond its size
  }
}

/** Fields per chunk in the `items` of `unsqueezeRanges`. */
export const ITEM_FIELDS = 4

/**
 * Decodes and verifies stored chunks, one after the other into `target`. `items`: start in `stored`, stored size, size, 1 if zstd.
 * A chunk that fails leaves its place in `target` undefined and a 0 in the answer.
 */
export const unsqueezeRanges = (
  stored: Uint8Array,
  items: Uint32Array,
  ids: Uint8Array,
  target: Uint8Array,
): Uint8Array => {
  const good = new Uint8Array(items.length / ITEM_FIELDS)
  let end = 0
  for (let i = 0; i < good.length; i++) {
    const [start = 0, storedSize = 0, size = 0, zstd] = items.subarray(i * ITEM_FIELDS, (i + 1) * ITEM_FIELDS)
    const id = ids.subarray(i * 32, i * 32 + 32)
    const bytes = unsqueeze(stored.subarray(start, start + storedSize), zstd ? 'zstd' : 'raw', size, id)
    if (bytes) {
      target.set(bytes, end)
      good[i] = 1
    }
    end += size
  }
  return good
}

/** The sum of one field of all chunks: number `first`, and every `step`th after it. */
export const totalOf = (fields: Uint32Array, first: number, step: number): number => {
  let total = 0
  for (let i = first; i < fields.length; i += step) total += fields[i]!
  return total
}
