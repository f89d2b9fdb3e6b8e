import { graphError } from './graph-error.ts'

/** The query options of a request. */
export interface Odata {
  readonly filter: string | undefined
  readonly top: number
  /** Behind whom the page begins: what the last page's link says. */
  readonly after: readonly [string, string] | undefined
  /** The properties to show; all if there are none. */
  readonly select: ReadonlySet<string>
  readonly counts: boolean
}

/** How many objects a page has unless a client says. */
export const pageSize = 100
const mostPerPage = 999

/** Reads query options; those that are not served are refused, so that nobody takes an answer for another one. */
export const readOdata = (search: string): Odata => {
  const given = new Map(new URLSearchParams(search))
  const served = new Set(['$filter', '$top', '$skiptoken', '$select', '$count', '$orderby'])
  for (const name of given.keys()) if (name.startsWith('$') && !served.has(name)) throw graphError.badQuery(name)
  // Lists come in this order anyway.
  if (!/^(displayName( asc)?)?$/.test(given.get('$orderby') ?? '')) throw graphError.badQuery('$orderby')
  const top = Number(given.get('$top') ?? pageSize)
  if (!Number.isInteger(top) || top < 1 || top > mostPerPage) throw graphError.badQuery('$top')
  return {
    filter: given.get('$filter') || undefined,
    top,
    after: readToken(given.get('$skiptoken')),
    select: new Set(
      (given.get('$select') ?? '')
        .split(',')
        .map(name => name.trim())
        .filter(Boolean),
    ),
    counts: given.get('$count') === 'true',
  }
}

const readToken = (token: string | undefined): readonly [string, string] | undefined => {
  if (token === undefined) return undefined
  try {
    const [name, id, ...more] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[]
    if (typeof name === 'string' && typeof id === 'string' && more.length === 0) return [name, id]
  } catch {
    // Refused below.
  }
  throw graphError.badQuery('$skiptoken')
}
