import { isIPv4 } from 'node:net'
import type { BlobRequest } from './blob-request.ts'
import { isSigned } from './shared-key.ts'
import { storageError } from './storage-error.ts'

/** What a signed URL allows. */
export interface SasGrant {
  readonly permissions: string
  /** Of an account's signature: the kinds of resource, letters of `sco`. Absent in a service signature. */
  readonly resourceTypes?: string
  /** Of a service signature: one blob, or a container and the blobs in it. */
  readonly scope?: 'blob' | 'container'
  /** Response headers that the signature sets (`rscc`, `rsct`...). */
  readonly responseHeaders: Readonly<Record<string, string>>
}

const overrides = {
  rscc: 'cache-control',
  rscd: 'content-disposition',
  rsce: 'content-encoding',
  rscl: 'content-language',
  rsct: 'content-type',
} as const

const version = /^\d{4}-\d{2}-\d{2}$/
const oldestVersion = '2015-04-05'

/** Checks the signed query of a URL: an account SAS (it has `ss`) or a service SAS. Throws the refusals that Azure gives. */
export const checkSas = (request: BlobRequest, keys: readonly Buffer[], now: Date): SasGrant => {
  const get = (name: string) => request.query.get(name) ?? ''
  if (!version.test(get('sv')) || get('sv') < oldestVersion) throw storageError.authenticationFailed('sv is not valid.')
  const isAccount = request.query.has('ss')
  const text = isAccount ? accountText(request.account, get) : serviceText(request, get)
  if (!isSigned(text, get('sig'), keys)) throw storageError.authenticationFailed('Signature did not match.')
  requireTime(get('st'), get('se'), now)
  // This endpoint speaks nothing but HTTPS.
  if (get('spr') && !get('spr').split(',').includes('https')) throw storageError.protocolMismatch()
  if (get('sip') && !isWithin(request.clientAddress, get('sip'))) throw storageError.sourceIpMismatch()
  if (isAccount) {
    if (!get('ss').includes('b')) throw storageError.serviceMismatch()
    return { permissions: get('sp'), resourceTypes: get('srt'), responseHeaders: {} }
  }
  return {
    permissions: get('sp'),
    scope: get('sr') === 'b' ? 'blob' : 'container',
    responseHeaders: responseHeaders(request.query),
  }
}

type Get = (name: string) => string

/** learn.microsoft.com: Create an account SAS; `ses` came with version 2020-12-06. */
const accountText = (account: string, get: Get): string => {
  const scope = get('sv') >= '2020-12-06' ? [get('ses')] : []
  const fields = ['sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv'].map(get)
  return [account, ...fields, ...scope, ''].join('\n')
}

/** learn.microsoft.com: Create a service SAS; `sr` and the snapshot's time came with 2018-11-09, `ses` with 2020-12-06. */
const serviceText = (request: BlobRequest, get: Get): string => {
  const scope = get('sr')
  if (scope !== 'b' && scope !== 'c') throw storageError.authenticationFailed('sr is not supported.')
  // Stored access policies don't exist here, so an identifier names none.
  if (get('si')) throw storageError.authenticationFailed('The signed identifier is not found.')
  if (!request.container || (scope === 'b' && !request.blob)) throw storageError.authenticationFailed()
  const path = [request.account, request.container, ...(scope === 'b' ? [request.blob] : [])].join('/')
  const middle = get('sv') >= '2018-11-09' ? [scope, ''] : []
  const encryption = get('sv') >= '2020-12-06' ? [get('ses')] : []
  const head = [get('sp'), get('st'), get('se'), `/blob/${path}`, get('si'), get('sip'), get('spr'), get('sv')]
  return [...head, ...middle, ...encryption, ...Object.keys(overrides).map(get)].join('\n')
}

const instant = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?Z)?$/

const requireTime = (start: string, expiry: string, now: Date): void => {
  const at = (text: string) => (instant.test(text) ? Date.parse(text) : Number.NaN)
  if (start && !(at(start) <= now.getTime()))
    throw storageError.authenticationFailed('Signature not valid in the specified time frame.')
  if (!(at(expiry) > now.getTime()))
    throw storageError.authenticationFailed('Signature not valid in the specified time frame.')
}

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

const isWithin = (address: string, range: string): boolean => {
  const client = address.replace(/^::ffff:/, '')
  const [first = '', last = first] = range.split('-')
  if (![client, first, last].every(isIPv4)) return false
  return numberOf(client) >= numberOf(first) && numberOf(client) <= numberOf(last)
}

const responseHeaders = (query: ReadonlyMap<string, string>): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [parameter, header] of Object.entries(overrides)) {
    const value = query.get(parameter)
    if (value === undefined) continue
    if (!/^[\t\x20-\x7e]*$/.test(value)) throw storageError.invalidQuery(parameter)
    headers[header] = value
  }
  return headers
}
