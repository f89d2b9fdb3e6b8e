import { isWithin } from '#access/access-index.ts'
import type { Assignment } from '#access/access-record.ts'
import { OWNER } from '#access/built-in-roles.ts'
import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, ResourceType } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { authorizationError } from '../authorization-errors.ts'
import type { AuthorizationParts } from '../authorization-parts.ts'
import { tenantOf } from '../held-scope.ts'
import { assign, previewAssignment } from './assign.ts'
import { assignmentFilter } from './assignment-filter.ts'
import { shownAssignment } from './shown-assignment.ts'

/** Who has which role, at any scope: written by whoever may, seen at the scope, above it and below. */
export const roleAssignmentType = (parts: AuthorizationParts): ResourceType => ({
  type: 'Microsoft.Authorization/roleAssignments',
  apiVersions: ['2022-04-01', '2020-10-01-preview', '2020-08-01-preview', '2020-04-01-preview', '2018-01-01-preview'],
  tracked: false,
  extension: true,
  missing: id => authorizationError.assignmentNotFound(id.name),
  computed: {
    async get(id, request, arm) {
      const found = findAssignment(id, request, arm, parts)
      return found && shownAssignment(found, id.scope)
    },
    list: async (parent, request, arm) => listed(parent, request, arm, parts),
    async write(verb, id, request, arm) {
      if (verb === 'PATCH') throw armError.methodNotAllowed('PATCH', 'Microsoft.Authorization/roleAssignments')
      return assign(id, request, arm, parts)
    },
    preview: (id, request, arm) => previewAssignment(id, request, arm, parts),
    remove: (id, request, arm) => remove(id, request, arm, parts),
  },
})

const findAssignment = (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  { access }: AuthorizationParts,
): Assignment | undefined => {
  const found = access.assignment(tenantOf(id.scope, request, arm), id.name)
  return found?.scope.toLowerCase() === id.scope.key ? found : undefined
}

const listed = (parent: ResourceId, request: ArmRequest, arm: Arm, { access }: AuthorizationParts): JsonObject[] => {
  const { atScope, keeps } = assignmentFilter(request.query.get('$filter'), access.groupsOf)
  const isHere = ({ scope }: Assignment): boolean => {
    const key = scope.toLowerCase()
    return isWithin(parent.key, key) || (!atScope && isWithin(key, parent.key))
  }
  const found = access.assignments(tenantOf(parent, request, arm)).filter(one => isHere(one) && keeps(one))
  return found.map(one => shownAssignment(one, parent))
}

const remove = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  parts: AuthorizationParts,
): Promise<ArmResponse> => {
  const found = findAssignment(id, request, arm, parts)
  if (!found) return { status: 204, headers: {} }
  await arm.transact(async transaction => {
    const { store } = parts.access
    if (found.role === OWNER && isRoot(found.scope)) {
      const owners = await store.assignmentsOf(transaction, OWNER, found.tenantId)
      if (!owners.some(other => other.name !== found.name && isOver(other, found))) throw authorizationError.lastOwner()
    }
    await store.remove(transaction, found)
    await request.activity?.note(transaction, 'Succeeded', 200)
  })
  return { status: 200, headers: {}, body: shownAssignment(found, id.scope), isWrittenDown: true }
}

/** The tenant, or a subscription: somebody must be left who can give roles there. */
const isRoot = (scope: string): boolean => scope.split('/').length <= 3

const isOver = (other: Assignment, { scope }: Assignment): boolean =>
  isRoot(other.scope) && isWithin(scope.toLowerCase(), other.scope.toLowerCase())
