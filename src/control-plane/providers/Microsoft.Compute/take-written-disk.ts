import type { Watch } from '#data-plane/chunks/chunk-store.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import type { ComputeParts } from './compute-parts.ts'
import { hiddenOf } from './disks/disk-document.ts'
import { diskError } from './disks/disk-errors.ts'
import { diskOf, type StoredDisk } from './stored-disk.ts'
import { hostDisk } from './virtualMachines/machine-disks.ts'

interface Place {
  readonly region: string
  readonly hold: string
}
type Parts = Pick<ComputeParts, 'regions' | 'hosting'> & { readonly resources: Pick<Resources, 'find'> }

/**
 * The bytes of a machine's disk as of now, also while the machine runs: what was written over the disk's own bytes becomes a manifest with
 * them, at the cost of what was written. When the machine is deallocated meanwhile, the disk itself has all of it, and that is taken.
 */
export const takeWrittenDisk = async (key: string, place: Place, parts: Parts, watch: Watch): Promise<StoredDisk> => {
  for (;;) {
    watch.signal?.throwIfAborted()
    const disk = await read(key, parts)
    const taken = disk.isWritten ? await takeChanges(disk, place, parts, watch) : undefined
    const now = await read(key, parts)
    // What was taken while the disk changed hands is of neither; it is done over, or left to the disk itself.
    if (now.stored.manifest !== disk.stored.manifest || now.isWritten !== disk.isWritten) continue
    if (taken) return taken
    await parts.regions.hold(place.region, disk.stored.manifest, place.hold, 1, watch)
    return disk.stored
  }
}

interface ReadDisk {
  readonly document: ResourceDocument
  readonly stored: StoredDisk
  /** The machine's host may have newer bytes. */
  readonly isWritten: boolean
}

const read = async (key: string, { resources }: Parts): Promise<ReadDisk> => {
  const document = await resources.find(key)
  const stored = document && diskOf(document)
  if (!document || !stored) throw diskError.sourceNotFound(key)
  return { document, stored, isWritten: hiddenOf(document).overlay === 'written' }
}

/** `undefined` if nothing was ever written. */
const takeChanges = async (
  { document, stored }: ReadDisk,
  { region, hold }: Place,
  { regions, hosting }: Parts,
  watch: Watch,
): Promise<StoredDisk | undefined> => {
  const changes = await hosting.machines.changes(hostDisk(document, regions))
  if (!changes) return undefined
  try {
    const { manifest } = await regions.ingestChange(region, stored.manifest, changes, hold, watch)
    return { manifest, sizeBytes: stored.sizeBytes }
  } finally {
    await changes.close()
  }
}
