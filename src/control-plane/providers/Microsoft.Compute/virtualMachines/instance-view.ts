import type { MachineState } from '#data-plane/machines/machines.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { type HiddenOfMachine, hiddenOf, machineOf } from './machine-document.ts'
import { endOf } from './start-machine.ts'

interface Status {
  readonly code: string
  readonly level: 'Info' | 'Warning' | 'Error'
  readonly displayStatus: string
  readonly message?: string
  readonly time?: string
}

/** What is to be seen of a machine beside what its owner wrote: whether it runs, and what became of it. */
export const instanceView = (
  machine: ResourceDocument,
  state: MachineState,
  disks: readonly ResourceDocument[],
): JsonObject => {
  const { osProfile } = machineOf(machine)
  const { generation = 'V1' } = hiddenOf(machine)
  return {
    ...(osProfile?.computerName === undefined ? {} : { computerName: osProfile.computerName }),
    hyperVGeneration: generation,
    ...(state.kind === 'running' ? { vmAgent: agentOf(state) } : {}),
    disks: disks.map(({ name, systemData }) => ({
      name,
      statuses: [
        {
          code: 'ProvisioningState/succeeded',
          level: 'Info',
          displayStatus: 'Provisioning succeeded',
          time: systemData.createdAt,
        },
      ],
    })),
    bootDiagnostics: {},
    statuses: statusesOf(machine, state) as unknown as readonly JsonObject[],
  }
}

/** What the guest has told: nothing asks for the version of its agent. */
const agentOf = ({ isReady, report, startedAt }: Extract<MachineState, { kind: 'running' }>): JsonObject => ({
  vmAgentVersion: 'Unknown',
  statuses: [
    isReady
      ? {
          code: 'ProvisioningState/succeeded',
          level: 'Info',
          displayStatus: 'Ready',
          message: 'The guest has reported that it is ready.',
          time: startedAt,
        }
      : {
          code: 'ProvisioningState/Unavailable',
          level: 'Warning',
          displayStatus: 'Not Ready',
          message: report ?? 'The guest has not reported that it is ready.',
          time: startedAt,
        },
  ],
})

/** The states of a machine, as lists with `statusOnly` have them too. */
export const statusesOf = (machine: ResourceDocument, state: MachineState): readonly Status[] => {
  const { generalizedAt } = hiddenOf(machine)
  return [
    provisioningStatus(machine, state),
    ...(generalizedAt
      ? [{ code: 'OSState/generalized', level: 'Info', displayStatus: 'VM generalized', time: generalizedAt } as const]
      : []),
    powerStatus(machine, state),
  ]
}

const provisioningStatus = (
  { provisioningState, systemData, hidden }: ResourceDocument,
  machine: MachineState,
): Status => {
  const { failure, waiting } = hidden as HiddenOfMachine
  const message = waiting ?? (machine.kind === 'running' ? machine.report : undefined)
  const time = systemData.lastModifiedAt
  const state = provisioningState.toLowerCase()
  if (provisioningState === 'Failed' && failure)
    return {
      code: `ProvisioningState/failed/${failure.code}`,
      level: 'Error',
      displayStatus: 'Provisioning failed',
      message: failure.message,
    }
  if (provisioningState === 'Succeeded')
    return { code: 'ProvisioningState/succeeded', level: 'Info', displayStatus: 'Provisioning succeeded', time }
  return {
    code: `ProvisioningState/${state}`,
    level: provisioningState === 'Failed' ? 'Error' : 'Info',
    displayStatus: provisioningState,
    ...(message ? { message } : {}),
  }
}

/** As Azure names it: what is being done now, else what the host says of a machine that is allocated. */
const powerStatus = (machine: ResourceDocument, state: MachineState): Status => {
  const { phase, power, ended } = hiddenOf(machine)
  if (phase) return { code: `PowerState/${phase}`, level: 'Info', displayStatus: `VM ${phase}` }
  if (state.kind === 'running') return { code: 'PowerState/running', level: 'Info', displayStatus: 'VM running' }
  if (power === undefined || power === 'deallocated')
    return { code: 'PowerState/deallocated', level: 'Info', displayStatus: 'VM deallocated' }
  const reason = ended?.reason ?? (state.kind === 'died' ? endOf(state) : undefined)
  return {
    code: 'PowerState/stopped',
    level: state.kind === 'died' ? 'Error' : 'Info',
    displayStatus: 'VM stopped',
    ...(reason === undefined ? {} : { message: reason }),
  }
}
