import type { ChangedBytes, Extent } from '#foundation/sparse-bytes.ts'
import { SEGMENT_BUFFER_BYTES, SEGMENT_BYTES, type Stored, storeSegment } from './intake.ts'
import { clip, type PageRef, type Slice } from './manifest.ts'
import type { ManifestWriter } from './manifest-writer.ts'
import { cutPages, PAGE_BYTES } from './page-cut.ts'
import type { StoreCore, Work } from './store-core.ts'
import { endOf, type Touched, TouchedSegment } from './touched-segment.ts'

/** A stretch of the image that is cut anew, and where its bytes lie in a buffer. */
interface Window extends Extent {
  readonly at: number
}

/** What the new image consists of, in its order. */
type Item = { readonly window: Window } | { readonly kept: readonly Slice[] } | { readonly page: PageRef }

/** Windows of many places in one buffer, a page of zeros between them, and the items among which they belong. */
interface Batch {
  readonly buffer: Uint8Array
  readonly items: Item[]
  usedBytes: number
}

/** What is gathered before it is handed to another thread. */
const BATCH_BYTES = 1.5 * 1024 * 1024
/** What is read at a time. A window has at most this and a chunk beyond a batch. */
const STEP_BYTES = 512 * 1024
/** What is kept between two changes and waits for nothing is handed on in portions of so many items. */
const MOST_ITEMS = 4096

/**
 * Cuts the surroundings of changes anew, where a whole ingest would: from the start of the chunk that a change has cut into, or
 * that it continues, to the end of a chunk that content decides and that was one before, or to the end of the segment.
 */
export class ChangeCutter {
  readonly counts = { newBytes: 0, storedBytes: 0 }
  readonly #core: StoreCore
  readonly #work: Work
  readonly #writer: ManifestWriter
  readonly #change: ChangedBytes
  readonly #running: { items: readonly Item[]; stored: Promise<Stored> }[] = []
  #batch: Batch | undefined

  constructor(core: StoreCore, work: Work, writer: ManifestWriter, change: ChangedBytes) {
    this.#core = core
    this.#work = work
    this.#writer = writer
    this.#change = change
  }

  /** A page of the former manifest in which nothing has changed. */
  async share(page: PageRef): Promise<void> {
    await this.#push({ page })
  }

  /** A span of the image: its former slices, cut at multiples of a segment, and what has changed there, cut likewise. */
  async span(pieces: readonly Slice[], changes: readonly Touched[]): Promise<void> {
    for (const { pieces: before, changes: touched, end } of segmentsOf(pieces, changes)) {
      if (touched.length === 0) await this.#push({ kept: before })
      else {
        await this.#expect(before, touched)
        await this.#segment(new TouchedSegment(before, touched, Math.min(end, this.#change.sizeBytes)))
      }
    }
  }

