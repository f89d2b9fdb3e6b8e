import type { Arm } from '#arm/resource-type.ts'
import type { MachineIdentity, MachineSpec } from '#data-plane/machines/machines.ts'
import { invariant } from '#foundation/invariant.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskDocuments, hostDisk } from './machine-disks.ts'
import { hiddenOf, machineOf } from './machine-document.ts'
import { hostNics } from './machine-nics.ts'
import { findVmSize } from './vm-sizes.ts'

/** A machine as its host is to run it, by what its own document and those of its disks and network interfaces say now. */
export const machineSpec = async (
  machine: ResourceDocument,
  { regions }: Pick<ComputeParts, 'regions'>,
  arm: Arm,
): Promise<MachineSpec> => {
  const { vmId, hardwareProfile } = machineOf(machine)
  const size = findVmSize(hardwareProfile?.vmSize ?? '')
  invariant(size, `Machine ${machine.id} has no size.`)
  return {
    id: vmId,
    label: machine.name,
    cores: size.cores,
    memoryMiB: size.memoryMiB,
    generation: hiddenOf(machine).generation ?? 'V1',
    disks: (await diskDocuments(machine, arm)).map(disk => hostDisk(disk, regions)),
    nics: await hostNics(machine, arm),
    identity: guestIdentity(machine),
  }
}

const guestIdentity = (machine: ResourceDocument): MachineIdentity => {
  const { vmId, osProfile } = machineOf(machine)
  const { instanceId = vmId, provisioned, adminPassword, customData } = hiddenOf(machine)
  return {
    instanceId,
    hostname: osProfile?.computerName ?? machine.name,
    ...(osProfile?.adminUsername === undefined
      ? {}
      : {
          login: {
            adminUsername: osProfile.adminUsername,
            ...(adminPassword === undefined ? {} : { adminPassword }),
            disablePasswordAuthentication: osProfile.linuxConfiguration?.disablePasswordAuthentication ?? false,
            publicKeys: (osProfile.linuxConfiguration?.ssh?.publicKeys ?? []).map(({ path = '', keyData = '' }) => ({
              path,
              keyData,
            })),
          },
        }),
    ...(customData === undefined ? {} : { customData: Buffer.from(customData, 'base64') }),
    ...(provisioned === instanceId ? { isProvisioned: true } : {}),
  }
}
