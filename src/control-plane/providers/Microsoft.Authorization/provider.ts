import type { Registry } from '#arm/registry.ts'
import type { Provider } from '#arm/resource-type.ts'
import type { AuthorizationParts } from './authorization-parts.ts'
import { authorizationTable } from './authorization-table.ts'
import { lockType } from './locks/lock.ts'
import { denyAssignmentsType, permissionsType } from './permissions.ts'
import { providerOperationsType } from './provider-operations.ts'
import { roleAssignmentType } from './roleAssignments/role-assignment.ts'
import { roleDefinitionType } from './roleDefinitions/role-definition.ts'

export type { AuthorizationParts }

/** Who may do what, and what nobody may. */
export const authorizationProvider = (parts: AuthorizationParts & { readonly registry: () => Registry }): Provider => ({
  namespace: 'Microsoft.Authorization',
  types: [
    roleAssignmentType(parts),
    roleDefinitionType(parts),
    permissionsType(parts),
    lockType(parts),
    denyAssignmentsType,
    providerOperationsType(parts.registry),
  ],
  operations: [],
  graphTables: [authorizationTable(parts)],
})
