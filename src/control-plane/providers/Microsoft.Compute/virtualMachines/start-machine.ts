import { isDeepStrictEqual } from 'node:util'
import type { Arm } from '#arm/resource-type.ts'
import { HostFull, MachineFailed, type MachineState } from '#data-plane/machines/machines.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { requireNoAccess } from '../disks/access-actions.ts'
import { noteOverlay } from '../disks/attach-disk.ts'
import { hiddenOf as hiddenOfDisk } from '../disks/disk-document.ts'
import { told } from '../told.ts'
import { diskDocuments } from './machine-disks.ts'
import { asHidden, type HiddenOfMachine, hiddenOf, machineOf } from './machine-document.ts'
import { machineError } from './machine-errors.ts'
import { machineSpec } from './machine-spec.ts'

/** How often a host is asked whether a guest is ready. */
const LOOK_MS = 100

/** Saves something about a machine at once, if it is news. */
export const noteMachine = async (
  { resources }: Pick<Arm, 'resources'>,
  key: string,
  hidden: HiddenOfMachine,
): Promise<void> => {
  const news = Object.entries(asHidden(hidden))
  await resources.change(key, current =>
    // A member that is over says as much as one that never was.
    news.every(([name, value]) => isDeepStrictEqual(current.hidden[name] ?? null, value ?? null))
      ? undefined
      : { ...current, hidden: { ...current.hidden, ...asHidden(hidden) } },
  )
}

/**
 * Has the host run a machine. Before it does, each disk notes that newer bytes may be there from now on. All of it can be repeated.
 * Throws `ArmError` where the host has no room or can't run it.
 */
export const startMachine = async (
  machine: ResourceDocument,
  parts: Pick<ComputeParts, 'regions' | 'hosting'>,
  arm: Arm,
): Promise<void> => {
  const { machines, hostBoot } = parts.hosting
  await readyDisks(machine, parts, arm)
  try {
    await machines.start(await machineSpec(machine, parts, arm))
  } catch (fault) {
    throw asRefusal(fault, machine.name)
  }
  await noteMachine(arm, machine.key, { power: 'running', hostBoot: await hostBoot(), ended: null })
}

/** Notes of a machine's disks that from now on its host may have newer bytes of them. Throws for one that a signed URL is out for. */
export const readyDisks = async (
  machine: ResourceDocument,
  { hosting }: Pick<ComputeParts, 'hosting'>,
  arm: Arm,
): Promise<void> => {
  for (const disk of await diskDocuments(machine, arm)) {
    requireNoAccess(disk, arm.clock.now())
    const { overlay } = hiddenOfDisk(disk)
    if (overlay === 'spent') await hosting.machines.forgetDisk(disk.uid)
    if (overlay !== 'written') await noteOverlay(arm, disk.key, 'written')
  }
}

const asRefusal = (fault: unknown, name: string): unknown => {
  if (fault instanceof HostFull) return machineError.hostFull(fault.message)
  if (fault instanceof MachineFailed) return machineError.startFailed(name, fault.message)
  return fault
}

/** How the failure of work on a machine is told. */
export const toldOfMachine = (fault: unknown, machine: ResourceDocument): { code: string; message: string } => {
  const refusal = asRefusal(fault, machine.name)
  const { code, message } = refusal as { code?: string; message: string }
  return refusal === fault || code === undefined ? told(fault) : { code, message }
}

/** Keeps that the guest has reported that it is provisioned, for a host that has never seen it. */
export const noteProvisioned = async (machine: ResourceDocument, state: MachineState, arm: Arm): Promise<void> => {
  const { instanceId = machineOf(machine).vmId, provisioned } = hiddenOf(machine)
  if (state.kind === 'running' && state.isReady && provisioned !== instanceId)
    await noteMachine(arm, machine.key, { provisioned: instanceId })
}

/** Waits until the guest has reported that it is provisioned. Throws when it ends, or takes too long. */
export const awaitGuest = async (
  machine: ResourceDocument,
  { hosting }: ComputeParts,
  arm: Arm,
  signal: AbortSignal,
): Promise<void> => {
  const { machines, limits } = hosting
  const { clock } = arm
  for (;;) {
    signal.throwIfAborted()
    const state = await machines.state(machineOf(machine).vmId)
    if (state.kind !== 'running') throw machineError.startFailed(machine.name, endOf(state))
    if (state.isReady) return await noteProvisioned(machine, state, arm)
    if (clock.now().getTime() - Date.parse(state.startedAt) > limits.provisioningTimeoutMs)
      throw machineError.provisioningTimedOut(machine.name)
    await clock.sleep(LOOK_MS, signal)
  }
}

/** Why a machine does not run, in a sentence or two. */
export const endOf = (state: Exclude<MachineState, { kind: 'running' }>): string => {
  if (state.kind === 'stopped') return 'the guest switched itself off.'
  const lines = state.lastLines.length > 0 ? ` Its console ended with: ${state.lastLines.slice(-5).join(' | ')}` : ''
  return `${state.reason}${lines}`
}
