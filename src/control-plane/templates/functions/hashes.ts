import { createHash } from 'node:crypto'

/** The namespace of the name-based UUIDs (RFC 4122, version 5) that Azure's guid() makes. */
const GUID_NAMESPACE = Buffer.from('11fb06fb712d4ddd98c7e71bbd588830', 'hex')

/** What `guid()` makes of its arguments, joined by hyphens. */
export const guidOf = (name: string): string => {
  const hash = createHash('sha1').update(GUID_NAMESPACE).update(name).digest().subarray(0, 16)
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** What `uniqueString()` makes of its arguments, joined by hyphens: 13 letters and digits. */
export const uniqueStringOf = (text: string): string => {
  let rest = murmur64(Buffer.from(text))
  let made = ''
  for (let count = 0; count < 13; count++) {
    made += 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number(rest >> 59n))
    rest = BigInt.asUintN(64, rest << 5n)
  }
  return made
}

const C1 = 0x239b961b
const C2 = 0xab0e9789

const rotated = (value: number, by: number) => (value << by) | (value >>> (32 - by))
const mixed = (value: number) => {
  let mix = value
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}

/** Two lanes of MurmurHash3's 128-bit variant for x86, as Azure has it for its 64-bit hash. */
export const murmur64 = (bytes: Buffer): bigint => {
  let low = 0
  let high = 0
  const whole = bytes.length - (bytes.length % 8)
  for (let at = 0; at < whole; at += 8) {
    low ^= scrambledLow(bytes.readUInt32LE(at))
    low = Math.imul(rotated(low, 19) + high, 5) + 0x561ccd1b
    high ^= scrambledHigh(bytes.readUInt32LE(at + 4))
    high = Math.imul(rotated(high, 13) + low, 5) + 0x0bcaa747
  }
  const tail = Buffer.alloc(8)
  bytes.copy(tail, 0, whole)
  if (whole < bytes.length) low ^= scrambledLow(tail.readUInt32LE(0))
  if (bytes.length - whole > 4) high ^= scrambledHigh(tail.readUInt32LE(4))
  low ^= bytes.length
  high ^= bytes.length
  low = (low + high) | 0
  high = (high + low) | 0
  low = mixed(low)
  high = mixed(high)
  low = (low + high) | 0
  high = (high + low) | 0
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

const scrambledLow = (word: number) => Math.imul(rotated(Math.imul(word, C1), 15), C2)
const scrambledHigh = (word: number) => Math.imul(rotated(Math.imul(word, C2), 17), C1)
