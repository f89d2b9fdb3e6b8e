import type { Arm } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { type Attachment, asHidden, type HiddenOfDisk, hiddenOf } from './disk-document.ts'
import { diskError } from './disk-errors.ts'

type Documents = Pick<Arm, 'resources' | 'clock'>

/** Makes a disk a machine's. Repeatable. Throws when it is another one's. */
export const attachDisk = async (
  { resources, clock }: Documents,
  key: string,
  attachment: Attachment,
): Promise<void> => {
  await resources.change(key, disk => {
    const its = hiddenOf(disk).attachment
    if (its && its.machine !== attachment.machine)
      throw diskError.attachedElsewhere(disk.id, attachment.machine, its.machine)
    return owned(disk, { attachment }, attachment.machine, clock.now())
  })
}

/** Makes a machine's disk nobody's. Repeatable; a disk that is another one's, or gone, stays as it is. */
export const detachDisk = async ({ resources, clock }: Documents, key: string, machine: string): Promise<void> => {
  await resources.change(key, disk =>
    hiddenOf(disk).attachment?.machine === machine
      ? owned(disk, { attachment: null }, undefined, clock.now())
      : undefined,
  )
}

const owned = (
  disk: ResourceDocument,
  hidden: HiddenOfDisk,
  owner: string | undefined,
  now: Date,
): ResourceDocument => {
  const { managedBy: _, ...envelope } = disk.envelope
  return {
    ...disk,
    envelope: { ...envelope, ...(owner === undefined ? {} : { managedBy: owner }) },
    properties: { ...disk.properties, LastOwnershipUpdateTime: now.toISOString() },
    hidden: { ...disk.hidden, ...asHidden(hidden) },
  }
}

/** Notes of a disk what its machine's host has of it. */
export const noteOverlay = async (
  { resources }: Pick<Arm, 'resources'>,
  key: string,
  overlay: HiddenOfDisk['overlay'] & string,
): Promise<void> => {
  await resources.change(key, disk => ({ ...disk, hidden: { ...disk.hidden, ...asHidden({ overlay }) } }))
}
