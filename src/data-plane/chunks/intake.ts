import { invariant } from '#foundation/invariant.ts'
import { idTexts } from './chunk-index.ts'
import type { Slice } from './manifest.ts'
import type { NewChunk } from './pack-writer.ts'
import { PAGE_BYTES } from './page-cut.ts'
import type { StoreCore, Work } from './store-core.ts'

/** The most that is cut into chunks at once. */
export const SEGMENT_BYTES = 8 * 1024 * 1024
/** Segments that wait, read, for a thread to be free: threads tend to end at the same time, and none should wait for the disk then. */
export const SEGMENTS_AHEAD = 2
/** Bytes that start inside of a page. What they become takes their place: stored chunks are never longer than the bytes. */
const bufferBytesFor = (length: number): number => (Math.ceil(length / PAGE_BYTES) + 1) * PAGE_BYTES
export const SEGMENT_BUFFER_BYTES = bufferBytesFor(SEGMENT_BYTES)

/** A part of an image in a buffer, placed so that the buffer's pages are the image's. */
export interface Segment {
  readonly buffer: Uint8Array
  readonly offset: number
  readonly length: number
}

export interface Stored {
  readonly slices: Slice[]
  readonly newBytes: number
  readonly storedBytes: number
}

/** Takes a buffer and has it filled with the bytes `[offset, offset + length)` of an image. `store` or `drop` it. */
export const fillSegment = async (
  core: StoreCore,
  offset: number,
  length: number,
  fill: (target: Uint8Array) => Promise<void>,
): Promise<Segment> => {
  invariant(length <= SEGMENT_BYTES, 'A segment fits its buffer')
  const buffer = await core.segments.take(bufferBytesFor(length))
  try {
    const start = offset % PAGE_BYTES
    await fill(buffer.subarray(start, start + length))
    return { buffer, offset, length }
  } catch (error) {
    core.segments.giveBack(buffer)
    throw error
  }
}

/** Cuts a segment, stores the chunks that are new and gives its buffer back. Not durable before the work commits. */
export const storeSegment = async (
  core: StoreCore,
  { buffer, offset, length }: Segment,
  nominalBytes: number,
  work: Work,
): Promise<Stored> => {
  try {
    const start = offset % PAGE_BYTES
    const { starts, lengths, ids } = await core.workers.split(buffer, start, start + length, nominalBytes)
    const slices: Slice[] = []
    const fresh: number[] = []
    const seen = new Set<string>()
    const texts = idTexts(ids)
    for (const [i, id] of texts.entries()) {
      slices.push({ offset: offset + starts[i]! - start, length: lengths[i]!, id, skip: 0 })
      const known = core.index.findGood(ids, i * 32)
      if (known >= 0) work.lease.add(known)
      else if (!seen.has(id)) {
        seen.add(id)
        fresh.push(i)
      }
    }
    if (fresh.length === 0) return { slices, newBytes: 0, storedBytes: 0 }
    const ranges = Uint32Array.from(fresh.flatMap(i => [starts[i]!, lengths[i]!]))
    const { sizes, sums } = await core.workers.squeeze(buffer, ranges, buffer)
    const chunks: NewChunk[] = []
    let end = 0
    for (const [k, i] of fresh.entries()) {
      const [sizeBytes, storedBytes] = [lengths[i]!, sizes[k]!]
      const encoding = storedBytes < sizeBytes ? 'zstd' : 'raw'
      const id = ids.subarray(i * 32, i * 32 + 32)
      const sum = encoding === 'raw' ? id : sums.subarray(k * 32, k * 32 + 32)
      chunks.push({ id, start: end, storedBytes, sizeBytes, encoding, sum })
      end += storedBytes
    }
    return { slices, ...(await core.writer.append(chunks, buffer, work.lease)) }
  } finally {
    core.segments.giveBack(buffer)
  }
}
