import { createHash } from 'node:crypto'
import { invariant } from '#foundation/invariant.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'

const zeros = Buffer.alloc(2 ** 20)

export interface DigestingBytes extends SparseBytes {
  /** Ends the computation, counting what was not read as zeros. */
  sha256(): Promise<string>
  /** How much was read so far. */
  readBytes(): number
}

/**
 * Bytes that compute their own SHA-256, as `sha256sum` of the whole raw file would, while somebody reads them once from the
 * front to the back. What is left out between two reads counts as zeros: the reader skips holes only. A hole of terabytes takes an
 * hour: others have their turns meanwhile, and the signal ends it.
 */
export const digestingBytes = (bytes: SparseBytes, signal?: AbortSignal): DigestingBytes => {
  const hash = createHash('sha256')
  let hashedBytes = 0
  let readBytes = 0
  const skipTo = async (offset: number) => {
    while (hashedBytes < offset) {
      const part = zeros.subarray(0, Math.min(zeros.length, offset - hashedBytes))
      hash.update(part)
      hashedBytes += part.length
      if (part.length < zeros.length) continue
      await new Promise(resolve => setImmediate(resolve))
      signal?.throwIfAborted()
    }
  }
  return {
    sizeBytes: bytes.sizeBytes,
    extents: () => bytes.extents(),
    async read(offset, target) {
      await bytes.read(offset, target)
      invariant(offset >= hashedBytes, 'A digest needs its bytes in order.')
      await skipTo(offset)
      hash.update(target)
      hashedBytes += target.length
      readBytes += target.length
    },
    close: () => bytes.close(),
    async sha256() {
      await skipTo(bytes.sizeBytes)
      return hash.digest('hex')
    },
    readBytes: () => readBytes,
  }
}
