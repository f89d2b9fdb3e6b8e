import type { Watch } from '#data-plane/chunks/chunk-store.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { diskHold, passingHold } from '../../../disk-holds.ts'
import { type TakeParts, takeDisk } from '../../../disk-origin.ts'
import { sizeInGB } from '../../../disk-size.ts'
import type { StoredDisk, StoredDisks } from '../../../stored-disk.ts'
import type { SourceDisk } from './find-sources.ts'
import { versionError } from './version-errors.ts'

export type IngestParts = TakeParts

const GIB = 2 ** 30
/** The largest disk in GB: 2 TB where it is copied in full, 32 TB where it stays in its region. */
const limitGB = { Full: 2048, Shallow: 32_768 }
type Mode = keyof typeof limitGB

/**
 * Brings the bytes of a version's disks under holds of its own in its home region. What is stored there already is only held once
 * more, and a fixed VHD loses its footer without being copied.
 */
export const ingestSources = async (
  version: ResourceDocument,
  sources: readonly SourceDisk[],
  mode: Mode,
  watch: Watch,
  parts: IngestParts,
): Promise<StoredDisks> => {
  const data: (StoredDisk & { lun: number })[] = []
  let os: StoredDisk | undefined
  for (const [index, { slot, origin }] of sources.entries()) {
    if ('sizeBytes' in origin) requireSize(origin.sizeBytes, mode)
    const disk = await takeOne(version, { slot, origin }, mode, shareOf(watch, index, sources.length), parts)
    if (slot === 'os') os = disk
    else data.push({ ...disk, lun: slot })
  }
  return { ...(os ? { os } : {}), data: data.toSorted((a, b) => a.lun - b.lun) }
}

/** Taken under a passing name first: which manifest the version's own hold is to name is known only then. */
const takeOne = async (
  version: ResourceDocument,
  { slot, origin }: SourceDisk,
  mode: Mode,
  watch: Watch,
  parts: IngestParts,
): Promise<StoredDisk> => {
  const region = version.location ?? ''
  const hold = passingHold(version, 'taken', `${slot}-${version.etag}`)
  try {
    const disk = await takeDisk(origin, { region, hold, diskName: version.name }, parts, watch)
    requireSize(disk.sizeBytes, mode)
    await parts.regions.hold(region, disk.manifest, diskHold(version, slot, disk), 1, watch)
    return disk
  } finally {
    await parts.regions.release(region, hold)
  }
}

const requireSize = (sizeBytes: number, mode: Mode) => {
  if (sizeBytes > limitGB[mode] * GIB) throw versionError.sourceTooLarge(sizeInGB(sizeBytes), limitGB[mode])
}

/** The disks are taken one after the other, each a like share of the whole. */
const shareOf = (watch: Watch, index: number, count: number): Watch => ({
  ...watch,
  onProgress: (doneBytes, totalBytes) => watch.onProgress?.(index + doneBytes / Math.max(1, totalBytes), count),
})
