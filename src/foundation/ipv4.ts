import { isIPv4 } from 'node:net'

/** A range of IPv4 addresses as CIDR notation names it: 10.0.0.0/24. */
export interface Ipv4Range {
  /** The first address, as a number of 32 bits. */
  readonly first: number
  /** The last address. */
  readonly last: number
  /** Bits in common: 0 to 32. */
  readonly prefixLength: number
}

export const ipv4Number = (text: string): number | undefined =>
  isIPv4(text) ? text.split('.').reduce((number, byte) => number * 256 + Number(byte), 0) : undefined

export const ipv4Text = (number: number): string =>
  [24, 16, 8, 0].map(shift => Math.floor(number / 2 ** shift) % 256).join('.')

/** Reads `10.0.0.0/24`; bits behind the prefix are cut off (compare with `rangeText`). `undefined` for what is no such notation. */
export const parseIpv4Range = (text: string): Ipv4Range | undefined => {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? []
  const number = ipv4Number(address)
  const prefixLength = Number(length)
  if (number === undefined || length === '' || prefixLength > 32) return undefined
  const size = 2 ** (32 - prefixLength)
  const first = number - (number % size)
  return { first, last: first + size - 1, prefixLength }
}

export const rangeText = ({ first, prefixLength }: Ipv4Range): string => `${ipv4Text(first)}/${prefixLength}`
export const isWithin = (outer: Ipv4Range, inner: Ipv4Range): boolean =>
  outer.first <= inner.first && inner.last <= outer.last
export const overlaps = (one: Ipv4Range, other: Ipv4Range): boolean =>
  one.first <= other.last && other.first <= one.last
export const hasAddress = (range: Ipv4Range, address: number): boolean =>
  range.first <= address && address <= range.last

/** The ranges that make up `range` without what `excluded` covers, as few as there can be, in order. */
export const without = (range: Ipv4Range, excluded: readonly Ipv4Range[]): Ipv4Range[] => {
  const met = excluded.filter(other => overlaps(range, other))
  if (met.length === 0) return [range]
  if (met.some(other => isWithin(other, range))) return []
  const prefixLength = range.prefixLength + 1
  const middle = range.first + 2 ** (32 - prefixLength)
  return [
    ...without({ first: range.first, last: middle - 1, prefixLength }, met),
    ...without({ first: middle, last: range.last, prefixLength }, met),
  ]
}
