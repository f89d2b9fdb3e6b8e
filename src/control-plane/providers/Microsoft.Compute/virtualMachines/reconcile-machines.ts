import type { Arm } from '#arm/resource-type.ts'
import type { MachineState } from '#data-plane/machines/machines.ts'
import type { Log } from '#foundation/log.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { hiddenOf, machineOf, machineType } from './machine-document.ts'
import { machineSpec } from './machine-spec.ts'
import { endOf, noteMachine, noteProvisioned, startMachine } from './start-machine.ts'

type Parts = Pick<ComputeParts, 'regions' | 'hosting'>

/**
 * Makes what the host runs what the documents say: a machine that ran when the host went down is started again, one that runs takes over
 * changes of its network, one that ended is noted as that and left alone, as Azure's platform would. What work is being done on is
 * that work's to settle.
 */
export const reconcileMachines = async (parts: Parts, arm: Arm, log: Log): Promise<void> => {
  const machines = eachDocument(arm.resources, { type: machineType })
  const look = async () => {
    for await (const machine of machines) {
      if (hiddenOf(machine).power !== 'running' || isBusy(machine)) continue
      await settle(machine, parts, arm).catch(fault => {
        const { name, message } = fault as Error
        log.warn('A virtual machine could not be brought to the state that it should have.', {
          machine: machine.id,
          reason: `${name}: ${message}`,
        })
      })
    }
  }
  // A generator hands each of its machines to one of those who ask.
  await Promise.all(Array.from({ length: AT_A_TIME }, look))
}

/** After a start of ours guests wait for their metadata: one whose host is slow keeps no other from them. */
const AT_A_TIME = 8

const isBusy = (machine: ResourceDocument): boolean =>
  ['Creating', 'Updating', 'Deleting'].includes(machine.provisioningState) || Boolean(hiddenOf(machine).phase)

const settle = async (machine: ResourceDocument, parts: Parts, arm: Arm): Promise<void> => {
  const { machines, hostBoot } = parts.hosting
  const state = await machines.state(machineOf(machine).vmId)
  if (state.kind === 'running') {
    await noteProvisioned(machine, state, arm)
    await machines.apply(await machineSpec(machine, parts, arm))
    return await noteLateGuest(machine, state, arm)
  }
  const wasHostStarted = hiddenOf(machine).hostBoot !== (await hostBoot())
  if (wasHostStarted) return await startAgain(machine, parts, arm)
  const ended = { reason: endOf(state), time: arm.clock.now().toISOString() }
  await noteMachine(arm, machine.key, { power: 'stopped', ended })
}

const startAgain = async (before: ResourceDocument, parts: Parts, arm: Arm): Promise<void> => {
  const machine = await arm.resources.find(before.key)
  if (!machine || isBusy(machine) || hiddenOf(machine).power !== 'running') return
  try {
    await startMachine(machine, parts, arm)
  } catch (fault) {
    // It stays one that should run: the next round, with more room, tries again.
    const { message: reason } = fault as Error
    if (hiddenOf(machine).ended?.reason !== reason)
      await noteMachine(arm, machine.key, { ended: { reason, time: arm.clock.now().toISOString() } })
    throw fault
  }
}

/** A guest that reported after its creation had given it up is provisioned all the same. */
const noteLateGuest = async (
  machine: ResourceDocument,
  { isReady }: Extract<MachineState, { kind: 'running' }>,
  { resources }: Arm,
): Promise<void> => {
  const isLate = (document: ResourceDocument) =>
    document.provisioningState === 'Failed' && hiddenOf(document).failure?.code === 'OSProvisioningTimedOut'
  if (!isReady || !isLate(machine)) return
  await resources.change(machine.key, current =>
    isLate(current)
      ? { ...current, provisioningState: 'Succeeded', hidden: { ...current.hidden, failure: null } }
      : undefined,
  )
}

/** Removes what no document stands on: machines and overlays that a crash in the middle of a removal left. */
export const removeOrphans = async ({ hosting }: Parts, arm: Arm, log: Log): Promise<void> => {
  const { machines } = hosting
  // Looked at before the documents: whatever comes later has its document first.
  const [ids, disks] = [await machines.list(), await machines.listDisks()]
  if (ids.length + disks.length === 0) return
  const known = new Set<string>()
  for await (const machine of eachDocument(arm.resources, { type: machineType })) known.add(machineOf(machine).vmId)
  for await (const disk of eachDocument(arm.resources, { type: 'Microsoft.Compute/disks' })) known.add(disk.uid)
  for (const id of ids) {
    if (known.has(id)) continue
    log.info('a virtual machine without document is removed', { machine: id })
    await machines.remove(id)
  }
  for (const id of disks) if (!known.has(id)) await machines.forgetDisk(id)
}
