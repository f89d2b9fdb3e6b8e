import type { Access } from '#access/access.ts'
import type { Lock } from '#access/access-record.ts'
import { accessError } from './access-errors.ts'
import { armError } from './arm-error.ts'
import { ResourceId } from './resource-id.ts'
import type { Caller, Openness } from './resource-type.ts'

/** What a request needs before anything is done for it. */
export interface Demand {
  /** `Microsoft.Compute/disks/write` */
  readonly action: string
  readonly scope: ResourceId
  /** What locks look at; `undefined` for what changes nothing. */
  readonly operation?: 'write' | 'delete' | undefined
  /** It is a list, of which a part can be shown. */
  readonly isList?: boolean
  readonly openTo?: Openness | undefined
  /** Whether the caller may, although no role of its own says so. */
  isOpenTo?(caller: Caller): Promise<boolean>
}

/** Which members of a list the caller may see: the right to read each of them is asked for. */
export type Shows = (action: string, id: string) => boolean

/** The decision that every call passes. */
export interface Authorise {
  mayDo(caller: Caller, action: string, scope: ResourceId): boolean
  hasRights(caller: Caller, scope: ResourceId): boolean
  /** Throws unless the caller may; returns what of a list may be shown, `undefined` for all of it. */
  require(caller: Caller, demand: Demand): Promise<Shows | undefined>
}

/**
 * Decisions by the roles that `access` knows. `itself` is known by its identity: a caller that a token names is another object,
 * whatever it says. `isDataAction` tells which actions roles grant as data actions.
 */
export const authoriseBy = (access: Access, itself: Caller, isDataAction: (action: string) => boolean): Authorise => {
  const mayDo = (caller: Caller, action: string, scopeKey: string): boolean =>
    caller === itself || access.mayDo(caller, action, scopeKey, isDataAction(action) ? 'dataActions' : 'actions')
  const isOpen = async (caller: Caller, { scope, openTo, isOpenTo }: Demand): Promise<boolean> => {
    if (openTo === 'tenant' && scope.subscriptionId === undefined) return true
    const { subscription } = scope
    if (openTo !== undefined && subscription && access.hasRights(caller, subscription.key)) return true
    return (await isOpenTo?.(caller)) ?? false
  }
  return {
    mayDo: (caller, action, scope) => mayDo(caller, action, scope.key),
    hasRights: (caller, scope) => caller === itself || access.hasRights(caller, scope.key),
    async require(caller, demand) {
      if (caller === itself) return undefined
      const { action, scope, isList, operation } = demand
      requireOwnTenant(caller, scope, access)
      if (mayDo(caller, action, scope.key) || (await isOpen(caller, demand))) {
        if (operation) refuseLocked(scope, operation, access)
        return undefined
      }
      if (isList && access.hasRightsBelow(caller, scope.key)) return shownTo(caller, mayDo)
      throw armError.authorizationFailed(caller.clientId, caller.objectId, action, scope.toString() || '/')
    },
  }
}

const shownTo =
  (caller: Caller, mayDo: (caller: Caller, action: string, scopeKey: string) => boolean): Shows =>
  (action, id) => {
    const scope = ResourceId.parse(id)
    return scope !== undefined && mayDo(caller, action, scope.key)
  }

/** Azure tells whoever comes with a token of another tenant which one the subscription trusts. */
const requireOwnTenant = (caller: Caller, scope: ResourceId, access: Access): void => {
  const { subscriptionId } = scope
  if (subscriptionId === undefined) return
  const tenantId = access.tenantOf(subscriptionId)
  if (tenantId === undefined) throw armError.subscriptionNotFound(subscriptionId)
  if (tenantId !== caller.tenantId.toLowerCase()) throw accessError.invalidTokenTenant(caller.tenantId, tenantId)
}

const refuseLocked = (scope: ResourceId, operation: 'write' | 'delete', access: Access): void => {
  const locks: readonly Lock[] = access.locksOver(scope.key, operation)
  if (locks.length === 0) return
  const scopes = [...new Set(locks.map(lock => lock.scope))]
  throw accessError.scopeLocked(scope.toString(), operation, scopes.slice(0, NAMED))
}

/** How many locked scopes a refusal names. */
const NAMED = 10
