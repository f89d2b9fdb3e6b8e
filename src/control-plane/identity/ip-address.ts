import { isIPv4, isIPv6 } from 'node:net'

/** The four or sixteen bytes of an address, or undefined when the text is none. */
export const ipBytes = (text: string): Buffer | undefined => {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  if (!isIPv6(text)) return undefined
  const plain = text.replace(/%.*$/, '').replace(/[\d.]+$/, tail => (tail.includes('.') ? asGroups(tail) : tail))
  const [head = '', tail] = plain.split('::')
  const [left, right] = [head, tail ?? ''].map(side => side.split(':').filter(Boolean)) as [string[], string[]]
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return Buffer.from(groups.map(group => group.padStart(4, '0')).join(''), 'hex')
}

const asGroups = (ipv4: string): string => {
  const hex = Buffer.from(ipv4.split('.').map(Number)).toString('hex')
  return `${hex.slice(0, 4)}:${hex.slice(4)}`
}

/** Where a caller comes from: an IPv4 address, or the /64 that an IPv6 address shares with its owner's others. */
export const networkOf = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const bytes = ipBytes(plain)
  return bytes?.length === 16 ? `${bytes.subarray(0, 8).toString('hex')}::/64` : plain
}
