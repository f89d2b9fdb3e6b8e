import type { Role } from '#access/role.ts'
import { armError } from '#arm/arm-error.ts'

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
  const terms = filter ? filter.split(/\s+and\s+(?=(?:roleName|type)\s|atScope)/i).map(term => term.trim()) : []
  const tests = terms.filter(term => !isAtScope(term)).map(term => testOf(term, filter ?? ''))
  return {
    below: terms.some(term => /^atScopeAndBelow/i.test(term)),
    keeps: role => tests.every(test => test(role)),
  }
}

const isAtScope = (term: string): boolean => /^atScope(AndBelow)?\(\s*\)$/i.test(term)

const testOf = (term: string, filter: string): ((role: Role) => boolean) => {
  const [, member = '', value = ''] = /^(roleName|type)\s+eq\s+'((?:[^']|'')*)'$/i.exec(term) ?? []
  const wanted = value.replaceAll("''", "'").toLowerCase()
  if (/^roleName$/i.test(member)) return ({ roleName }) => roleName.toLowerCase() === wanted
  if (/^type$/i.test(member)) return ({ type }) => type.toLowerCase() === wanted
  throw armError.invalidFilter(filter.slice(0, 200))
}
