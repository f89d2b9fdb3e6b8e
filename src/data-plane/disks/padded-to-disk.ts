import type { SparseBytes } from '#foundation/sparse-bytes.ts'

// Azure takes uploads of whole MiB, and none smaller than 20 MiB.
const unitBytes = 2 ** 20
const leastBytes = 20 * unitBytes

/** The size that Azure takes for a disk of so many bytes. */
export const diskBytesFor = (imageBytes: number): number =>
  Math.max(leastBytes, Math.ceil(imageBytes / unitBytes) * unitBytes)

/** The bytes with a hole behind them, up to a size that Azure takes for a disk. */
export const paddedToDisk = (bytes: SparseBytes): SparseBytes => {
  const sizeBytes = diskBytesFor(bytes.sizeBytes)
  if (sizeBytes === bytes.sizeBytes) return bytes
  return {
    sizeBytes,
    extents: () => bytes.extents(),
    async read(offset, target) {
      const inside = Math.max(0, Math.min(target.length, bytes.sizeBytes - offset))
      if (inside > 0) await bytes.read(offset, target.subarray(0, inside))
      target.fill(0, inside)
    },
    close: () => bytes.close(),
  }
}
