import { createHmac, timingSafeEqual } from 'node:crypto'
import { type BlobRequest, headerOf } from './blob-request.ts'

/** Whether `signature` (base64) is one of the keys' HMAC-SHA256 of the text; takes the same time wherever they differ. */
export const isSigned = (text: string, signature: string, keys: readonly Buffer[]): boolean => {
  const given = Buffer.from(signature, 'base64')
  let good = false
  for (const key of keys) {
    const right = createHmac('sha256', key).update(text, 'utf8').digest()
    if (given.length === right.length && timingSafeEqual(given, right)) good = true
  }
  return good
}

/** HMAC-SHA256 in base64, as signatures are written. */
export const sign = (text: string, key: Buffer): string =>
  createHmac('sha256', key).update(text, 'utf8').digest('base64')

const maxSkewMs = 15 * 60_000

/** The account's name and signature in an Authorization header of the Shared Key form. */
export const parseSharedKey = (header: string): { account: string; signature: string } | undefined => {
  const match = /^SharedKey ([a-z0-9]{3,24}):([A-Za-z0-9+/]{43}=)$/.exec(header)
  return match?.[1] && match[2] ? { account: match[1], signature: match[2] } : undefined
}

/** A request that was signed long ago may be somebody else's, seen and kept. */
export const isFresh = (request: BlobRequest, now: Date): boolean => {
  const sent = Date.parse(headerOf(request, 'x-ms-date') ?? headerOf(request, 'date') ?? '')
  return Math.abs(now.getTime() - sent) <= maxSkewMs
}

/**
 * The texts of which one must have been signed: version 2015-02-21 and later, where a length of 0 is signed as nothing
 * (learn.microsoft.com: Authorize with Shared Key). There are two, because SDKs sort headers in .NET's culture order, which looks at
 * hyphens last, and the documentation says byte order.
 */
export const stringsToSign = (request: BlobRequest): string[] => {
  const value = (name: string) => headerOf(request, name) ?? ''
  const length = value('content-length')
  const head = [
    request.method,
    value('content-encoding'),
    value('content-language'),
    length === '0' ? '' : length,
    value('content-md5'),
    value('content-type'),
    headerOf(request, 'x-ms-date') === undefined ? value('date') : '',
    value('if-modified-since'),
    value('if-match'),
    value('if-none-match'),
    value('if-unmodified-since'),
    value('range'),
  ].join('\n')
  const names = Object.keys(request.headers).filter(name => name.startsWith('x-ms-'))
  const resource = canonicalResource(request)
  return [names.toSorted(byCulture), names.toSorted()].map(sorted => {
    const headers = sorted.map(name => `${name}:${value(name).trim()}\n`).join('')
    return `${head}\n${headers}${resource}`
  })
}

const cultureKey = (name: string) => name.replaceAll('-', '').replaceAll('_', '!')
const byCulture = (a: string, b: string): number => {
  const [x, y] = [cultureKey(a), cultureKey(b)]
  if (x !== y) return x < y ? -1 : 1
  return a < b ? -1 : 1
}

// With path-style URLs the account stands twice: once as the account, once as the first part of the path.
const canonicalResource = ({ account, rawPath, query }: BlobRequest): string => {
  const sorted = [...query].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `\n${name}:${value}`)
  return `/${account}${rawPath}${sorted.join('')}`
}
