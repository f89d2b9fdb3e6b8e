import type { Assignment } from '#access/access-record.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { JsonObject } from '#resources/resource-document.ts'

/** A role's id as it is seen from a scope: below the subscription, if there is one. Clients compare these ids as text. */
export const roleId = (role: string, from: ResourceId): string =>
  `${from.subscriptionId === undefined ? '' : `/subscriptions/${from.subscriptionId}`}/providers/Microsoft.Authorization/roleDefinitions/${role}`

/** The body of an assignment for whoever asks at a scope. */
export const shownAssignment = (assignment: Assignment, from: ResourceId): JsonObject => {
  const { scope, name, role, principalId, principalType, description } = assignment
  const { createdOn, updatedOn, createdBy, updatedBy } = assignment
  return {
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`,
    name,
    type: 'Microsoft.Authorization/roleAssignments',
    properties: {
      roleDefinitionId: roleId(role, from),
      principalId,
      principalType,
      scope: scope || '/',
      description: description ?? null,
      condition: null,
      conditionVersion: null,
      createdOn,
      updatedOn,
      createdBy,
      updatedBy,
      delegatedManagedIdentityResourceId: null,
    },
  }
}
