import type { ChangedExtent, Extent } from '#foundation/sparse-bytes.ts'
import type { Slice } from './manifest.ts'
import { PAGE_BYTES } from './page-cut.ts'

/** A change; `same` has the bytes of before, and is cut anew all the same: where the image ends now. */
export interface Touched extends Extent {
  readonly kind: ChangedExtent['kind'] | 'same'
}

export const endOf = ({ offset, length }: Extent): number => offset + length
const pageDown = (offset: number): number => offset - (offset % PAGE_BYTES)
const pageUp = (offset: number): number => Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES

/**
 * One segment of an image, its former slices and its changes, gone through in order: what stays, and stretches that are cut anew.
 * These consist of whole pages, and cut no former slice.
 */
export class TouchedSegment {
  readonly #pieces: readonly Slice[]
  readonly #changes: readonly Touched[]
  readonly #limit: number
  #piece = 0
  #change = 0

  /** `limit` is where the segment ends, or the image. */
  constructor(pieces: readonly Slice[], changes: readonly Touched[], limit: number) {
    this.#pieces = pieces
    this.#changes = changes
    this.#limit = limit
  }

  /** The slices that stay before the next stretch, and where that starts: undefined after the last one. */
  next(): { kept: readonly Slice[]; start: number | undefined } {
    const pieces = this.#pieces
    const change = this.#changes[this.#change]
    const first = this.#piece
    if (!change) {
      this.#piece = pieces.length
      return { kept: pieces.slice(first), start: undefined }
    }
    let start = pageDown(change.offset)
    let at = first
    while (at < pieces.length && endOf(pieces[at]!) <= start) at++
    for (;;) {
      const reaching = pieces[at]
      if (reaching && reaching.offset < start) start = pageDown(reaching.offset)
      const before = at > first ? pieces[at - 1]! : undefined
      // What comes right behind a slice, where nothing was, may belong to its last chunk.
      const goesOn = before && endOf(before) === start && reaching?.offset !== start
      if (!before || !(goesOn || endOf(before) > start)) break
      at--
    }
    this.#piece = at
    return { kept: pieces.slice(first, at), start }
  }

  /** The next part of a stretch: the page at `from` and whatever reaches beyond it; undefined if nothing is there. */
  extend(from: number): { end: number; pieces: readonly Slice[]; changes: readonly Touched[] } | undefined {
    const [firstPiece, firstChange] = [this.#piece, this.#change]
    let end = Math.min(this.#limit, from + PAGE_BYTES)
    for (;;) {
      const piece = this.#pieces[this.#piece]
      const change = this.#changes[this.#change]
      const next = piece && piece.offset < end ? piece : change
      if (!next || next.offset >= end) break
      if (next === piece) this.#piece++
      else this.#change++
      end = Math.max(end, pageUp(endOf(next)))
    }
    const pieces = this.#pieces.slice(firstPiece, this.#piece)
    const changes = this.#changes.slice(firstChange, this.#change)
    return pieces.length + changes.length === 0 ? undefined : { end: Math.min(end, this.#limit), pieces, changes }
  }
}
