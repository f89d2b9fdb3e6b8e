import { requireRange, type SparseBytes } from '#foundation/sparse-bytes.ts'
import type { ChunkReader } from './chunk-reader.ts'
import { clip, type Manifest, type PageRef, pageBase, pageSlices, type Slice, slicesWithin } from './manifest.ts'

/** Where a layout's chunks come from. */
export type ChunkBytes = Pick<ChunkReader, 'read' | 'fill'> &
  Partial<Pick<ChunkReader, 'writeTo' | 'known' | 'fillNow'>>

/** Which slices an image consists of. */
export interface Layout {
  readonly sizeBytes: number
  /** Those that reach into `[from, to)`, clipped to it, in ascending order, some at a time. */
  slices(from: number, to: number): AsyncIterable<Slice[]>
  /** All of them, if what says so is in memory. */
  slicesNow?(from: number, to: number): Slice[] | undefined
}

/** The number of the last page that starts at or before `offset`; 0 if none does. */
const pageAt = (manifest: Manifest, offset: number): number => {
  let [low, high] = [0, manifest.pages.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (manifest.pages[middle]!.offset <= offset) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

/** A manifest's slices, its pages read as they are needed. */
export const manifestLayout = (manifest: Manifest, reader: ChunkBytes): Layout => {
  const slicesOf = (page: PageRef, bytes: Uint8Array, from: number, to: number): Slice[] =>
    slicesWithin(pageSlices(bytes), pageBase(manifest, page), from, to).map(slice => clip(slice, from, to))
  return {
    sizeBytes: manifest.sizeBytes,
    async *slices(from, to) {
      for (let i = pageAt(manifest, from); i < manifest.pages.length && manifest.pages[i]!.offset < to; i++) {
        const page = manifest.pages[i]!
        const slices = slicesOf(page, await reader.read(page.id), from, to)
        if (slices.length > 0) yield slices
      }
    },
    slicesNow(from, to) {
      const found: Slice[] = []
      for (let i = pageAt(manifest, from); i < manifest.pages.length && manifest.pages[i]!.offset < to; i++) {
        const page = manifest.pages[i]!
        const bytes = reader.known?.(page.id)
        if (!bytes) return undefined
        found.push(...slicesOf(page, bytes, from, to))
      }
      return found
    },
  }
}

/** Zeros wherever no slice is. `target` starts at `from` in the image. */
const fillHoles = (slices: readonly Slice[], from: number, target: Uint8Array): void => {
  let end = 0
  for (const { offset, length } of slices) {
    if (offset - from > end) target.fill(0, end, offset - from)
    end = offset + length - from
  }
  target.fill(0, end)
}

/** The bytes behind a layout, verified as they are read. */
export const bytesOfLayout = (layout: Layout, reader: ChunkBytes, close: () => void): SparseBytes => ({
  get sizeBytes() {
    return layout.sizeBytes
  },
  async *extents() {
    let open: { offset: number; length: number } | undefined
    for await (const slices of layout.slices(0, layout.sizeBytes)) {
      for (const { offset, length } of slices) {
        if (open && open.offset + open.length === offset) open.length += length
        else {
          if (open) yield open
          open = { offset, length }
        }
      }
    }
    if (open) yield open
  },
  async read(offset, target) {
    requireRange(offset, target.length, layout.sizeBytes)
    const slices: Slice[] = []
    for await (const some of layout.slices(offset, offset + target.length)) slices.push(...some)
    fillHoles(slices, offset, target)
    await reader.fill(slices, offset, target)
  },
  readNow(offset, target) {
    const end = offset + target.length
    if (!reader.fillNow || offset < 0 || end > layout.sizeBytes) return false
    const slices = layout.slicesNow?.(offset, end)
    if (!slices) return false
    fillHoles(slices, offset, target)
    return reader.fillNow(slices, offset, target)
  },
  ...(reader.writeTo && {
    writeTo: (to, signal) => reader.writeTo?.(layout.slices(0, layout.sizeBytes), to, signal) ?? Promise.resolve(),
  }),
  async close() {
    close()
  },
})
