import type { SparseBytes } from '#foundation/sparse-bytes.ts'

/** The bytes with a hole behind them, up to a whole multiple of `unitBytes`: Azure's disks are whole MiB. */
export const paddedBytes = (bytes: SparseBytes, unitBytes: number): SparseBytes => {
  const sizeBytes = Math.max(1, Math.ceil(bytes.sizeBytes / unitBytes)) * unitBytes
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
