import type { ResourceType } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import type { AuthorizationParts } from './authorization-parts.ts'

/** What the caller's own roles allow at a scope. Whoever has any role in the subscription may ask. */
export const permissionsType = ({ access }: AuthorizationParts): ResourceType => ({
  type: 'Microsoft.Authorization/permissions',
  apiVersions: ['2022-04-01', '2018-01-01-preview', '2015-07-01'],
  tracked: false,
  extension: true,
  openTo: 'subscription',
  computed: {
    list: async (parent, { caller }) => access.permissions(caller, parent.key) as unknown as readonly Json[],
  },
})

/** Azure makes deny assignments itself, for services that are not here: there are none. */
export const denyAssignmentsType: ResourceType = {
  type: 'Microsoft.Authorization/denyAssignments',
  apiVersions: ['2022-04-01', '2018-07-01-preview'],
  tracked: false,
  extension: true,
  computed: { list: async () => [], get: async () => undefined },
}
