import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { sizeBody } from '../locations/vm-sizes.ts'
import { instanceView } from './instance-view.ts'
import { diskDocuments } from './machine-disks.ts'
import { hiddenOf, machineOf, machineType } from './machine-document.ts'
import { vmSizes } from './vm-sizes.ts'

const shared = { apiVersions: ['2025-04-01', '2024-11-01', '2024-07-01', '2024-03-01'], tracked: false }

/** What can be read below a machine: its instance view alone, and the sizes that it can be changed to. */
export const machineViews = ({ hosting }: ComputeParts): readonly ResourceType[] => [
  {
    ...shared,
    type: `${machineType}/instanceView`,
    computed: {
      async one(parent, _request, arm) {
        const machine = await requireMachine(parent, arm)
        const state = await hosting.machines.state(machineOf(machine).vmId)
        return instanceView(machine, state, await diskDocuments(machine, arm))
      },
    },
  },
  {
    ...shared,
    type: `${machineType}/vmSizes`,
    computed: {
      async list(parent, _request, arm) {
        const { generation = 'V1' } = hiddenOf(await requireMachine(parent, arm))
        return vmSizes.filter(({ generations }) => generations.includes(generation)).map(sizeBody)
      },
    },
  },
]

const requireMachine = async (id: ResourceId, { resources }: Arm): Promise<ResourceDocument> => {
  const machine = await resources.find(id.key)
  if (machine) return machine
  throw armError.resourceNotFound(`${machineType}/${id.name}`, id.resourceGroup ?? '<null>')
}
