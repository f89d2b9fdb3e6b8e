import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import { invariant } from '#foundation/invariant.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { detachDisk } from '../disks/attach-disk.ts'
import { hiddenUse } from '../galleries/sharing/image-use.ts'
import { type LeavingDisk, leaveDisk, osDiskToLeave, removeResource, strayDisks } from './leave-disk.ts'
import { asHidden, hiddenOf, machineOf, type StrayDisk } from './machine-document.ts'
import { type Doing, makeDisks } from './make-disks.ts'
import type { ReimageInput } from './reimage.ts'
import { awaitGuest, noteMachine, startMachine, toldOfMachine } from './start-machine.ts'

/**
 * Makes a machine's new OS disk, changes the machine over to it in one commit, lets go of the old one, and starts the machine unless it is
 * deallocated. Until that commit it is what it was.
 */
export const reimageMachine = (parts: ComputeParts): ResourceOperation => ({
  kind: 'reimage machine',
  async run({ document, input, step, signal, report }, arm) {
    const told = input as unknown as ReimageInput
    const doing = { step, signal, report }
    const isDeallocated = hiddenOf(document).power === 'deallocated'
    await noteMachine(arm, document.key, isDeallocated ? {} : { phase: 'starting' })
    await makeNewDisk(document, told, parts, doing, arm)
    report(30)
    await changeOver(document, told, parts, doing, arm)
    report(50)
    if (isDeallocated) return { hidden: asHidden({ phase: null }) }
    const machine = await arm.resources.find(document.key)
    invariant(machine, `Machine ${document.id} went away under its work.`)
    await startMachine(machine, parts, arm)
    if (told.instanceId !== undefined) await awaitGuest(machine, parts, arm, signal)
    return { hidden: asHidden({ phase: null }) }
  },
  explain: toldOfMachine,
  failed: () => ({ hidden: asHidden({ phase: null }) }),
  cancelled: () => ({ hidden: asHidden({ phase: null }) }),
})

const makeNewDisk = async (
  machine: ResourceDocument,
  { disk }: ReimageInput,
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  try {
    await makeDisks(machine, [disk], parts, doing, arm)
  } catch (fault) {
    // After a stop of the server the work goes on; a cancelled one leaves the disk to whoever works on the machine next.
    if (!doing.signal.aborted) await dropNewDisk(machine, disk.key, arm).catch(() => {})
    throw fault
  }
}

const dropNewDisk = async (machine: ResourceDocument, key: string, arm: Arm): Promise<void> => {
  await detachDisk(arm, key, machine.id)
  await removeResource(key, arm)
  await noteStrays(arm, machine.key, strays => strays.filter(stray => stray.key !== key))
}

const changeOver = async (
  machine: ResourceDocument,
  told: ReimageInput,
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  const { hosting } = parts
  const { vmId } = machineOf(machine)
  const { step } = doing
  const leaving = await step('disks', async () => await disksThatLeave(machine, told, arm))
  await step('stop', () => hosting.machines.stop(vmId, graceFor(leaving, hosting.limits.stopGraceMs)))
  await step('change over', () => commit(machine.key, told, leaving, arm))
  // Its host keeps nothing of the guest that it had: no settings of the firmware, no console.
  await step('clear', () => hosting.machines.remove(vmId))
  for (const disk of leaving) await leaveDisk(machine, disk, parts, doing, arm)
  await step('let go', () => noteStrays(arm, machine.key, () => []))
}

const disksThatLeave = async (machine: ResourceDocument, { disk }: ReimageInput, arm: Arm) => [
  ...(await osDiskToLeave(machine, arm)),
  ...(await strayDisks(machine, arm)).filter(({ key }) => key !== disk.key),
]

/** Nothing that the guest would still write is kept of a disk that goes. */
const graceFor = (leaving: readonly LeavingDisk[], graceMs: number): number =>
  leaving.every(({ goes }) => goes) ? 0 : graceMs

/** From here on it is the new machine, which does not run yet; the disks that it had are still to be let go of. */
const commit = async (key: string, told: ReimageInput, leaving: readonly StrayDisk[], arm: Arm): Promise<void> => {
  const { osDisk, imageReference, instanceId, use } = told
  const strays = leaving.map(({ key, goes }) => ({ key, goes }))
  await arm.resources.change(key, current => ({
    ...current,
    properties: {
      ...current.properties,
      storageProfile: { ...machineOf(current).storageProfile, osDisk, imageReference } as unknown as JsonObject,
    },
    hidden: {
      ...current.hidden,
      ...hiddenUse(use),
      ...asHidden({
        strays,
        ...(hiddenOf(current).power === 'deallocated' ? {} : { power: 'stopped', ended: null }),
        ...(instanceId === undefined ? {} : { instanceId }),
      }),
    },
  }))
}

const noteStrays = async (
  { resources }: Pick<Arm, 'resources'>,
  key: string,
  change: (strays: readonly StrayDisk[]) => readonly StrayDisk[],
): Promise<void> => {
  await resources.change(key, current => ({
    ...current,
    hidden: { ...current.hidden, ...asHidden({ strays: change(hiddenOf(current).strays ?? []) }) },
  }))
}