  /** Has the chunks that changes have cut into read, all of a segment at once. A failure is told by who needs one. */
  async #expect(pieces: readonly Slice[], changes: readonly Touched[]): Promise<void> {
    const cut = pieces.filter(piece => changes.some(change => overlap(piece, change)) && !isCovered(piece, changes))
    await this.#core.reader.expect(cut)
  }

  async finish(): Promise<void> {
    this.#seal()
    while (this.#running.length > 0) await this.#takeOldest()
  }

  /** Waits for what still uses the buffers, after a failure too. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.map(({ stored }) => stored))
    if (this.#batch) this.#core.segments.giveBack(this.#batch.buffer)
    this.#batch = undefined
  }

  async #segment(segment: TouchedSegment): Promise<void> {
    for (;;) {
      const { kept, start } = segment.next()
      await this.#push({ kept })
      if (start === undefined) return
      await this.#stretch(segment, start)
    }
  }

  /** Goes on until the last chunk ends by its content where one ended before: from there all is as it was. */
  async #stretch(segment: TouchedSegment, start: number): Promise<void> {
    let window: Window = { offset: start, length: 0, at: await this.#room() }
    let open = 0
    for (;;) {
      const part = segment.extend(endOf(window))
      if (!part) break
      while (endOf(window) < part.end) {
        const step = Math.min(part.end - endOf(window), STEP_BYTES)
        const rest = await this.#withRoom(window, open < 0 ? window.length : open, step)
        const { buffer } = this.#batch!
        const end = rest.at + rest.length
        await this.#fill(buffer.subarray(end, end + step), endOf(rest), part.pieces, part.changes)
        // Cut where the last chunk began: `rest` starts there if it is new.
        const from = rest === window ? Math.max(0, open < 0 ? window.length : open) : 0
        open = cutPages(buffer, rest.at + from, end + step, this.#writer.nominalBytes, () => {})
        if (open >= 0) open -= rest.at
        window = { ...rest, length: rest.length + step }
      }
      if (open < 0) break
    }
    await this.#end(window)
  }

  /** The bytes of a stretch: those of before, under what has changed. A slice that a change covers is not read. */
  async #fill(target: Uint8Array, from: number, pieces: readonly Slice[], changes: readonly Touched[]): Promise<void> {
    const whole = { offset: from, length: target.length }
    const touching = changes.filter(change => overlap(change, whole))
    const [first] = touching
    const isNew = first?.kind === 'data' && first.offset <= from && endOf(first) >= endOf(whole)
    if (!isNew) {
      target.fill(0)
      const needed = pieces.filter(piece => overlap(piece, whole) && !isCovered(piece, changes))
      await this.#core.reader.fill(
        needed.map(piece => clip(piece, from, endOf(whole))),
        from,
        target,
      )
    }
    for (const change of touching) {
      const start = Math.max(change.offset, from)
      const part = target.subarray(start - from, Math.min(endOf(change), endOf(whole)) - from)
      if (change.kind === 'data') await this.#change.read(start, part)
      else if (change.kind === 'zero') part.fill(0)
    }
  }

  /** Where the next window may start in the buffer: behind a page of zeros. */
  async #room(): Promise<number> {
    this.#batch ??= { buffer: await this.#core.segments.take(SEGMENT_BUFFER_BYTES), items: [], usedBytes: 0 }
    const { buffer, usedBytes } = this.#batch
    if (usedBytes === 0) return 0
    const at = (Math.ceil(usedBytes / PAGE_BYTES) + 1) * PAGE_BYTES
    if (at >= BATCH_BYTES) return at
    buffer.fill(0, usedBytes, at)
    return at
  }

  /**
   * The window, if its buffer has room for what comes to it. Else it ends at `cut`, where a chunk ends for good, and the rest of it
   * becomes another window in another buffer: chunks that begin anew there are those of one long window.
   */
  async #withRoom(window: Window, cut: number, moreBytes: number): Promise<Window> {
    const isAlone = window.at === 0 && cut === 0
    if (isAlone || window.at + window.length + moreBytes <= BATCH_BYTES) return window
    const bytes = Uint8Array.from(this.#batch!.buffer.subarray(window.at + cut, window.at + window.length))
    await this.#end({ ...window, length: cut })
    this.#seal()
    // As many buffers are on their way as there are threads, and one is filled.
    if (this.#running.length > this.#core.workers.count) await this.#takeOldest()
    const at = await this.#room()
    this.#batch!.buffer.set(bytes, at)
    return { offset: window.offset + cut, length: window.length - cut, at }
  }

  async #end(window: Window): Promise<void> {
    if (window.length === 0) return
    this.#batch!.usedBytes = window.at + window.length
    await this.#push({ window })
  }

  async #push(item: Item): Promise<void> {
    if ('kept' in item && item.kept.length === 0) return
    const last = this.#running.at(-1)
    if (this.#batch) this.#batch.items.push(item)
    else if (!last) await this.#write(item, [])
    else this.#batch = { buffer: await this.#core.segments.take(SEGMENT_BUFFER_BYTES), items: [item], usedBytes: 0 }
    if (this.#batch && this.#batch.items.length >= MOST_ITEMS) this.#seal()
  }

  /** Has the buffer cut for good and stored, while the next one is filled. */
  #seal(): void {
    const batch = this.#batch
    if (!batch) return
    this.#batch = undefined
    const { buffer, items, usedBytes } = batch
    const segment = { buffer, offset: 0, length: usedBytes }
    const stored = storeSegment(this.#core, segment, this.#writer.nominalBytes, this.#work)
    stored.catch(() => {}) // awaited in its turn; until then a failure is nobody's news
    this.#running.push({ items, stored })
  }

  async #takeOldest(): Promise<void> {
    const { items, stored } = this.#running[0]!
    const { slices, newBytes, storedBytes } = await stored
    this.#running.shift()
    this.counts.newBytes += newBytes
    this.counts.storedBytes += storedBytes
    for (const item of items) await this.#write(item, slices)
  }

  async #write(item: Item, slices: readonly Slice[]): Promise<void> {
    if ('page' in item) await this.#writer.share(item.page)
    else if ('kept' in item) await this.#writer.add(item.kept)
    else {
      const { at, offset, length } = item.window
      const own = slices.filter(slice => slice.offset >= at && slice.offset < at + length)
      await this.#writer.add(own.map(slice => ({ ...slice, offset: slice.offset - at + offset })))
    }
  }
}

interface Segment {
  readonly pieces: readonly Slice[]
  readonly changes: readonly Touched[]
  readonly end: number
}

/** The segments in which something is. */
function* segmentsOf(pieces: readonly Slice[], changes: readonly Touched[]): Generator<Segment> {
  let [piece, change] = [0, 0]
  while (piece < pieces.length || change < changes.length) {
    const next = Math.min(...[pieces[piece], changes[change]].map(each => each?.offset ?? Number.POSITIVE_INFINITY))
    const end = (Math.floor(next / SEGMENT_BYTES) + 1) * SEGMENT_BYTES
    const [firstPiece, firstChange] = [piece, change]
    while (piece < pieces.length && pieces[piece]!.offset < end) piece++
    while (change < changes.length && changes[change]!.offset < end) change++
    yield { pieces: pieces.slice(firstPiece, piece), changes: changes.slice(firstChange, change), end }
  }
}

const overlap = (a: Extent, b: Extent): boolean => a.offset < endOf(b) && b.offset < endOf(a)

const isCovered = (piece: Slice, changes: readonly Touched[]): boolean =>
  changes.some(change => change.kind !== 'same' && change.offset <= piece.offset && endOf(change) >= endOf(piece))
