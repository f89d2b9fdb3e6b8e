import { isWithin } from '#access/access-index.ts'
import type { CustomRole } from '#access/access-record.ts'
import type { Role } from '#access/role.ts'
import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, Caller, ResourceType } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import { authorizationError } from '../authorization-errors.ts'
import type { AuthorizationParts } from '../authorization-parts.ts'
import { tenantOf } from '../held-scope.ts'
import { roleId } from '../roleAssignments/shown-assignment.ts'
import { decideRole, defineRole, requireEverywhere } from './define-role.ts'
import { roleFilter } from './role-filter.ts'

const TYPE = 'Microsoft.Authorization/roleDefinitions'

/**
 * Roles: Azure's own that touch what is served here, and those that a tenant makes. Whoever is in the tenant may see the former, and
 * of the latter those that can be assigned in a subscription in which it has any right.
 */
export const roleDefinitionType = (parts: AuthorizationParts): ResourceType => ({
  type: TYPE,
  apiVersions: ['2022-05-01-preview', '2022-04-01', '2018-01-01-preview', '2015-07-01'],
  tracked: false,
  extension: true,
  openTo: 'tenant',
  missing: id => authorizationError.definitionDoesNotExist(id.name),
  computed: {
    async get(id, request, arm) {
      const role = parts.access.role(tenantOf(id.scope, request, arm), id.name)
      const isThere = role && isKnownAt(role, id.scope, true) && isSeenBy(request.caller, role, arm)
      return isThere ? shownRole(role, id.scope) : undefined
    },
    async list(parent, request, arm) {
      const { below, keeps } = roleFilter(request.query.get('$filter'))
      const roles = parts.access.roles(tenantOf(parent, request, arm))
      return roles
        .filter(role => isKnownAt(role, parent, below) && keeps(role) && isSeenBy(request.caller, role, arm))
        .map(role => shownRole(role, parent))
    },
    async write(verb, id, request, arm) {
      if (verb === 'PATCH') throw armError.methodNotAllowed('PATCH', TYPE)
      // Azure's SDKs take 201 alone, of a role that was there too.
      const role = await defineRole(id, request, arm, parts)
      return { status: 201, headers: {}, body: shownRole(role, id.scope), isWrittenDown: true }
    },
    async preview(id, request, arm) {
      const { role } = await decideRole(id, request, arm, parts.access)
      return { status: 200, headers: {}, body: shownRole(role, id.scope) }
    },
    remove: (id, request, arm) => remove(id, request, arm, parts),
  },
})

/** A custom role is known where it can be assigned; `below` asks for those too that can be assigned somewhere in the scope. */
const isKnownAt = ({ type, assignableScopes }: Role, { key }: ResourceId, below: boolean): boolean =>
  type === 'BuiltInRole' ||
  assignableScopes.some(scope => isWithin(key, scope.toLowerCase()) || (below && isWithin(scope.toLowerCase(), key)))

const isSeenBy = (caller: Caller, { type, assignableScopes }: Role, arm: Arm): boolean =>
  type === 'BuiltInRole' ||
  assignableScopes.some(scope => {
    const subscription = ResourceId.parse(scope)?.subscription
    return subscription !== undefined && arm.hasRights(caller, subscription)
  })

/** The body of a role for whoever asks at a scope. */
export const shownRole = (role: Role, from: ResourceId): Json => {
  const { name, roleName, type, description, permissions, assignableScopes, createdOn, updatedOn } = role
  return {
    id: roleId(name, from),
    name,
    type: TYPE,
    properties: {
      roleName,
      type,
      description,
      assignableScopes,
      permissions: permissions as never,
      createdOn,
      updatedOn,
      createdBy: role.createdBy ?? null,
      updatedBy: role.updatedBy ?? null,
    },
  }
}

const remove = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  { access }: AuthorizationParts,
): Promise<ArmResponse> => {
  const tenantId = tenantOf(id.scope, request, arm)
  const role = access.role(tenantId, id.name)
  if (!role || !isKnownAt(role, id.scope, true)) return { status: 204, headers: {} }
  if (role.type === 'BuiltInRole') throw authorizationError.builtIn(role.roleName)
  await requireEverywhere(role.assignableScopes, 'delete', id, request, arm)
  await arm.transact(async transaction => {
    if ((await access.store.assignmentsOf(transaction, role.name, tenantId)).length > 0)
      throw authorizationError.hasAssignments(role.roleName)
    await access.store.remove(transaction, role as CustomRole)
    await request.activity?.note(transaction, 'Succeeded', 200)
  })
  return { status: 200, headers: {}, body: shownRole(role, id.scope), isWrittenDown: true }
}
