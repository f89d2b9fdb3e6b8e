import { isWithin } from '#access/access-index.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller, GraphRow, GraphTable } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import type { AuthorizationParts } from './authorization-parts.ts'
import { shownAssignment } from './roleAssignments/shown-assignment.ts'
import { shownRole } from './roleDefinitions/role-definition.ts'

/**
 * `AuthorizationResources` of Resource Graph: role assignments in the queried subscriptions, and the roles that the caller may see. Both
 * name roles as the tenant does, so that they can be joined.
 */
export const authorizationTable = ({ access }: AuthorizationParts): GraphTable => ({
  name: 'AuthorizationResources',
  async *rows({ request: { caller }, subscriptionIds }, arm) {
    const scopes = subscriptionIds.map(id => `/subscriptions/${id}`)
    for (const assignment of access.assignments(caller.tenantId)) {
      const isHere = scopes.some(scope => isWithin(assignment.scope.toLowerCase(), scope))
      if (isHere && (await mayRead('roleAssignments', assignment.scope, caller, arm)))
        yield rowOf(shownAssignment(assignment, ResourceId.tenant), assignment.scope, caller)
    }
    for (const role of access.roles(caller.tenantId)) {
      const isSeen = role.type === 'BuiltInRole' || (await anyRead(role.assignableScopes, caller, arm))
      if (isSeen) yield rowOf(shownRole(role, ResourceId.tenant) as JsonObject, '', caller)
    }
  },
})

const mayRead = async (type: string, scope: string, caller: Caller, arm: Arm): Promise<boolean> => {
  const id = scope === '' || scope === '/' ? ResourceId.tenant : ResourceId.parse(scope)
  return id !== undefined && arm.mayDo(caller, `Microsoft.Authorization/${type}/read`, id)
}

const anyRead = async (scopes: readonly string[], caller: Caller, arm: Arm): Promise<boolean> => {
  for (const scope of scopes) if (await mayRead('roleDefinitions', scope, caller, arm)) return true
  return false
}

const rowOf = (shown: JsonObject, scope: string, { tenantId }: Caller): GraphRow => {
  const { id, name, type, properties } = shown as unknown as Pick<GraphRow, 'id' | 'name' | 'type' | 'properties'>
  const { subscriptionId, resourceGroup } = ResourceId.parse(scope) ?? ResourceId.tenant
  return {
    id,
    name,
    type,
    tenantId,
    ...(subscriptionId === undefined ? {} : { subscriptionId }),
    ...(resourceGroup === undefined ? {} : { resourceGroup }),
    properties,
  }
}
