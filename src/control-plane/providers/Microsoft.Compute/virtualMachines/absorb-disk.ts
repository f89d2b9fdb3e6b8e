import type { Arm } from '#arm/resource-type.ts'
import { invariant } from '#foundation/invariant.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold, passingHold } from '../disk-holds.ts'
import { asHidden, hiddenOf } from '../disks/disk-document.ts'
import { diskOf, type StoredDisk } from '../stored-disk.ts'
import { hostDisk } from './machine-disks.ts'
import type { Doing } from './make-disks.ts'

/**
 * Makes what a machine has written the disk's own bytes, at the cost of what was written: over the old ones the changes become a new
 * manifest, the document changes to that in one commit, and the host forgets what it had. The machine must not run.
 */
export const absorbDisk = async (
  key: string,
  parts: ComputeParts,
  { step, signal }: Pick<Doing, 'step' | 'signal'>,
  arm: Arm,
): Promise<void> => {
  const disk = await arm.resources.find(key)
  if (!disk) return
  const { regions, hosting } = parts
  const region = disk.location ?? ''
  // Found out once: after the commit there is nothing of the old disk to be seen.
  const old = await step(`look at ${key}`, async () => ({
    overlay: hiddenOf(disk).overlay ?? null,
    stored: diskOf(disk) ?? null,
  }))
  if (old.overlay === null || !old.stored) return
  if (old.overlay === 'written') {
    const before = old.stored
    const taken = await step(`take in ${key}`, () => takeIn(disk, before, parts, signal))
    await step(`hold ${key}`, async () => {
      await regions.hold(region, taken.manifest, diskHold(disk, 'disk', taken), 1, { signal })
    })
    await step(`commit ${key}`, () => commit(key, taken, arm))
    await step(`let go of ${key}`, async () => {
      await regions.release(region, passingHold(disk, 'taken', before.manifest))
      if (taken.manifest !== before.manifest) await regions.release(region, diskHold(disk, 'disk', before))
    })
  }
  await step(`forget ${key}`, async () => {
    await hosting.machines.forgetDisk(disk.uid)
    await arm.resources.change(key, current => ({
      ...current,
      hidden: { ...current.hidden, ...asHidden({ overlay: null }) },
    }))
  })
}

const takeIn = async (
  disk: ResourceDocument,
  before: StoredDisk,
  { regions, hosting }: ComputeParts,
  signal: AbortSignal,
): Promise<StoredDisk> => {
  const changes = await hosting.machines.changes(hostDisk(disk, regions))
  if (!changes) return before
  try {
    const hold = passingHold(disk, 'taken', before.manifest)
    const { manifest } = await regions.ingestChange(disk.location ?? '', before.manifest, changes, hold, { signal })
    return { manifest, sizeBytes: before.sizeBytes }
  } finally {
    await changes.close()
  }
}

const commit = async (key: string, disk: StoredDisk, arm: Arm): Promise<void> => {
  const changed = await arm.resources.change(key, current => ({
    ...current,
    hidden: { ...current.hidden, ...asHidden({ disk, overlay: 'spent' }) },
  }))
  invariant(changed, `Disk ${key} went away under its machine.`)
}
