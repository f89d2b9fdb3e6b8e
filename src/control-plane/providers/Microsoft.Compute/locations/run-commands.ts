import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { type RunCommandDocument, runCommands } from '../virtualMachines/run-commands.ts'

/** The commands that machines of a region can be told to run, as `az vm run-command list --location` and `show` ask for them. */
export const runCommandsType: ResourceType = {
  type: 'Microsoft.Compute/locations/runCommands',
  apiVersions: ['2025-04-01', '2024-11-01', '2024-07-01', '2024-03-01', '2023-09-01', '2022-11-01', '2020-06-01'],
  tracked: false,
  openTo: 'subscription',
  computed: {
    async list(parent, _request, arm) {
      requireLocation(parent, arm)
      return runCommands.map(inShort)
    },
    async get(id, _request, arm) {
      requireLocation(id, arm)
      const found = runCommands.find(command => command.id.toLowerCase() === id.name.toLowerCase())
      return found && { ...inShort(found), script: found.script, parameters: found.parameters as never }
    },
  },
}

const requireLocation = (id: ResourceId, arm: Arm): void => {
  const asked = id.nameOf('locations') ?? ''
  const names = arm.locations.map(({ name }) => name)
  if (!arm.findLocation(asked))
    throw armError.locationNotAvailable(asked.slice(0, 100), 'Microsoft.Compute/locations/runCommands', names)
}

const inShort = ({ id, label, description }: RunCommandDocument): JsonObject => ({
  $schema: 'http://schema.management.azure.com/schemas/2016-11-17/runcommands.json',
  id,
  osType: 'Linux',
  label,
  description,
})
