import { createHash } from 'node:crypto'

/** Where a page ended: how many rows came before, of which query. */
export const makeSkipToken = (skip: number, query: string): string =>
  Buffer.from(JSON.stringify({ skip, of: nameOf(query) })).toString('base64url')

/** How many rows to leave out; undefined for a token that is not of this query. */
export const readSkipToken = (token: string, query: string): number | undefined => {
  try {
    const { skip, of } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { skip?: unknown; of?: unknown }
    return typeof skip === 'number' && Number.isSafeInteger(skip) && skip >= 0 && of === nameOf(query)
      ? skip
      : undefined
  } catch {
    return undefined
  }
}

const nameOf = (query: string) => createHash('sha256').update(query).digest('base64url').slice(0, 16)
