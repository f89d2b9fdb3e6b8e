import type { Role } from './role.ts'

export type PrincipalType = 'User' | 'Group' | 'ServicePrincipal'

/** A role of a principal at a scope and everything below it. Ids in lower case, but for the scope, which is shown. */
export interface Assignment {
  readonly kind: 'assignment'
  readonly tenantId: string
  /** The GUID that names it, once in a tenant. */
  readonly name: string
  /** A resource id; `''` is the tenant. */
  readonly scope: string
  readonly role: string
  readonly principalId: string
  readonly principalType: PrincipalType
  readonly description?: string
  readonly createdOn: string
  readonly updatedOn: string
  readonly createdBy: string
  readonly updatedBy: string
}

export type CustomRole = Role & { readonly kind: 'role'; readonly tenantId: string }

/** Keeps a scope and everything below it from being deleted, or from being changed at all. */
export interface Lock {
  readonly kind: 'lock'
  readonly tenantId: string
  readonly name: string
  readonly scope: string
  readonly level: 'CanNotDelete' | 'ReadOnly'
  readonly notes?: string
  readonly owners?: readonly string[]
  readonly createdOn: string
}

/** An owner that was written by a first start; kept when the assignment is gone, so that it does not come back. */
export interface Seed {
  readonly kind: 'seed'
  readonly tenantId: string
  readonly name: string
  readonly scope: string
}

export type AccessRecord = Assignment | CustomRole | Lock | Seed

/** How a record is found. */
export const keyOf = (record: AccessRecord): string =>
  record.kind === 'lock' || record.kind === 'seed'
    ? `${record.tenantId} ${record.kind} ${record.name} ${record.scope}`.toLowerCase()
    : `${record.tenantId} ${record.kind} ${record.name}`

/** What there may be once only beside the key: a role of a principal at a scope, the name of a role in a tenant. */
export const uniqueKeyOf = (record: AccessRecord): string => {
  if (record.kind === 'assignment')
    return `${record.tenantId} ${record.principalId} ${record.role} ${record.scope}`.toLowerCase()
  return record.kind === 'role' ? `${record.tenantId} role named ${record.roleName}`.toLowerCase() : keyOf(record)
}

/** A custom role hangs on no scope: it goes when somebody deletes it. */
export const scopeKeyOf = (record: AccessRecord): string =>
  record.kind === 'role' ? 'role' : record.scope.toLowerCase()
