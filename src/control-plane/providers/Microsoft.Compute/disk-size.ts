const mebibyte = 2 ** 20
const gibibyte = 2 ** 30

/**
 * What Azure calls GB of a disk: whole GiB, at least one. A size that is a little over rounds down, as Azure itself shows 127 GB
 * for the 136,367,308,800 bytes of a Windows image (127 GiB and 1 MiB).
 */
export const sizeInGB = (sizeBytes: number): number => Math.max(1, Math.floor(sizeBytes / gibibyte))

export const bytesOfGB = (sizeGB: number): number => sizeGB * gibibyte

/** Disks are whole MiB. */
export const isWholeMebibytes = (sizeBytes: number): boolean => sizeBytes > 0 && sizeBytes % mebibyte === 0

/** The bytes that a wish of `sizeGB` means for a source: `undefined` when the source does not fit. */
export const grownSize = (sizeGB: number | undefined, sourceBytes: number): number | undefined => {
  if (sizeGB === undefined) return sourceBytes
  if (bytesOfGB(sizeGB) >= sourceBytes) return bytesOfGB(sizeGB)
  return sizeGB >= sizeInGB(sourceBytes) ? sourceBytes : undefined
}
