import { armError } from '#arm/arm-error.ts'
import { comparisonOf, filterTerms } from '#arm/filter-terms.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { tagOf } from './tag-filter.ts'

type Test = (document: ResourceDocument) => boolean

const fields = new Map<string, (document: ResourceDocument) => string>([
  ['resourcetype', document => document.type],
  ['name', document => document.name],
  ['location', document => document.location ?? ''],
  ['resourcegroup', document => document.groupKey?.split('/').at(-1) ?? ''],
])

/**
 * `$filter` of resource lists, the part of OData that clients send: `and` of `eq` and `ne` on resourceType, name, location,
 * resourceGroup, tagName and tagValue, and `substringof('x', name)`. Throws `InvalidFilterInQueryString` for anything else.
 */
export const resourceFilter = (filter: string): Test => {
  const terms = filterTerms(filter).map(term => term.replace(/^\((.*)\)$/, '$1').trim())
  const tagName = terms.map(comparisonOf).find(one => one?.field === 'tagname' && one.operator === 'eq')?.value
  const tests = terms.map(term => testOf(term, tagName, filter))
  return document => tests.every(test => test(document))
}

const testOf = (term: string, tagName: string | undefined, filter: string): Test => {
  const part = /^substringof\('((?:[^']|'')*)',\s*name\)$/i.exec(term)?.[1]?.replaceAll("''", "'")
  if (part !== undefined) return document => document.name.toLowerCase().includes(part.toLowerCase())
  const { field = '', operator, value = '' } = comparisonOf(term) ?? {}
  const isWanted = operator === 'eq'
  if (field === 'tagname' && isWanted) return document => tagOf(document, value) !== undefined
  if (field === 'tagvalue' && isWanted && tagName !== undefined) return document => tagOf(document, tagName) === value
  const read = fields.get(field)
  if (!read) throw armError.invalidFilter(filter.slice(0, 200))
  const wanted = (field === 'location' ? value.replaceAll(/\s/g, '') : value).toLowerCase()
  return document => (read(document).toLowerCase() === wanted) === isWanted
}
