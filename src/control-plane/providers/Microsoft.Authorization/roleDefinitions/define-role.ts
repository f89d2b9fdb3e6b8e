import { isDeepStrictEqual } from 'node:util'
import { Type } from 'typebox'
import { isWithin } from '#access/access-index.ts'
import { type Assignment, type CustomRole, keyOf } from '#access/access-record.ts'
import { RecordExists } from '#access/access-store.ts'
import type { Permission, Role } from '#access/role.ts'
import { armError } from '#arm/arm-error.ts'
import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest } from '#arm/resource-type.ts'
import { isUuid } from '#foundation/random.ts'
import { isAssignableAt } from '../assignable.ts'
import { authorizationError } from '../authorization-errors.ts'
import type { AuthorizationParts } from '../authorization-parts.ts'
import { tenantOf } from '../held-scope.ts'
import { readProperties } from '../read-properties.ts'

const TYPE = 'Microsoft.Authorization/roleDefinitions'
const actions = Type.Optional(Type.Array(Type.String(), { maxItems: 500 }))
const readOnly = Type.Optional(Type.Unknown({ readOnly: true }))

const schema = Type.Object({
  roleName: Type.String({ minLength: 1, maxLength: 512 }),
  description: Type.Optional(Type.String({ maxLength: 2048 })),
  type: Type.Optional(Type.Union([Type.Literal('CustomRole')])),
  permissions: Type.Array(
    Type.Object({
      actions,
      notActions: actions,
      dataActions: actions,
      notDataActions: actions,
      condition: Type.Optional(Type.String()),
      conditionVersion: Type.Optional(Type.String()),
    }),
  ),
  assignableScopes: Type.Array(Type.String(), { maxItems: 500 }),
  createdOn: readOnly,
  updatedOn: readOnly,
  createdBy: readOnly,
  updatedBy: readOnly,
})

interface Wish {
  readonly roleName: string
  readonly description?: string
  readonly permissions: readonly (Partial<Permission> & { condition?: string; conditionVersion?: string })[]
  readonly assignableScopes: readonly string[]
}

/** PUT of a custom role: by whoever may define roles in every scope that it names, and in every one that it named before. */
export const defineRole = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  { access }: AuthorizationParts,
): Promise<CustomRole> => {
  const { role, existing } = await decideRole(id, request, arm, access)
  await save(role, existing, request, arm, access)
  return role
}

/** What a PUT makes of a role, before anything is saved. */
export const decideRole = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  access: AuthorizationParts['access'],
): Promise<{ readonly role: CustomRole; readonly existing: Role | undefined }> => {
  if (!isUuid(id.name)) throw authorizationError.invalidDefinitionId(id.name.slice(0, 100))
  const wish = readProperties(schema, request, 'roleDefinition') as unknown as Wish
  const tenantId = tenantOf(id.scope, request, arm)
  const existing = access.role(tenantId, id.name)
  if (existing?.type === 'BuiltInRole') throw authorizationError.builtIn(existing.roleName)
  const isTaken = access
    .roles(tenantId)
    .some(({ type, roleName }) => type === 'BuiltInRole' && same(roleName, wish.roleName))
  if (isTaken) throw authorizationError.sameName(wish.roleName)
  const assignableScopes = await scopesOf(wish, id, request, arm)
  await requireEverywhere(existing?.assignableScopes ?? [], 'write', id, request, arm)
  const now = arm.clock.now().toISOString()
  const role: CustomRole = {
    kind: 'role',
    tenantId,
    name: id.name.toLowerCase(),
    roleName: wish.roleName,
    description: wish.description ?? '',
    type: 'CustomRole',
    permissions: [permissionOf(wish)],
    assignableScopes,
    createdOn: existing?.createdOn ?? now,
    updatedOn: now,
    createdBy: existing?.createdBy ?? request.caller.objectId,
    updatedBy: request.caller.objectId,
  }
  return { role, existing }
}

/** Decided anew by the caller when somebody else changed or deleted the role meanwhile: it may act in scopes now that were not asked for. */
const save = async (
  role: CustomRole,
  existing: Role | undefined,
  request: ArmRequest,
  arm: Arm,
  { store }: AuthorizationParts['access'],
): Promise<void> => {
  try {
    await arm.transact(async transaction => {
      const before = await store.find(transaction, keyOf(role))
      if (!isDeepStrictEqual(before, existing)) throw armError.concurrentChange()
      const assignments = await store.assignmentsOf(transaction, role.name, role.tenantId)
      for (const scope of existing?.assignableScopes ?? []) requireFree(scope, role, assignments)
      await store.put(transaction, role)
      await request.activity?.note(transaction, 'Succeeded', 201)
    })
  } catch (error) {
    if (error instanceof RecordExists) throw authorizationError.sameName(role.roleName)
    throw error
  }
}

/**
 * Throws when somebody has the role in a scope that it no longer names: whoever may define roles in the others alone could change what
 * it allows there.
 */
const requireFree = (scope: string, role: Role, assignments: readonly Assignment[]): void => {
  const isLeft = (at: string) => isWithin(at.toLowerCase(), scope.toLowerCase()) && !isAssignableAt(role, at)
  if (assignments.some(assignment => isLeft(assignment.scope))) throw authorizationError.scopeHasAssignments(scope)
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

const permissionOf = ({ permissions }: Wish): Permission => {
  const [given] = permissions
  if (!given || permissions.length > 1) throw authorizationError.permissionsMissing()
  const { actions = [], notActions = [], dataActions = [], notDataActions = [], ...condition } = given
  if (Object.keys(condition).length > 0) throw armError.notServed('A condition of a role definition')
  for (const action of [actions, notActions, dataActions, notDataActions].flat())
    if (!isAction(action)) throw authorizationError.invalidAction(action.slice(0, 200))
  return { actions, notActions, dataActions, notDataActions }
}

/** A namespace may have a wildcard too; roles come from Azure with actions of services that are not here, and these allow nothing. */
const isAction = (action: string): boolean => /^[\w.*-]+(\/[\w.*-]+)*$/.test(action) && action.length <= 500

const scopesOf = async (wish: Wish, id: ResourceId, request: ArmRequest, arm: Arm): Promise<string[]> => {
  const scopes: string[] = []
  for (const text of wish.assignableScopes) {
    const scope = ResourceId.parse(text)
    const isRoot = scope && (scope.key === scope.subscription?.key || scope.key === scope.group?.key)
    if (!scope || !isRoot) throw authorizationError.invalidAssignableScope(text.slice(0, 300))
    await requireLinked(arm, { id: id.inCaseOf(TYPE), request }, `${TYPE}/write`, scope)
    const document = await arm.resources.find(scope.key)
    if (!document) throw authorizationError.invalidAssignableScope(text.slice(0, 300))
    scopes.push(document.id)
  }
  if (scopes.length === 0) throw armError.missingProperty('roleDefinition.properties.assignableScopes')
  return scopes
}

/** Throws `LinkedAuthorizationFailed` unless the caller may do it to roles in all of the scopes: a role acts in each of them. */
export const requireEverywhere = async (
  scopes: readonly string[],
  verb: 'write' | 'delete',
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
): Promise<void> => {
  for (const text of scopes) {
    const scope = ResourceId.parse(text)
    if (scope) await requireLinked(arm, { id: id.inCaseOf(TYPE), request }, `${TYPE}/${verb}`, scope)
  }
}
