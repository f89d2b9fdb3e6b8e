import type { Assignment } from '#access/access-record.ts'
import { armError } from '#arm/arm-error.ts'
import { filterTerms } from '#arm/filter-terms.ts'

/** What a `$filter` of role assignments asks for. */
export interface AssignmentFilter {
  /** Nothing of what lies below the scope. */
  readonly atScope: boolean
  keeps(assignment: Assignment): boolean
}

/**
 * `atScope()`, `principalId eq 'ID'` and `assignedTo('ID')` (which counts the groups of the principal), joined by `and`. Throws
 * `InvalidFilterInQueryString` for anything else.
 */
export const assignmentFilter = (
  filter: string | undefined,
  groupsOf: (objectId: string) => readonly string[],
): AssignmentFilter => {
  const terms = filter ? filterTerms(filter) : []
  const tests = terms.filter(term => !isAtScope(term)).map(term => testOf(term, filter ?? '', groupsOf))
  return { atScope: terms.some(isAtScope), keeps: assignment => tests.every(test => test(assignment)) }
}

const isAtScope = (term: string): boolean => /^atScope\(\s*\)$/i.test(term)

const testOf = (
  term: string,
  filter: string,
  groupsOf: (objectId: string) => readonly string[],
): ((assignment: Assignment) => boolean) => {
  const [, principal] = /^principalId\s+eq\s+'?([0-9a-f-]{36})'?$/i.exec(term) ?? []
  if (principal !== undefined) return ({ principalId }) => principalId === principal.toLowerCase()
  const [, somebody] = /^assignedTo\(\s*'([0-9a-f-]{36})'\s*\)$/i.exec(term) ?? []
  if (somebody === undefined) throw armError.invalidFilter(filter.slice(0, 200))
  const all = new Set([somebody.toLowerCase(), ...groupsOf(somebody.toLowerCase())])
  return ({ principalId }) => all.has(principalId)
}
