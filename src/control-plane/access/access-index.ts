import { type AccessRecord, type Assignment, type CustomRole, keyOf, type Lock } from './access-record.ts'
import { builtInRoles } from './built-in-roles.ts'
import { type Grant, grantOf, type Role } from './role.ts'

/**
 * All records in memory, laid out for the question of every request: by principal, then by scope. What a question costs grows with
 * the depth of the scope and the number of the principal's groups, not with the number of assignments.
 */
export class AccessIndex {
  readonly #assignments = new Map<string, Assignment>()
  readonly #byPrincipal = new Map<string, Map<string, Assignment[]>>()
  readonly #roles = new Map<string, { role: Role; grant: Grant }>()
  readonly #locks = new Map<string, Lock>()

  constructor() {
    for (const role of builtInRoles) this.#roles.set(role.name, { role, grant: grantOf(role) })
  }

  saved(record: AccessRecord): void {
    if (record.kind === 'assignment') this.#assign(record)
    else if (record.kind === 'role') this.#roles.set(roleKey(record), { role: record, grant: grantOf(record) })
    else if (record.kind === 'lock') this.#locks.set(keyOf(record), record)
  }

  removed(record: AccessRecord): void {
    if (record.kind === 'assignment') this.#unassign(record)
    else if (record.kind === 'role') this.#roles.delete(roleKey(record))
    else if (record.kind === 'lock') this.#locks.delete(keyOf(record))
  }

  #assign(record: Assignment): void {
    this.#unassign(record)
    this.#assignments.set(keyOf(record), record)
    const scopes = this.#byPrincipal.get(record.principalId) ?? new Map<string, Assignment[]>()
    const scopeKey = record.scope.toLowerCase()
    scopes.set(scopeKey, [...(scopes.get(scopeKey) ?? []), record])
    this.#byPrincipal.set(record.principalId, scopes)
  }

  /** A change may have moved nothing but the description; what was there under the name goes first. */
  #unassign({ kind, tenantId, name }: Assignment): void {
    const key = keyOf({ kind, tenantId, name } as Assignment)
    const before = this.#assignments.get(key)
    if (!before) return
    this.#assignments.delete(key)
    const scopes = this.#byPrincipal.get(before.principalId)
    const scopeKey = before.scope.toLowerCase()
    const left = scopes?.get(scopeKey)?.filter(one => one !== before) ?? []
    if (left.length > 0) scopes?.set(scopeKey, left)
    else scopes?.delete(scopeKey)
    if (scopes?.size === 0) this.#byPrincipal.delete(before.principalId)
  }

  /** A principal's assignments at the scope and above it. */
  *assignmentsOver(principalId: string, scopeKey: string): Iterable<Assignment> {
    const scopes = this.#byPrincipal.get(principalId)
    if (!scopes) return
    for (const above of scopesAbove(scopeKey)) yield* scopes.get(above) ?? []
  }

  hasAssignmentBelow(principalId: string, scopeKey: string): boolean {
    const below = `${scopeKey}/`
    for (const key of this.#byPrincipal.get(principalId)?.keys() ?? []) if (key.startsWith(below)) return true
    return false
  }

  assignments(): Iterable<Assignment> {
    return this.#assignments.values()
  }

  assignment(tenantId: string, name: string): Assignment | undefined {
    return this.#assignments.get(`${tenantId} assignment ${name}`)
  }

  grantOf(assignment: Assignment): Grant | undefined {
    return this.#find(assignment.role, assignment.tenantId)?.grant
  }

  role(name: string, tenantId: string): Role | undefined {
    return this.#find(name, tenantId)?.role
  }

  #find(name: string, tenantId: string) {
    return this.#roles.get(name) ?? this.#roles.get(`${tenantId} ${name}`)
  }

  /** The built-in roles, and those that the tenant has made. */
  roles(tenantId: string): Role[] {
    const all = [...this.#roles.values()].map(({ role }) => role)
    return all.filter(role => role.tenantId === undefined || role.tenantId === tenantId)
  }

  locks(): Iterable<Lock> {
    return this.#locks.values()
  }
}

const roleKey = ({ tenantId, name }: CustomRole): string => `${tenantId} ${name}`

/** The tenant, what lies between, and the scope itself. */
const scopesAbove = (scopeKey: string): string[] => {
  const scopes = ['']
  for (let at = scopeKey.indexOf('/', 1); at > 0; at = scopeKey.indexOf('/', at + 1)) scopes.push(scopeKey.slice(0, at))
  if (scopeKey !== '') scopes.push(scopeKey)
  return scopes
}

/** Whether a scope is another one or lies below it. */
export const isWithin = (scopeKey: string, above: string): boolean =>
  above === '' || scopeKey === above || scopeKey.startsWith(`${above}/`)
