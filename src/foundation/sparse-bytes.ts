/** A half-open byte range `[offset, offset + length)`. */
export interface Extent {
  readonly offset: number
  readonly length: number
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
