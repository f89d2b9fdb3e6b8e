import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Registry } from '#arm/registry.ts'
import type { ResourceType } from '#arm/resource-type.ts'
import { tagFilter } from '../../tag-filter.ts'
import { DELETE_GROUP } from './delete-group.ts'
import { exportGroup } from './export-group.ts'

const schema = Type.Object({
  properties: Type.Optional(Type.Object({ provisioningState: Type.Optional(Type.String({ readOnly: true })) })),
  managedBy: Type.Optional(Type.String({ immutable: true })),
})

/** Resource groups; a delete takes everything in them along. */
export const resourceGroupsType = (registry: () => Registry): ResourceType => ({
  type: 'Microsoft.Resources/subscriptions/resourceGroups',
  apiVersions: ['2024-11-01', '2022-09-01', '2021-04-01', '2020-10-01', '2019-10-01', '2018-05-01'],
  tracked: true,
  schema,
  bodyName: 'resourceGroup',
  operationsType: 'Microsoft.Resources/subscriptions/operationresults',
  deletesNested: true,
  deleteMissing: 404,
  relocated: existing => armError.invalidResourceGroupLocation(existing.location ?? ''),
  checkName(name) {
    if (!/^[-\w._()\p{L}\p{N}]{1,90}$/u.test(name))
      throw armError.invalidValue(
        'resourceGroupName',
        name.slice(0, 100),
        'It can have up to 90 letters, digits, periods, underscores, hyphens and parentheses.',
      )
    if (name.endsWith('.')) throw armError.invalidResourceName(name, '.', '.')
  },
  plan: async change => ({ document: change.wanted }),
  planDelete: async ({ request }) => ({
    work: { kind: DELETE_GROUP, input: { caller: { ...request.caller }, origin: request.origin } },
  }),
  filter: tagFilter,
  actions: { exportTemplate: exportGroup(registry) },
})
