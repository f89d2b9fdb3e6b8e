import { createHash } from 'node:crypto'
import { isUuid } from '#foundation/random.ts'
import type { MachineSpec } from '../machines.ts'

/** What Azure's hypervisor says for every machine: cloud-init, the agent and others take it for the proof of being on Azure. */
const azureAssetTag = '7783-7084-3265-9085-8269-3286-77'

/** QEMU separates values by commas and takes two of them for one. */
const quoted = (value: string) => value.replaceAll(',', ',,')

/**
 * The machine's UUID as its firmware tells it, which cloud-init's Azure data source takes for the instance's id: the instance id
 * itself where that is a UUID, else one made of it.
 */
export const firmwareUuid = (instanceId: string): string => {
  if (isUuid(instanceId)) return instanceId.toLowerCase()
  const hex = createHash('sha256').update(`instance ${instanceId}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** The machine id that a guest is to have. What systemd itself makes of an empty one under KVM: the firmware's UUID without dashes. */
export const guestMachineId = (instanceId: string): string => firmwareUuid(instanceId).replaceAll('-', '')

/**
 * Credentials that systemd reads from the firmware. The first, since 254, is the id for a guest that has none yet. The second is a
 * line for systemd-tmpfiles, since 252, and writes it at each start: a guest that was captured with its source's id gets its own,
 * whatever the agents in it did or left.
 */
const machineIdCredentials = (instanceId: string): string[] => {
  const id = guestMachineId(instanceId)
  const line = Buffer.from(`f+ /etc/machine-id 0444 root root - ${id}\\n\n`)
  return [
    `io.systemd.credential:system.machine_id=${id}`,
    `io.systemd.credential.binary:tmpfiles.extra=${line.toString('base64')}`,
  ]
}

/**
 * Arguments that make the firmware tell what Azure's would. `seedUrl` is where NoCloud finds its seed, for images without
 * the Azure data source, see `seedPath`; without `dsmode`, cloud-init 22.4 reads it and goes on without it. A machine that is not
 * provisioned is told neither a seed nor a machine id.
 */
export const smbiosArguments = (spec: MachineSpec, seedUrl: string): string[] => {
  const { instanceId, login } = spec.identity
  const credentials = login ? machineIdCredentials(instanceId) : []
  return [
    '-uuid',
    firmwareUuid(instanceId),
    ...(login
      ? ['-smbios', `type=1,serial=${quoted(`ds=nocloud;dsmode=net;i=${firmwareUuid(instanceId)};s=${seedUrl}`)}`]
      : []),
    '-smbios',
    `type=3,asset=${azureAssetTag}`,
    ...credentials.flatMap(value => ['-smbios', `type=11,value=${quoted(value)}`]),
  ]
}
