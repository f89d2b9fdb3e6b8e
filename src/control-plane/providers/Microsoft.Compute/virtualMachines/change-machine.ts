import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { detachDisk } from '../disks/attach-disk.ts'
import { absorbDisk } from './absorb-disk.ts'
import { joinNic, leaveNic } from './find-nics.ts'
import { asHidden, machineOf } from './machine-document.ts'
import { failureOf } from './machine-failure.ts'
import { machineSpec } from './machine-spec.ts'
import { type Doing, makeDisks } from './make-disks.ts'
import type { ChangeInput } from './plan-change.ts'
import { readyDisks, startMachine, toldOfMachine } from './start-machine.ts'

/** Carries out what a PUT or PATCH changed of a machine that is there; while it runs, it runs on, unless it gets another size. */
export const changeMachine = (parts: ComputeParts): ResourceOperation => ({
  kind: 'change machine',
  async run({ document, input, step, signal, report }, arm) {
    const { attach, detach, join, leave, isResized } = input as unknown as ChangeInput
    const doing = { step, signal, report }
    await makeDisks(document, attach, parts, doing, arm)
    for (const id of leave) await step(`leave ${id}`, () => leaveNic(arm, id, document.id))
    for (const nic of join) await step(`join ${nic.id}`, () => joinNic(arm, nic, document.id))
    await apply(document, isResized, parts, doing, arm)
    for (const key of detach) await release(document, key, parts, doing, arm)
    return { hidden: asHidden({ failure: null }) }
  },
  explain: toldOfMachine,
  failed: (fault, document) => ({ hidden: asHidden(failureOf(fault, document)) }),
})

/** The machine as its document says by now: disks that left are no longer its, disks that came are. */
const apply = async (
  machine: ResourceDocument,
  isResized: boolean,
  parts: ComputeParts,
  { step }: Doing,
  arm: Arm,
): Promise<void> => {
  const { machines, limits } = parts.hosting
  const { vmId } = machineOf(machine)
  const isRunning = await step('look', async () => (await machines.state(vmId)).kind === 'running')
  if (!isRunning) return
  if (isResized) {
    await step('stop', () => machines.stop(vmId, limits.stopGraceMs))
    return await startMachine(machine, parts, arm)
  }
  await readyDisks(machine, parts, arm)
  await machines.apply(await machineSpec(machine, parts, arm))
}

/** A disk that left takes along what the machine wrote to it. */
const release = async (
  machine: ResourceDocument,
  key: string,
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  await absorbDisk(key, parts, doing, arm)
  await doing.step(`detach ${key}`, () => detachDisk(arm, key, machine.id))
}
