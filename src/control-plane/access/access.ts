import type { Database, Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { AccessIndex, isWithin } from './access-index.ts'
import { type Assignment, keyOf, type Lock } from './access-record.ts'
import { type AccessStore, openAccessStore } from './access-store.ts'
import { OWNER } from './built-in-roles.ts'
import type { ActionKind, Permission, Role } from './role.ts'

/** Whose rights are asked for. */
export interface Subject {
  readonly tenantId: string
  readonly objectId: string
}

/** Who may do what. Questions are answered from memory, which follows every commit: a role that is taken away is gone at once. */
export interface Access {
  /** Whether a role of the principal or of its groups, at the scope or above, allows the action. `scopeKey` is a resource id in lower case. */
  mayDo(subject: Subject, action: string, scopeKey: string, kind?: ActionKind): boolean
  /** Whether it has any role at the scope, above or below. */
  hasRights(subject: Subject, scopeKey: string): boolean
  /** Whether it has any role at something that lies in the scope. */
  hasRightsBelow(subject: Subject, scopeKey: string): boolean
  /** What its roles at the scope and above allow. */
  permissions(subject: Subject, scopeKey: string): Permission[]
  /** The tenant of a subscription that is there. */
  tenantOf(subscriptionId: string): string | undefined
  /** The subscription is there, in that tenant. */
  subscriptionIs(subscriptionId: string, tenantId: string): void
  assignments(tenantId: string): Assignment[]
  assignment(tenantId: string, name: string): Assignment | undefined
  role(tenantId: string, name: string): Role | undefined
  roles(tenantId: string): Role[]
  /** All locks in a tenant. */
  locks(tenantId: string): Lock[]
  /** Locks that keep an operation on the scope from being done: those at it and above, for a delete also those below. */
  locksOver(scopeKey: string, operation: 'write' | 'delete'): Lock[]
  groupsOf(objectId: string): readonly string[]
  readonly store: AccessStore
  /** Makes the principal the owner of the scope, once: if the assignment is removed later, it stays removed. */
  seedOwner(
    transaction: Transaction,
    owner: Subject & { principalType: Assignment['principalType'] },
    scope: string,
  ): Promise<void>
}

export interface AccessParts {
  readonly database: Database
  readonly random: Random
  readonly clock: { now(): Date }
  /** All groups that a principal is in, nested ones too, in lower case. */
  groupsOf(objectId: string): readonly string[]
}

export const openAccess = async ({ database, random, clock, groupsOf }: AccessParts): Promise<Access> => {
  const index = new AccessIndex()
  const tenants = new Map<string, string>()
  const store = await openAccessStore(database, index)
  for (const record of await store.all()) index.saved(record)

  /** A principal has no rights in another tenant's subscriptions, whatever its roles are. */
  const isOwnTenant = (tenantId: string, scopeKey: string): boolean => {
    const subscriptionId = subscriptionIn(scopeKey)
    return subscriptionId === undefined || tenants.get(subscriptionId) === tenantId
  }
  const principalsOf = ({ objectId }: Subject): string[] => {
    const own = objectId.toLowerCase()
    return [own, ...groupsOf(own)]
  }
  const over = (subject: Subject, scopeKey: string): Assignment[] => {
    const tenantId = subject.tenantId.toLowerCase()
    if (!isOwnTenant(tenantId, scopeKey)) return []
    const found = principalsOf(subject).flatMap(principal => [...index.assignmentsOver(principal, scopeKey)])
    return found.filter(assignment => assignment.tenantId === tenantId)
  }
  const hasRightsBelow = (subject: Subject, scopeKey: string): boolean =>
    isOwnTenant(subject.tenantId.toLowerCase(), scopeKey) &&
    principalsOf(subject).some(principal => index.hasAssignmentBelow(principal, scopeKey))

  return {
    store,
    groupsOf,
    mayDo(subject, action, scopeKey, kind = 'actions') {
      const asked = action.toLowerCase()
      return over(subject, scopeKey).some(assignment => index.grantOf(assignment)?.allows(asked, kind))
    },
    hasRights: (subject, scopeKey) => over(subject, scopeKey).length > 0 || hasRightsBelow(subject, scopeKey),
    hasRightsBelow,
    permissions: (subject, scopeKey) =>
      over(subject, scopeKey).flatMap(({ role, tenantId }) => index.role(role, tenantId)?.permissions ?? []),
    tenantOf: subscriptionId => tenants.get(subscriptionId.toLowerCase()),
    subscriptionIs: (subscriptionId, tenantId) =>
      void tenants.set(subscriptionId.toLowerCase(), tenantId.toLowerCase()),
    assignments: tenantId => [...index.assignments()].filter(one => one.tenantId === tenantId.toLowerCase()),
    assignment: (tenantId, name) => index.assignment(tenantId.toLowerCase(), name.toLowerCase()),
    role: (tenantId, name) => index.role(name.toLowerCase(), tenantId.toLowerCase()),
    roles: tenantId => index.roles(tenantId.toLowerCase()),
    locks: tenantId => [...index.locks()].filter(one => one.tenantId === tenantId.toLowerCase()),
    locksOver(scopeKey, operation) {
      const holds = ({ scope, level }: Lock): boolean => {
        const at = scope.toLowerCase()
        if (operation === 'delete') return isWithin(scopeKey, at) || isWithin(at, scopeKey)
        return level === 'ReadOnly' && isWithin(scopeKey, at)
      }
      return [...index.locks()].filter(holds)
    },
    async seedOwner(transaction, owner, scope) {
      const tenantId = owner.tenantId.toLowerCase()
      const principalId = owner.objectId.toLowerCase()
      const seed = { kind: 'seed' as const, tenantId, name: principalId, scope }
      if (await store.find(transaction, keyOf(seed))) return
      await store.put(transaction, seed)
      const at = clock.now().toISOString()
      await store.put(transaction, {
        kind: 'assignment',
        tenantId,
        name: random.uuid(),
        scope,
        role: OWNER,
        principalId,
        principalType: owner.principalType,
        createdOn: at,
        updatedOn: at,
        createdBy: '',
        updatedBy: '',
      })
    },
  }
}

const subscriptionIn = (scopeKey: string): string | undefined => /^\/subscriptions\/([^/]+)/.exec(scopeKey)?.[1]
