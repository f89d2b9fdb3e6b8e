import type { OpenFile } from './files.ts'

/** A half-open byte range `[offset, offset + length)`. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** An open file to be written to by several threads: the system's, if it has a descriptor. */
export interface Outlet extends Pick<OpenFile, 'fd' | 'write'> {
  onWritten?(sizeBytes: number): void
}

/**
 * Random-access bytes with holes: a disk image of any format, a blob, a stored manifest.
 * The one type that decoders, the chunk store and the blob endpoint exchange.
 */
export interface SparseBytes {
  readonly sizeBytes: number
  /**
   * Where data may be, in ascending order, without overlap. What lies between is known to read as zeros.
   * May report zeros as data, never data as a hole. Offsets need no alignment.
   */
  extents(): AsyncIterable<Extent>
  /** Fills the whole of `target` from `offset`; throws when the range leaves `[0, sizeBytes)` or the bytes can't be had. */
  read(offset: number, target: Uint8Array): Promise<void>
  /** Fills `target` if that needs no waiting. Never throws: false says nothing, and is to be followed by `read`. */
  readNow?(offset: number, target: Uint8Array): boolean
  /**
   * Writes all of the data into an open file, each byte at its offset, in any order: faster than `read` where it exists. What it does not
   * write is zero. Nothing is written any more once it has ended, in whatever way.
   */
  writeTo?(to: Outlet, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** A range that has new content, or that is zeros now. */
export interface ChangedExtent extends Extent {
  readonly kind: 'data' | 'zero'
}

/** Bytes as what they have else than others: the overlay of a disk, say, or what was written since a copy was made. */
export interface ChangedBytes {
  readonly sizeBytes: number
  /** In ascending order, without overlap. What none covers is as it was, and zero beyond the end of what was. */
  changes(): AsyncIterable<ChangedExtent>
  /** Fills `target` from `offset`: a range that changes of kind `data` cover. */
  read(offset: number, target: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** The bytes of a buffer, without holes. */
export const bytesOf = (buffer: Uint8Array): SparseBytes => ({
  sizeBytes: buffer.length,
  async *extents() {
    if (buffer.length > 0) yield { offset: 0, length: buffer.length }
  },
  async read(offset, target) {
    requireRange(offset, target.length, buffer.length)
    target.set(buffer.subarray(offset, offset + target.length))
  },
  async close() {},
})

/** A window of other bytes: `[offset, offset + sizeBytes)`. Closing it closes them. */
export const sliceOf = (whole: SparseBytes, offset: number, sizeBytes: number): SparseBytes => {
  requireRange(offset, sizeBytes, whole.sizeBytes)
  return {
    sizeBytes,
    async *extents() {
      for await (const extent of whole.extents()) {
        const start = Math.max(extent.offset, offset)
        const end = Math.min(extent.offset + extent.length, offset + sizeBytes)
        if (start < end) yield { offset: start - offset, length: end - start }
      }
    },
    async read(at, target) {
      requireRange(at, target.length, sizeBytes)
      await whole.read(offset + at, target)
    },
    close: () => whole.close(),
  }
}

export function requireRange(offset: number, length: number, sizeBytes: number): void {
  if (offset < 0 || length < 0 || offset + length > sizeBytes)
    throw new RangeError(`Bytes ${offset} to ${offset + length} lie outside of 0 to ${sizeBytes}.`)
}
