import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import type { Ingested, Watch } from './chunk-store.ts'
import { fillSegment, SEGMENT_BYTES, SEGMENTS_AHEAD, type Stored, storeSegment } from './intake.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { PAGE_BYTES } from './page-cut.ts'
import { atWork, type StoreCore } from './store-core.ts'

/** A part of the source of at most `SEGMENT_BYTES`, with the data in it. */
interface Part {
  readonly offset: number
  readonly length: number
  readonly extents: readonly Extent[]
}

/** Holes that are longer are not even filled with zeros to be looked at. They hold whole pages: the chunks are the same. */
const LONG_HOLE_BYTES = 256 * 1024

/** The parts of a source that hold data, cut at multiples of the segment size. A long hole costs nothing. */
async function* partsOf(source: SparseBytes): AsyncGenerator<Part> {
  let segment = -1
  let extents: Extent[] = []
  const part = (): Part => {
    const offset = Math.floor(extents[0]!.offset / PAGE_BYTES) * PAGE_BYTES
    const end = Math.ceil(endOf(extents.at(-1)!) / PAGE_BYTES) * PAGE_BYTES
    return { offset, length: Math.min(end, source.sizeBytes) - offset, extents }
  }
  for await (const extent of source.extents()) {
    const end = Math.min(extent.offset + extent.length, source.sizeBytes)
    for (let at = extent.offset; at < end; ) {
      const number = Math.floor(at / SEGMENT_BYTES)
      const last = extents.at(-1)
      if (last && (number !== segment || at - endOf(last) > LONG_HOLE_BYTES)) {
        yield part()
        extents = []
      }
      segment = number
      const stop = Math.min(end, (number + 1) * SEGMENT_BYTES)
      extents.push({ offset: at, length: stop - at })
      at = stop
    }
  }
  if (extents.length > 0) yield part()
}

const endOf = ({ offset, length }: Extent): number => offset + length

const readPart = async (source: SparseBytes, part: Part, target: Uint8Array): Promise<void> => {
  let end = part.offset
  for (const { offset, length } of part.extents) {
    target.fill(0, end - part.offset, offset - part.offset)
    await source.read(offset, target.subarray(offset - part.offset, offset - part.offset + length))
    end = offset + length
  }
  target.fill(0, end - part.offset)
}

/**
 * Takes a source in, segment by segment: one is read while others are hashed and compressed. The source is read in order, from one
 * place at a time, so that it may be a stream underneath.
 */
export const ingest = (core: StoreCore, source: SparseBytes, hold: string, watch: Watch = {}): Promise<Ingested> =>
  atWork(core, async work => {
    await core.room.require()
    const manifest = new ManifestWriter(core, work, source.sizeBytes)
    const counts = { newBytes: 0, storedBytes: 0 }
    const running: { part: Part; stored: Promise<Stored> }[] = []
    const takeOldest = async () => {
      const { part, stored } = running.shift()!
      const { slices, newBytes, storedBytes } = await stored
      await manifest.add(slices)
      counts.newBytes += newBytes
      counts.storedBytes += storedBytes
      watch.onProgress?.(part.offset + part.length, source.sizeBytes)
    }
    try {
      for await (const part of partsOf(source)) {
        watch.signal?.throwIfAborted()
        const segment = await fillSegment(core, part.offset, part.length, target => readPart(source, part, target))
        const stored = storeSegment(core, segment, manifest.nominalBytes, work)
        stored.catch(() => {}) // awaited in its turn; until then a failure is nobody's news
        running.push({ part, stored })
        if (running.length > core.workers.count + SEGMENTS_AHEAD) await takeOldest()
      }
      while (running.length > 0) await takeOldest()
    } finally {
      await Promise.allSettled(running.map(({ stored }) => stored))
    }
    watch.signal?.throwIfAborted()
    const ingested = await manifest.finish(hold, counts)
    watch.onProgress?.(source.sizeBytes, source.sizeBytes)
    return ingested
  })
