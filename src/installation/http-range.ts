import type { IncomingHttpHeaders } from 'node:http'

/** How a conditional or partial GET is to be answered, by RFC 9110 sections 13 and 14. */
export type Part =
  | { readonly status: 200 | 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 }

/** `etag` is a strong one, with its quotes. Several ranges at once are not served: the whole is, as the RFC allows. */
export const partOf = (headers: IncomingHttpHeaders, etag: string, sizeBytes: number): Part => {
  const matches = (list: string | undefined) =>
    list !== undefined && (list.trim() === '*' || list.split(',').some(one => one.trim() === etag))
  if (headers['if-match'] !== undefined && !matches(headers['if-match'])) return { status: 412 }
  if (matches(headers['if-none-match']?.replaceAll('W/', ''))) return { status: 304 }
  const whole = { status: 200, start: 0, end: sizeBytes } as const
  const ifRange = headers['if-range']
  if (typeof ifRange === 'string' && ifRange.trim() !== etag) return whole
  const [, first = '', last = ''] = /^bytes=(\d{0,16})-(\d{0,16})$/i.exec(headers.range?.trim() ?? '') ?? []
  if (first === '' && last === '') return whole
  if (first === '') {
    // The last so many bytes.
    const count = Math.min(Number(last), sizeBytes)
    return count === 0 ? { status: 416 } : { status: 206, start: sizeBytes - count, end: sizeBytes }
  }
  const [start, end] = [Number(first), last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)]
  if (last !== '' && Number(last) < start) return whole
  return start >= sizeBytes ? { status: 416 } : { status: 206, start, end }
}
