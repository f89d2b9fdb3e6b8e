import type { Role } from '#access/role.ts'
import { armError } from '#arm/arm-error.ts'
import { comparisonOf, filterTerms } from '#arm/filter-terms.ts'

/** What a `$filter` of role definitions asks for. */
export interface RoleFilter {
  /** Those too that can be assigned only somewhere below the scope. */
  readonly below: boolean
  keeps(role: Role): boolean
}

/**
 * `roleName eq 'NAME'`, `type eq 'CustomRole'` and `atScopeAndBelow()`, joined by `and`. Throws `InvalidFilterInQueryString` for
 * anything else.
 */
export const roleFilter = (filter: string | undefined): RoleFilter => {
  const terms = filter ? filterTerms(filter) : []
  const tests = terms.filter(term => !isAtScope(term)).map(term => testOf(term, filter ?? ''))
  return {
    below: terms.some(term => /^atScopeAndBelow/i.test(term)),
    keeps: role => tests.every(test => test(role)),
  }
}

const isAtScope = (term: string): boolean => /^atScope(AndBelow)?\(\s*\)$/i.test(term)

const testOf = (term: string, filter: string): ((role: Role) => boolean) => {
  const { field, operator, value = '' } = comparisonOf(term) ?? {}
  const wanted = value.toLowerCase()
  if (operator === 'eq' && field === 'rolename') return ({ roleName }) => roleName.toLowerCase() === wanted
  if (operator === 'eq' && field === 'type') return ({ type }) => type.toLowerCase() === wanted
  throw armError.invalidFilter(filter.slice(0, 200))
}
