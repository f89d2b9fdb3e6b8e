import { armError } from '#arm/arm-error.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

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
  if (filter.length > 2000) throw armError.invalidFilter(filter.slice(0, 200))
  const terms = filter.split(/\s+and\s+/i)
  const tagName = terms.map(term => literal(term, 'tagname')).find(name => name !== undefined)
  const tests = terms.map(term => testOf(term.trim().replace(/^\((.*)\)$/, '$1'), tagName, filter))
  return document => tests.every(test => test(document))
}

const literal = (term: string, field: string): string | undefined =>
  new RegExp(`^\\(?\\s*${field}\\s+eq\\s+'([^']*)'\\s*\\)?$`, 'i').exec(term.trim())?.[1]

const testOf = (term: string, tagName: string | undefined, filter: string): Test => {
  const part = /^substringof\('([^']*)',\s*name\)$/i.exec(term)?.[1]
  if (part !== undefined) return document => document.name.toLowerCase().includes(part.toLowerCase())
  const [, field = '', operator = '', value = ''] = /^(\w+)\s+(eq|ne)\s+'([^']*)'$/i.exec(term) ?? []
  const isWanted = operator.toLowerCase() === 'eq'
  if (field.toLowerCase() === 'tagname' && isWanted) return document => tagOf(document, value) !== undefined
  if (field.toLowerCase() === 'tagvalue' && isWanted && tagName !== undefined)
    return document => tagOf(document, tagName) === value
  const read = fields.get(field.toLowerCase())
  if (!read) throw armError.invalidFilter(filter.slice(0, 200))
  return document => (read(document).toLowerCase() === value.toLowerCase().replaceAll(/\s/g, '')) === isWanted
}

const tagOf = (document: ResourceDocument, name: string): string | undefined =>
  Object.entries(document.tags ?? {}).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1]
