import { createHash } from 'node:crypto'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'

const zeros = Buffer.alloc(2 ** 20)

/**
 * Bytes that compute their own SHA-256, as `sha256sum` of the whole raw file would, while somebody reads them once from the
 * front to the back. What is left out between two reads counts as zeros: the reader skips holes only.
 */
export const digestingBytes = (bytes: SparseBytes): SparseBytes & { sha256(): string | undefined } => {
  const hash = createHash('sha256')
  let hashedBytes = 0
  let isInOrder = true
  const skipTo = (offset: number) => {
    for (; hashedBytes < offset; hashedBytes += Math.min(zeros.length, offset - hashedBytes))
      hash.update(zeros.subarray(0, Math.min(zeros.length, offset - hashedBytes)))
  }
  return {
    sizeBytes: bytes.sizeBytes,
    extents: () => bytes.extents(),
    async read(offset, target) {
      await bytes.read(offset, target)
      if (offset < hashedBytes) isInOrder = false
      if (!isInOrder) return
      skipTo(offset)
      hash.update(target)
      hashedBytes += target.length
    },
    close: () => bytes.close(),
    /** Ends the computation. `undefined` when the bytes were not read in order. */
    sha256() {
      if (!isInOrder) return undefined
      skipTo(bytes.sizeBytes)
      return hash.digest('hex')
    },
  }
}
