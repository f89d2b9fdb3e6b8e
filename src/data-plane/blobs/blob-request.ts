import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { storageError } from './storage-error.ts'

/** A request as the handlers see it: the path taken apart, names and values decoded once. */
export interface BlobRequest {
  readonly method: string
  /** The path as it was sent, still percent-encoded: signatures are made over it. */
  readonly rawPath: string
  readonly account: string
  readonly container: string | undefined
  readonly blob: string | undefined
  /** Names in lower case. */
  readonly query: ReadonlyMap<string, string>
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as they came: metadata keeps its capitals. */
  readonly rawHeaders: readonly string[]
  readonly body: Readable
  readonly clientAddress: string
}

/** What is sent back; `body` streams unless it is text. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | AsyncIterable<string | Uint8Array>
  /** Aborted when what is being sent may no longer be sent. */
  readonly signal?: AbortSignal
}

const maxBlobName = 1024
const containerName = /^[a-z0-9](?:-?[a-z0-9]){2,62}$/
/** Disk grants are served under names that no storage account can have: these hold a hyphen. */
const accountName = /^[a-z0-9][a-z0-9-]{2,127}$/

/** Takes a request line apart. Throws Azure's refusals for what names nothing. */
export const parseTarget = (url: string): Pick<BlobRequest, 'rawPath' | 'account' | 'container' | 'blob' | 'query'> => {
  const [rawPath = '', queryText = ''] = splitOnce(url, '?')
  const [, account = '', ...rest] = rawPath.split('/').map(decode)
  if (!rawPath.startsWith('/') || !accountName.test(account)) throw storageError.invalidUri()
  const [container, ...names] = rest
  const blob = names.join('/')
  if (container && !containerName.test(container)) throw storageError.invalidResourceName()
  if (blob.length > maxBlobName || blob.includes('\0')) throw storageError.invalidResourceName()
  return {
    rawPath,
    account,
    container: container || undefined,
    blob: blob || undefined,
    query: parseQuery(queryText),
  }
}

const parseQuery = (text: string): ReadonlyMap<string, string> => {
  const query = new Map<string, string>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const [name = '', value = ''] = splitOnce(pair, '=').map(decode)
    const key = name.toLowerCase()
    if (query.has(key)) throw storageError.invalidQuery(key, 'It is there twice.')
    query.set(key, value)
  }
  return query
}

const splitOnce = (text: string, by: string): string[] => {
  const at = text.indexOf(by)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw storageError.invalidUri()
  }
}

/** A header's single value. */
export const headerOf = (request: Pick<BlobRequest, 'headers'>, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** A header that must be a whole number from 0 to `max`. */
export const numberHeader = (request: BlobRequest, name: string, max = Number.MAX_SAFE_INTEGER): number | undefined => {
  const text = headerOf(request, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || value > max) throw storageError.invalidHeader(name)
  return value
}

// What would change an operation's meaning but is not there: refused, so that nobody believes that it was done.
const refusedHeaders =
  /^x-ms-(?:encryption-|source-|copy-|requires-sync|immutability-|legal-hold|tags$|if-tags$|access-tier|rehydrate-|structured-|content-crc64$|range-get-content-crc64$|proposed-lease|lease-(?!id$)|expiry-|default-encryption|deny-encryption|blob-append|blob-condition-|permanent-delete|deletetype|snapshot$)/
const refusedQueries = new Set(['snapshot', 'versionid', 'prevsnapshot', 'startfrom', 'endbefore', 'where', 'showonly'])

/** Refuses what this endpoint does not do. */
export const requireKnown = (request: BlobRequest): void => {
  for (const name of Object.keys(request.headers))
    if (refusedHeaders.test(name)) throw storageError.unsupportedHeader(name)
  for (const name of request.query.keys()) if (refusedQueries.has(name)) throw storageError.unsupportedQuery(name)
  if (headerOf(request, 'x-ms-lease-id') !== undefined) throw storageError.leaseNotPresent()
}
