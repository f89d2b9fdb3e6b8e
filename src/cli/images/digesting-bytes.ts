import { createHash } from 'node:crypto'
import { invariant } from '#foundation/invariant.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'

const zeros = Buffer.alloc(2 ** 20)

export interface DigestingBytes extends SparseBytes {
  /** Ends the computation, counting what was not read as zeros. */
  sha256(): string
  /** How much was read so far. */
  readBytes(): number
}

/**
 * Bytes that compute their own SHA-256, as `sha256sum` of the whole raw file would, while somebody reads them once from the
 * front to the back. What is left out between two reads counts as zeros: the reader skips holes only.
 */
export const digestingBytes = (bytes: SparseBytes): DigestingBytes => {
  const hash = createHash('sha256')
  let hashedBytes = 0
  let readBytes = 0
  const skipTo = (offset: number) => {
    for (; hashedBytes < offset; hashedBytes += Math.min(zeros.length, offset - hashedBytes))
      hash.update(zeros.subarray(0, Math.min(zeros.length, offset - hashedBytes)))
  }
  return {
    sizeBytes: bytes.sizeBytes,
    extents: () => bytes.extents(),
    async read(offset, target) {
      await bytes.read(offset, target)
      invariant(offset >= hashedBytes, 'A digest needs its bytes in order.')
      skipTo(offset)
      hash.update(target)
      hashedBytes += target.length
      readBytes += target.length
    },
    close: () => bytes.close(),
    sha256() {
      skipTo(bytes.sizeBytes)
      return hash.digest('hex')
    },
    readBytes: () => readBytes,
  }
}
