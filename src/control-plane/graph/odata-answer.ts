import type { GraphAnswer, GraphCall, Words } from './graph-call.ts'
import { parseFilter } from './odata-filter.ts'
import { type Odata, pageSize } from './odata-query.ts'

/**
 * A page of a list, in the order of names. `path` is where the list is below the root, `properties` what may be filtered by; what is costly to
 * show is filled in by `complete`, for the page alone.
 */
export const listed = async <Listed extends Words>(
  { query, root }: GraphCall,
  path: string,
  objects: readonly Listed[],
  properties: ReadonlySet<string>,
  complete: (object: Listed) => Words | Promise<Words> = object => object,
): Promise<GraphAnswer> => {
  const keeps = query.filter === undefined ? () => true : parseFilter(query.filter, properties)
  const found = objects.filter(keeps).map(object => ({ object, key: keyOf(object) }))
  found.sort((one, other) => compare(one.key, other.key))
  const { after } = query
  const rest = after ? found.filter(({ key }) => compare(key, after) > 0) : found
  const page = rest.slice(0, query.top)
  const last = page.at(-1)
  const next = last && rest.length > page.length ? { '@odata.nextLink': linkAfter(query, root, path, last.key) } : {}
  return {
    status: 200,
    body: {
      '@odata.context': `${root}/$metadata#${path.slice(1)}`,
      ...(query.counts && { '@odata.count': found.length }),
      ...next,
      value: await Promise.all(page.map(async ({ object }) => selected(query, await complete(object)))),
    },
  }
}

/** One object, with the properties that were asked for. */
export const shown = (
  { query, root }: GraphCall,
  path: string,
  object: Words,
  status: 200 | 201 = 200,
): GraphAnswer => ({
  status,
  body: { '@odata.context': `${root}/$metadata#${path.slice(1)}/$entity`, ...selected(query, object) },
})

const selected = ({ select }: Odata, object: Words): Words =>
  select.size === 0
    ? object
    : Object.fromEntries(Object.entries(object).filter(([name]) => name.startsWith('@') || select.has(name)))

const keyOf = (object: Words): [string, string] => [
  String(object.displayName ?? '').toLowerCase(),
  String(object.id ?? ''),
]

const compare = ([name, id]: readonly [string, string], [otherName, otherId]: readonly [string, string]): number =>
  name === otherName ? Number(id > otherId) - Number(id < otherId) : name > otherName ? 1 : -1

const linkAfter = (query: Odata, root: string, path: string, key: readonly [string, string]): string => {
  const search = new URLSearchParams({
    ...(query.filter !== undefined && { $filter: query.filter }),
    ...(query.top !== pageSize && { $top: String(query.top) }),
    ...(query.select.size > 0 && { $select: [...query.select].join(',') }),
    ...(query.counts && { $count: 'true' }),
    $skiptoken: Buffer.from(JSON.stringify(key)).toString('base64url'),
  })
  return `${root}${path}?${search}`
}
