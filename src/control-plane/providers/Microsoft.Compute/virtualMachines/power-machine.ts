import type { Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { absorbDisk } from './absorb-disk.ts'
import { diskDocuments } from './machine-disks.ts'
import { asHidden, type HiddenOfMachine, hiddenOf, machineOf } from './machine-document.ts'
import { machineSpec } from './machine-spec.ts'
import type { Doing } from './make-disks.ts'
import type { PowerAction, PowerInput } from './power-actions.ts'
import { noteMachine, noteProvisioned, startMachine, toldOfMachine } from './start-machine.ts'

const phases: Readonly<Record<PowerAction, (HiddenOfMachine['phase'] & string) | null>> = {
  start: 'starting',
  restart: 'starting',
  redeploy: 'starting',
  reapply: null,
  powerOff: 'stopping',
  deallocate: 'deallocating',
}

/** Starts, stops, restarts and deallocates machines. */
export const powerMachine = (parts: ComputeParts): ResourceOperation => ({
  kind: 'power machine',
  async run({ document, input, step, signal, report }, arm) {
    const { action, skipShutdown = false } = input as unknown as PowerInput
    await noteMachine(arm, document.key, { phase: phases[action] })
    await noteProvisioned(document, await parts.hosting.machines.state(machineOf(document).vmId), arm)
    const graceMs = skipShutdown ? 0 : parts.hosting.limits.stopGraceMs
    await work(action, graceMs, document, parts, { step, signal, report }, arm)
    return { hidden: asHidden({ phase: null }) }
  },
  explain: toldOfMachine,
  failed: () => ({ hidden: asHidden({ phase: null }) }),
})

const work = async (
  action: PowerAction,
  graceMs: number,
  machine: ResourceDocument,
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  const { machines } = parts.hosting
  const { vmId } = machineOf(machine)
  switch (action) {
    case 'start':
      return await startMachine(machine, parts, arm)
    case 'reapply':
      return await machines.apply(await machineSpec(machine, parts, arm))
    case 'restart': {
      const isRunning = (await machines.state(vmId)).kind === 'running'
      // Once: a guest that has begun anew is not reset again when the server comes back.
      if (isRunning) return await doing.step('restart', () => machines.restart(vmId, graceMs))
      return await startMachine(machine, parts, arm)
    }
    case 'redeploy':
      await doing.step('stop', () => machines.stop(vmId, graceMs))
      return await startMachine(machine, parts, arm)
    case 'powerOff':
      await machines.stop(vmId, graceMs)
      return await noteMachine(arm, machine.key, stoppedFrom(machine))
    case 'deallocate':
      return await deallocate(machine, graceMs, parts, doing, arm)
  }
}

/** A deallocated machine stays that when it is switched off once more. */
const stoppedFrom = (machine: ResourceDocument): HiddenOfMachine => ({
  power: hiddenOf(machine).power === 'deallocated' ? 'deallocated' : 'stopped',
  ended: null,
})

/** Stops a machine and makes what it wrote its disks' own bytes; its host keeps nothing of it. */
export const deallocate = async (
  machine: ResourceDocument,
  graceMs: number,
  parts: ComputeParts,
  doing: Doing,
  arm: Arm,
): Promise<void> => {
  const { machines } = parts.hosting
  const { vmId } = machineOf(machine)
  await machines.stop(vmId, graceMs)
  const disks = await doing.step('disks', async () => (await diskDocuments(machine, arm)).map(({ key }) => key))
  for (const key of disks) await absorbDisk(key, parts, doing, arm)
  await machines.remove(vmId)
  await noteMachine(arm, machine.key, { power: 'deallocated', ended: null })
}
