import { idBytes } from './chunk-index.ts'
import { fillSegment, SEGMENT_BYTES, storeSegment } from './intake.ts'
import type { Slice } from './manifest.ts'
import { follows } from './manifest-writer.ts'
import type { StoreCore, Work } from './store-core.ts'

/** What stored slices become in a manifest: few, long ones of whole chunks. */
export interface Tidied {
  readonly slices: Slice[]
  readonly newBytes: number
  readonly storedBytes: number
}

const asIs = (slices: Slice[]): Tidied => ({ slices, newBytes: 0, storedBytes: 0 })

/**
 * Cuts anew what edges have cut and what many small writes have left behind: runs of slices that are parts of chunks, or small. All
 * other slices pass without being read. Every slice is noted in the work's lease.
 */
export async function* tidy(
  core: StoreCore,
  work: Work,
  slices: AsyncIterable<readonly Slice[]>,
  nominalBytes: number,
): AsyncGenerator<Tidied> {
  const sizeOf = (slice: Slice): number => {
    const entry = core.index.find(idBytes(slice.id))
    if (entry < 0) return slice.skip + slice.length // lost: the manifest names it all the same, a reader may heal it
    work.lease.add(entry)
    return core.index.place(entry).sizeBytes
  }
  const isPart = (slice: Slice) => slice.length < sizeOf(slice)
  const isUntidy = (slice: Slice) => slice.length < nominalBytes / 4 || isPart(slice)
  const renew = async (run: Slice[]): Promise<Tidied> => {
    const [first, last] = [run[0]!, run.at(-1)!]
    if (run.length === 1 && !isPart(first)) return asIs(run)
    const length = last.offset + last.length - first.offset
    const segment = await fillSegment(core, first.offset, length, target => core.reader.fill(run, first.offset, target))
    return storeSegment(core, segment, nominalBytes, work)
  }
  let run: Slice[] = []
  for await (const slice of joined(slices)) {
    const last = run.at(-1)
    const goesOn = last && last.offset + last.length === slice.offset
    const isUntidySlice = isUntidy(slice)
    const fits = last && slice.offset + slice.length - run[0]!.offset <= SEGMENT_BYTES
    if (run.length > 0 && !(goesOn && isUntidySlice && fits)) {
      yield await renew(run)
      run = []
    }
    if (isUntidySlice) run.push(slice)
    else yield asIs([slice])
  }
  if (run.length > 0) yield await renew(run)
}

/** Slices of one chunk that follow each other as one: a chunk cut at the edge of a page or a piece, and whole again. */
async function* joined(slices: AsyncIterable<readonly Slice[]>): AsyncGenerator<Slice> {
  let open: Slice | undefined
  for await (const some of slices) {
    for (const slice of some) {
      if (open && follows(open, slice)) open = { ...open, length: open.length + slice.length }
      else {
        if (open) yield open
        open = slice
      }
    }
  }
  if (open) yield open
}
