import { fault } from '../template-fault.ts'
import { type Call, type FunctionTable, of } from './function.ts'

/** Arithmetic on ranges of IPv4 and IPv6 addresses. */
export const cidrFunctions: FunctionTable = {
  parseCidr: of(1, 1, (given, call) => {
    const range = readCidr(given.text(0), call)
    const last = range.first + size(range) - 1n
    const [firstUsable, lastUsable] = usable(range)
    return {
      network: write(range.first, range.bits),
      netmask: write(((1n << BigInt(range.bits)) - 1n) ^ (size(range) - 1n), range.bits),
      ...(range.bits === 32 ? { broadcast: write(last, range.bits) } : {}),
      firstUsable: write(firstUsable, range.bits),
      lastUsable: write(lastUsable, range.bits),
      cidr: range.prefix,
    }
  }),
  cidrSubnet: of(3, 3, (given, call) => {
    const range = readCidr(given.text(0), call)
    const [prefix, index] = [given.integer(1), given.integer(2)]
    if (prefix < range.prefix || prefix > range.bits) throw fault.value(call.name, 'the new prefix does not fit.')
    if (index < 0 || BigInt(index) >= 1n << BigInt(prefix - range.prefix))
      throw fault.value(call.name, 'there is no subnet of that index.')
    const first = range.first + BigInt(index) * (1n << BigInt(range.bits - prefix))
    return `${write(first, range.bits)}/${prefix}`
  }),
  cidrHost: of(2, 2, (given, call) => {
    const range = readCidr(given.text(0), call)
    const [first, last] = usable(range)
    const host = first + BigInt(given.integer(1))
    if (given.integer(1) < 0 || host > last) throw fault.value(call.name, 'there is no host of that index.')
    return write(host, range.bits)
  }),
}

interface Range {
  readonly first: bigint
  readonly prefix: number
  readonly bits: 32 | 128
}

const size = (range: Range) => 1n << BigInt(range.bits - range.prefix)

const usable = (range: Range): [bigint, bigint] => {
  const last = range.first + size(range) - 1n
  const isWide = range.bits === 32 && range.prefix < 31
  return isWide ? [range.first + 1n, last - 1n] : [range.first, last]
}

const readCidr = (text: string, call: Call): Range => {
  const [address = '', prefixText = ''] = text.split('/')
  const value = readV4(address) ?? readV6(address)
  const bits = address.includes(':') ? 128 : 32
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1
  if (value === undefined || prefix < 0 || prefix > bits || text.split('/').length !== 2)
    throw fault.value(call.name, `'${text.slice(0, 100)}' is no range of addresses in CIDR notation.`)
  const width = BigInt(bits - prefix)
  return { first: (value >> width) << width, prefix, bits }
}

const readV4 = (text: string): bigint | undefined => {
  const parts = text.split('.')
  if (parts.length !== 4 || parts.some(part => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

const readV6 = (text: string): bigint | undefined => {
  const halves = text.split('::')
  if (!text.includes(':') || halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map(half => half.split(':').filter(part => part !== ''))
  const missing = 8 - head.length - tail.length
  if (missing < 0 || (halves.length === 1 && missing !== 0)) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (groups.some(group => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

const write = (value: bigint, bits: 32 | 128): string => {
  if (bits === 32) return [24n, 16n, 8n, 0n].map(shift => String((value >> shift) & 255n)).join('.')
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16))
  return shortened(groups)
}

/** The longest run of zeros becomes `::`. */
const shortened = (groups: readonly string[]): string => {
  const runs = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].map(match => match[0])
  const longest = runs.toSorted((a, b) => b.length - a.length)[0]
  if (!longest) return groups.join(':')
  return groups.join(':').replace(new RegExp(`:?\\b${longest}\\b:?`), '::')
}
