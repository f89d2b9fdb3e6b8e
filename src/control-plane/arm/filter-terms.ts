import { armError } from './arm-error.ts'

const LONGEST = 4000

/** `location eq 'westus'`. */
export interface Comparison {
  /** In lower case. */
  readonly field: string
  readonly operator: 'eq' | 'ne'
  readonly value: string
}

/** What stands between the `and`s of a `$filter`; in quotes it is a value, whatever words are in it. */
export const filterTerms = (filter: string): string[] => {
  if (filter.length > LONGEST) throw armError.invalidFilter(filter.slice(0, 200))
  return filter.split(/\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)/i).map(term => term.trim())
}

/** A term that compares a field with a text, in which a quote stands twice. */
export const comparisonOf = (term: string): Comparison | undefined => {
  const [, field, operator = '', value = ''] = /^(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'$/i.exec(term) ?? []
  if (field === undefined) return undefined
  return {
    field: field.toLowerCase(),
    operator: operator.toLowerCase() === 'ne' ? 'ne' : 'eq',
    value: value.replaceAll("''", "'"),
  }
}
