import type { Forward } from '#data-plane/machines/machines.ts'

/** A rule of a network security group, as effective ones are told. */
export interface SecurityRule {
  readonly protocol?: string
  readonly access?: string
  readonly direction?: string
  readonly priority?: number
  readonly destinationPortRange?: string
  readonly destinationPortRanges?: readonly string[]
  readonly sourceAddressPrefix?: string
  readonly sourceAddressPrefixes?: readonly string[]
}

/** More ports of one address than this are not opened on the host: a rule for all ports would take every port of its address. */
export const MAX_FORWARDS = 256

/**
 * The ports of a public address that lead to a machine: those that a rule names and the first rule for them allows. Rules are those of
 * one network security group; a packet must pass every group.
 */
export const forwardsOf = (groups: readonly (readonly SecurityRule[])[], address: string): readonly Forward[] => {
  const forwards: Forward[] = []
  for (const protocol of ['tcp', 'udp'] as const)
    for (const port of candidates(groups, protocol))
      if (groups.every(rules => isAllowed(rules, protocol, port)) && forwards.length < MAX_FORWARDS)
        forwards.push({ protocol, address, port })
  return forwards
}

type Protocol = Forward['protocol']

/** Ports that some rule allows; a range that is too wide to be opened counts with its first ports. */
const candidates = (groups: readonly (readonly SecurityRule[])[], protocol: Protocol): readonly number[] => {
  const ports = new Set<number>()
  for (const rule of groups.flat()) {
    if (!isInbound(rule) || rule.access?.toLowerCase() !== 'allow' || !concerns(rule, protocol)) continue
    if (!isFromOutside(rule)) continue
    for (const [first, last] of rangesOf(rule))
      for (let port = Math.max(1, first); port <= last && ports.size < MAX_FORWARDS; port++) ports.add(port)
  }
  return [...ports].toSorted((a, b) => a - b)
}

const isAllowed = (rules: readonly SecurityRule[], protocol: Protocol, port: number): boolean => {
  const first = rules
    .filter(rule => isInbound(rule) && concerns(rule, protocol) && isFromOutside(rule) && covers(rule, port))
    .toSorted((a, b) => (a.priority ?? 65_535) - (b.priority ?? 65_535))[0]
  return first?.access?.toLowerCase() === 'allow'
}

const isInbound = ({ direction }: SecurityRule): boolean => direction?.toLowerCase() === 'inbound'

const concerns = ({ protocol = '*' }: SecurityRule, wanted: Protocol): boolean =>
  ['*', 'all', wanted].includes(protocol.toLowerCase())

/** Whoever reaches the public address comes from outside of the virtual network; rules for a part of the Internet are for nobody here. */
const isFromOutside = ({ sourceAddressPrefix, sourceAddressPrefixes = [] }: SecurityRule): boolean =>
  [...sourceAddressPrefixes, ...(sourceAddressPrefix === undefined ? [] : [sourceAddressPrefix])].some(prefix =>
    ['*', 'internet', '0.0.0.0/0', 'any'].includes(prefix.toLowerCase()),
  )

const covers = (rule: SecurityRule, port: number): boolean =>
  rangesOf(rule).some(([first, last]) => first <= port && port <= last)

const rangesOf = ({ destinationPortRange, destinationPortRanges = [] }: SecurityRule): [number, number][] =>
  [...destinationPortRanges, ...(destinationPortRange === undefined ? [] : [destinationPortRange])].map(range => {
    if (range === '*') return [0, 65_535]
    const [first = 0, last = first] = range.split('-').map(Number)
    return [first, last]
  })
