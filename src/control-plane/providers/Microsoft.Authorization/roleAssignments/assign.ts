import { Type } from 'typebox'
import { type Assignment, keyOf } from '#access/access-record.ts'
import { RecordExists } from '#access/access-store.ts'
import type { Role } from '#access/role.ts'
import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import { isUuid } from '#foundation/random.ts'
import { isAssignableAt } from '../assignable.ts'
import { authorizationError } from '../authorization-errors.ts'
import type { AuthorizationParts } from '../authorization-parts.ts'
import { type HeldScope, holdScope } from '../held-scope.ts'
import { readProperties } from '../read-properties.ts'
import { shownAssignment } from './shown-assignment.ts'

const readOnly = Type.Optional(Type.Unknown({ readOnly: true }))

const schema = Type.Object({
  roleDefinitionId: Type.String(),
  principalId: Type.String(),
  principalType: Type.Optional(Type.String()),
  description: Type.Optional(Type.String({ maxLength: 1024 })),
  condition: Type.Optional(Type.String()),
  conditionVersion: Type.Optional(Type.String()),
  delegatedManagedIdentityResourceId: Type.Optional(Type.String()),
  scope: readOnly,
  createdOn: readOnly,
  updatedOn: readOnly,
  createdBy: readOnly,
  updatedBy: readOnly,
})

interface Wish {
  readonly roleDefinitionId: string
  readonly principalId: string
  readonly principalType?: string
  readonly description?: string
}

/** PUT of an assignment: the same again changes nothing but the description, something else under the name is refused. */
export const assign = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  parts: AuthorizationParts,
): Promise<ArmResponse> => {
  const { assignment, existing, held } = await decide(id, request, arm, parts)
  const status = existing ? 200 : 201
  await save(assignment, held, arm, parts, transaction => request.activity?.note(transaction, 'Succeeded', status))
  return { status, headers: {}, body: shownAssignment(assignment, id.scope), isWrittenDown: true }
}

/** What `assign` would answer. */
export const previewAssignment = async (
  id: ResourceId,
  request: ArmRequest,
  arm: Arm,
  parts: AuthorizationParts,
): Promise<ArmResponse> => {
  const { assignment } = await decide(id, request, arm, parts)
  return { status: 200, headers: {}, body: shownAssignment(assignment, id.scope) }
}

const decide = async (id: ResourceId, request: ArmRequest, arm: Arm, parts: AuthorizationParts) => {
  if (!isUuid(id.name)) throw authorizationError.invalidAssignmentId(id.name.slice(0, 100))
  const wish = readWish(request)
  const held = await holdScope(id, request, arm)
  const role = requireRole(wish, held, parts)
  const principal = await requirePrincipal(wish, held.tenantId, parts)
  const existing = parts.access.assignment(held.tenantId, id.name)
  const now = arm.clock.now().toISOString()
  const assignment: Assignment = {
    kind: 'assignment',
    tenantId: held.tenantId,
    name: id.name.toLowerCase(),
    scope: held.scope,
    role: role.name,
    ...principal,
    ...(wish.description === undefined ? {} : { description: wish.description }),
    createdOn: existing?.createdOn ?? now,
    updatedOn: now,
    createdBy: existing?.createdBy ?? request.caller.objectId,
    updatedBy: request.caller.objectId,
  }
  if (existing && !saysTheSame(existing, assignment)) throw authorizationError.assignmentUpdateNotPermitted()
  return { assignment, existing, held }
}

const readWish = (request: ArmRequest): Wish => {
  const read = readProperties(schema, request, 'roleAssignment')
  if (read.condition !== undefined || read.conditionVersion !== undefined)
    throw armError.notServed('A condition of a role assignment')
  if (read.delegatedManagedIdentityResourceId !== undefined)
    throw armError.notServed('A delegated managed identity of a role assignment')
  return read as unknown as Wish
}

const requireRole = (
  { roleDefinitionId }: Wish,
  { scope, tenantId }: HeldScope,
  { access }: AuthorizationParts,
): Role => {
  const name = roleDefinitionId.split('/').at(-1) ?? ''
  const role = isUuid(name) ? access.role(tenantId, name) : undefined
  if (!role) throw authorizationError.definitionDoesNotExist(name.slice(0, 100))
  requireAssignable(role, scope)
  return role
}

const requireAssignable = (role: Role, scope: string): void => {
  if (!isAssignableAt(role, scope)) throw authorizationError.notAssignableHere(scope || '/', role.name)
}

const kinds = ['User', 'Group', 'ServicePrincipal'] as const

const requirePrincipal = async (
  { principalId, principalType }: Wish,
  tenantId: string,
  parts: AuthorizationParts,
): Promise<Pick<Assignment, 'principalId' | 'principalType'>> => {
  const said = kinds.find(kind => kind.toLowerCase() === principalType?.toLowerCase())
  if (principalType && !said) throw authorizationError.principalTypeNotSupported(principalType.slice(0, 50))
  const objectId = principalId.toLowerCase()
  const found = isUuid(objectId) ? await parts.findPrincipal(objectId) : undefined
  if (found?.tenantId.toLowerCase() !== tenantId || !found)
    throw authorizationError.principalNotFound(principalId.slice(0, 100), tenantId)
  if (said && said !== found.type) throw authorizationError.unmatchedPrincipalType(objectId, found.type, said)
  return { principalId: objectId, principalType: found.type }
}

const saysTheSame = (one: Assignment, other: Assignment): boolean =>
  one.scope.toLowerCase() === other.scope.toLowerCase() &&
  one.role === other.role &&
  one.principalId === other.principalId

/** What was looked at may have gone meanwhile: the scope and a custom role are looked up again in the commit. */
const save = async (
  assignment: Assignment,
  held: HeldScope,
  arm: Arm,
  { access }: AuthorizationParts,
  note: (transaction: Transaction) => Promise<void> | undefined,
): Promise<void> => {
  const { tenantId, role: name } = assignment
  const known = access.role(tenantId, name)
  try {
    await arm.transact(async transaction => {
      await held.requireStill(transaction)
      const isBuiltIn = known?.type === 'BuiltInRole'
      const role = isBuiltIn ? known : await access.store.findRole(transaction, tenantId, name)
      if (!role) throw authorizationError.definitionDoesNotExist(name)
      requireAssignable(role, assignment.scope)
      const before = await access.store.find(transaction, keyOf(assignment))
      if (before?.kind === 'assignment' && !saysTheSame(before, assignment))
        throw authorizationError.assignmentUpdateNotPermitted()
      await access.store.put(transaction, assignment)
      await note(transaction)
    })
  } catch (error) {
    if (error instanceof RecordExists && error.existing.kind === 'assignment')
      throw authorizationError.assignmentExists(error.existing.name)
    throw error
  }
}
