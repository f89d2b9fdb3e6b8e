import { element } from '#data-plane/xml/write-xml.ts'
import type { BlobRequest } from './blob-request.ts'
import type { BlobRow, BlobTable } from './blob-table.ts'
import { storageError } from './storage-error.ts'

/** What both lists have in common: where to begin, how many, and what the names begin with. */
export interface Page {
  readonly prefix: string
  readonly after: string
  readonly max: number
  readonly include: ReadonlySet<string>
}

const maxResults = 5000

/** Reads the parameters of a list; more than 5,000 results are never sent at once, whatever was asked for. */
export const pageOf = (request: BlobRequest): Page => {
  const text = request.query.get('maxresults')
  const max = text === undefined ? maxResults : Number(text)
  if (!Number.isInteger(max) || max < 1) throw storageError.invalidQuery('maxresults')
  const include = (request.query.get('include') ?? '').toLowerCase().split(',')
  return {
    prefix: request.query.get('prefix') ?? '',
    after: Buffer.from(request.query.get('marker') ?? '', 'base64url').toString('utf8'),
    max: Math.min(max, maxResults),
    include: new Set(include),
  }
}

/** Continuation marks are the last name in another alphabet: opaque to clients, and stable when blobs come and go. */
export const nextMarker = (last: string | undefined): string =>
  element('NextMarker', last === undefined ? '' : Buffer.from(last).toString('base64url'))

/** The first text in SQLite's byte order behind every text that begins so. */
const behind = (prefix: string) => `${prefix}\u{10FFFF}`

export type Listed = { readonly blob: BlobRow } | { readonly prefix: string }

/** One page of a container's blobs in order of name; with a delimiter, names that share the part before it become one prefix. */
export const listPage = async (
  table: BlobTable,
  account: string,
  container: string,
  page: Page,
  delimiter: string,
): Promise<{ items: Listed[]; next: string | undefined }> => {
  const items: Listed[] = []
  const atOnce = delimiter === '' ? 500 : 50 // of a prefix one name is shown, however many there are
  let cursor = page.after
  for (;;) {
    const query = table.tables
      .selectFrom('blob')
      .selectAll()
      .where('account', '=', account)
      .where('container', '=', container)
      .where('name', '>', cursor)
      .orderBy('name')
      .limit(Math.min(page.max - items.length + 1, atOnce))
    const within = page.prefix ? query.where('name', '>=', page.prefix).where('name', '<', behind(page.prefix)) : query
    const rows = await within.execute()
    if (rows.length === 0) return { items, next: undefined }
    for (const row of rows) {
      if (isWithin(items.at(-1), row.name)) continue
      if (items.length === page.max) return { items, next: cursor }
      const at = delimiter === '' ? -1 : row.name.indexOf(delimiter, page.prefix.length)
      if (at < 0) {
        items.push({ blob: row })
        cursor = row.name
        continue
      }
      const prefix = row.name.slice(0, at + delimiter.length)
      items.push({ prefix })
      cursor = behind(prefix)
    }
  }
}

const isWithin = (listed: Listed | undefined, name: string): boolean =>
  listed !== undefined && 'prefix' in listed && name.startsWith(listed.prefix)
