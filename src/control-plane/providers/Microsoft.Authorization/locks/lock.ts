import { Type } from 'typebox'
import { isWithin } from '#access/access-index.ts'
import { keyOf, type Lock } from '#access/access-record.ts'
import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ArmResponse, ResourceType } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { authorizationError } from '../authorization-errors.ts'
import type { AuthorizationParts } from '../authorization-parts.ts'
import { type HeldScope, holdScope, tenantOf } from '../held-scope.ts'
import { readProperties } from '../read-properties.ts'

const TYPE = 'Microsoft.Authorization/locks'

const schema = Type.Object({
  level: Type.Union([Type.Literal('CanNotDelete'), Type.Literal('ReadOnly')]),
  notes: Type.Optional(Type.String({ maxLength: 512 })),
  owners: Type.Optional(
    Type.Array(Type.Object({ applicationId: Type.String({ maxLength: 64 }) }, { additionalProperties: false }), {
      maxItems: 100,
    }),
  ),
})

/** Locks on subscriptions, groups and resources. They hold everybody, owners too; only a lock itself is never locked. */
export const lockType = (parts: AuthorizationParts): ResourceType => ({
  type: TYPE,
  apiVersions: ['2020-05-01', '2017-04-01', '2016-09-01', '2015-01-01'],
  tracked: false,
  extension: true,
  ignoresLocks: true,
  computed: {
    async get(id, request, arm) {
      const lock = findLock(id, request, arm, parts)
      return lock && shownLock(lock)
    },
    list: async (parent, request, arm) => listed(parent, request, arm, parts),
    async write(verb, id, request, arm) {
      if (verb === 'PATCH') throw armError.methodNotAllowed('PATCH', TYPE)
      return save(id, request, arm, parts)
    },
    async preview(id, request, arm) {
      const held = await holdScope(id, request, arm)
      return { status: 200, headers: {}, body: shownLock(readLock(id, request, held, arm)) }
    },
    async remove(id, request, arm) {
      const lock = findLock(id, request, arm, parts)
      if (!lock) return { status: 204, headers: {} }
      await arm.transact(async transaction => {
        await parts.access.store.remove(transaction, lock)
        await request.activity?.note(transaction, 'Succeeded', 200)
      })
      return { status: 200, headers: {}, isWrittenDown: true }
    },
  },
})

const findLock = (id: ResourceId, request: ArmRequest, arm: Arm, { access }: AuthorizationParts): Lock | undefined =>
  access
    .locks(tenantOf(id.scope, request, arm))
    .find(({ scope, name }) => scope.toLowerCase() === id.scope.key && name.toLowerCase() === id.name.toLowerCase())

/** Those at the scope, above and below; with `atScope()` none below. */
const listed = (parent: ResourceId, request: ArmRequest, arm: Arm, { access }: AuthorizationParts): JsonObject[] => {
  const filter = request.query.get('$filter')
  const atScope = filter !== undefined && filter !== ''
  if (atScope && !/^\s*atScope\(\s*\)\s*$/i.test(filter)) throw armError.invalidFilter(filter.slice(0, 200))
  const isHere = ({ scope }: Lock): boolean => {
    const key = scope.toLowerCase()
    return isWithin(parent.key, key) || (!atScope && isWithin(key, parent.key))
  }
  return access
    .locks(tenantOf(parent, request, arm))
    .filter(isHere)
    .map(shownLock)
}

const save = async (id: ResourceId, request: ArmRequest, arm: Arm, parts: AuthorizationParts): Promise<ArmResponse> => {
  const held = await holdScope(id, request, arm)
  const lock = readLock(id, request, held, arm)
  const isNew = await arm.transact(async transaction => {
    await held.requireStill(transaction)
    const before = await parts.access.store.find(transaction, keyOf(lock))
    await parts.access.store.put(transaction, lock)
    await request.activity?.note(transaction, 'Succeeded', before ? 200 : 201)
    return before === undefined
  })
  return { status: isNew ? 201 : 200, headers: {}, body: shownLock(lock), isWrittenDown: true }
}

const readLock = (id: ResourceId, request: ArmRequest, held: HeldScope, arm: Arm): Lock => {
  if (held.scope === '') throw authorizationError.invalidLockScope()
  checkName(id.name)
  const { level, notes, owners } = readProperties(schema, request, 'lock') as unknown as {
    level: Lock['level']
    notes?: string
    owners?: readonly { applicationId: string }[]
  }
  return {
    kind: 'lock',
    tenantId: held.tenantId,
    name: id.name,
    scope: held.scope,
    level,
    ...(notes === undefined ? {} : { notes }),
    ...(owners === undefined ? {} : { owners: owners.map(({ applicationId }) => applicationId) }),
    createdOn: arm.clock.now().toISOString(),
  }
}

const checkName = (name: string): void => {
  if (name.length > 260 || /[<>%&\\?/]/.test(name) || /[ .]$/.test(name))
    throw armError.invalidValue(
      'lockName',
      name.slice(0, 100),
      'It can have up to 260 characters, none of <>%&\\?/, and ends with no period or space.',
    )
}

const shownLock = ({ scope, name, level, notes, owners }: Lock): JsonObject => ({
  id: `${scope}/providers/${TYPE}/${name}`,
  name,
  type: TYPE,
  properties: {
    level,
    ...(notes === undefined ? {} : { notes }),
    ...(owners === undefined ? {} : { owners: owners.map(applicationId => ({ applicationId })) }),
  },
})
