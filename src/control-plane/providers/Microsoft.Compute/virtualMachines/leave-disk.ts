import type { Arm } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { detachDisk } from '../disks/attach-disk.ts'
import { hiddenOf as hiddenOfDisk } from '../disks/disk-document.ts'
import { diskOf } from '../stored-disk.ts'
import { absorbDisk } from './absorb-disk.ts'
import { refusalOf } from './find-nics.ts'
import { diskDocuments } from './machine-disks.ts'
import { disksOfMachine, hiddenOf, machineOf, type StrayDisk } from './machine-document.ts'
import type { Doing } from './make-disks.ts'

/** A disk that a machine lets go of: it goes with that, or stays as what the machine made of it. */
export interface LeavingDisk extends StrayDisk {
  readonly uid: string
}

/** All disks of a machine that goes. */
export const disksToLeave = async (machine: ResourceDocument, arm: Arm): Promise<readonly LeavingDisk[]> => {
  const profiles = disksOfMachine(machine)
  const known = (await diskDocuments(machine, arm)).map(disk => {
    const profile = profiles.find(({ managedDisk }) => managedDisk?.id?.toLowerCase() === disk.key)
    return leaving(disk, profile?.deleteOption === 'Delete')
  })
  return [...known, ...(await strayDisks(machine, arm))]
}

/** The OS disk of a machine that gets another one. */
export const osDiskToLeave = async (machine: ResourceDocument, arm: Arm): Promise<readonly LeavingDisk[]> => {
  const { managedDisk, deleteOption } = machineOf(machine).storageProfile?.osDisk ?? {}
  const key = managedDisk?.id?.toLowerCase() ?? ''
  const disk = (await diskDocuments(machine, arm)).find(one => one.key === key)
  return disk ? [leaving(disk, deleteOption === 'Delete')] : []
}

/** Disks that work which was cut short has left a machine with. */
export const strayDisks = async (machine: ResourceDocument, { resources }: Arm): Promise<readonly LeavingDisk[]> => {
  const found: LeavingDisk[] = []
  for (const { key, goes } of hiddenOf(machine).strays ?? []) {
    const disk = await resources.find(key)
    if (disk && hiddenOfDisk(disk).attachment?.machine === machine.id) found.push(leaving(disk, goes))
  }
  return found
}

// A disk whose creation was cut short has nothing that could be kept.
const leaving = (disk: ResourceDocument, goes: boolean): LeavingDisk => ({
  key: disk.key,
  uid: disk.uid,
  goes: goes || !diskOf(disk),
})

/** Carries it out. The machine must not run. */
export const leaveDisk = async (
  machine: ResourceDocument,
  { key, uid, goes }: LeavingDisk,
  parts: ComputeParts,
  doing: Pick<Doing, 'step' | 'signal'>,
  arm: Arm,
): Promise<void> => {
  if (!goes) await absorbDisk(key, parts, doing, arm)
  await doing.step(`detach ${key}`, () => detachDisk(arm, key, machine.id))
  if (!goes) return
  await doing.step(`forget ${key}`, () => parts.hosting.machines.forgetDisk(uid))
  await doing.step(`delete ${key}`, () => removeResource(key, arm))
}

/** Deletes a resource with the server's own rights; one that is gone is fine. */
export const removeResource = async (id: string, arm: Arm): Promise<void> => {
  const answer = await arm.complete({ method: 'DELETE', path: id, caller: arm.itself, origin: '' })
  if (answer.status >= 400 && answer.status !== 404) throw refusalOf(answer)
}
