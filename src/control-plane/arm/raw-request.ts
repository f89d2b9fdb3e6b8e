import type { Json } from '#resources/resource-document.ts'
import { armError } from './arm-error.ts'
import type { ArmRequest, Caller } from './resource-type.ts'
import { parseTolerantly } from './tolerant-json.ts'

/** A request as it arrives, over HTTP or from within. */
export interface RawRequest {
  readonly method: string
  /** Path and query, still encoded. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: Uint8Array
  /** Already parsed, from within the process. */
  readonly json?: Json
  /** Where clients reach this server, without trailing slash. */
  readonly origin: string
  readonly remoteAddress: string
  /** Set for requests from within: they carry the rights of the one on whose behalf they are made. */
  readonly caller?: Caller
  /** From within the process: a write is only to be tried, see `Arm.preview`. */
  readonly isPreview?: boolean
  /** Who sends it, when the endpoint has asked for it already. */
  readonly verified?: Caller
}

const METHODS = ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'] as const
const MAX_DEPTH = 64
const MAX_QUERY_PARAMETERS = 64

export const readMethod = (method: string): ArmRequest['method'] => {
  const known = METHODS.find(name => name === method)
  if (!known) throw armError.methodNotAllowed(method, 'any')
  return known
}

/** Query parameters by lower-case name; of a repeated one the first counts. */
export const readQuery = (search: string): Map<string, string> => {
  const query = new Map<string, string>()
  let count = 0
  for (const [name, value] of new URLSearchParams(search)) {
    if (++count > MAX_QUERY_PARAMETERS) throw armError.invalidQueryParameter('(all)', `${count} parameters`)
    if (!query.has(name.toLowerCase())) query.set(name.toLowerCase(), value)
  }
  return query
}

const API_VERSION = /^(\d{4})-(\d{2})-(\d{2})(-[a-z0-9.]+)?$/i

/** Any dated version from 2015 on is taken: clients send dozens of them, one per type and verb, and none survives a refusal. */
export const readApiVersion = (query: ReadonlyMap<string, string>): string => {
  const version = query.get('api-version')
  if (!version) throw armError.missingApiVersion()
  const [, year = '', month = '', day = ''] = API_VERSION.exec(version) ?? []
  if (Number(year) < 2015 || Number.isNaN(Date.parse(`${year}-${month}-${day}`)))
    throw armError.invalidApiVersion(version.slice(0, 50))
  return version
}

/**
 * The body as JSON. az splices raw template text with an unquoted key and comments into some bodies that it labels as JSON, so what
 * is not JSON is read with tolerance; empty bodies, which az sends with POSTs, are none.
 */
export const readJsonBody = (raw: RawRequest): Json | undefined => {
  if (raw.json !== undefined) return raw.json
  if (!raw.body || raw.body.length === 0) return undefined
  const text = new TextDecoder('utf-8', { fatal: false }).decode(raw.body).trim()
  if (text === '') return undefined
  const value = parse(text)
  if (depthOf(value) > MAX_DEPTH)
    throw armError.invalidRequestContent(`the body is nested deeper than ${MAX_DEPTH} levels`)
  return value
}

const parse = (text: string): Json => {
  try {
    return parseTolerantly(text)
  } catch (error) {
    throw armError.invalidRequestContent((error as Error).message.slice(0, 200))
  }
}

const depthOf = (value: Json, limit = MAX_DEPTH + 1): number => {
  if (typeof value !== 'object' || value === null || limit === 0) return 0
  let deepest = 0
  for (const member of Object.values(value)) deepest = Math.max(deepest, depthOf(member as Json, limit - 1))
  return deepest + 1
}
