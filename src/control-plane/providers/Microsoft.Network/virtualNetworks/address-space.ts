import { armError } from '#arm/arm-error.ts'
import { type Ipv4Range, isWithin, overlaps, parseIpv4Range, rangeText } from '#foundation/ipv4.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { type Member, membersOf } from '../members.ts'
import { vnetError } from './network-errors.ts'

/** Ranges that mean something of their own to every machine, and the address of the platform itself. */
const RESERVED = ['127.0.0.0/8', '169.254.0.0/16', '168.63.129.16/32', '224.0.0.0/3']
const rangeOf = (text: string): Ipv4Range => parseIpv4Range(text) as Ipv4Range

export const prefixesOf = (network: ResourceDocument): readonly string[] =>
  (network.properties.addressSpace as unknown as { addressPrefixes: readonly string[] }).addressPrefixes

/** A stored subnet's one prefix, in whichever form it was given. */
export const prefixOf = ({ properties }: Member): string =>
  String(properties.addressPrefix ?? (properties.addressPrefixes as readonly string[] | undefined)?.[0] ?? '')

export const subnetsOf = (network: ResourceDocument): readonly Member[] => membersOf(network, 'subnets')

/** Throws Azure's refusals of prefixes that are malformed, overlap, or lie outside of where they must be. */
export const checkAddressSpace = (network: ResourceDocument): void => {
  const spaces = prefixesOf(network).map(prefix => readPrefix(prefix, network.id))
  spaces.forEach((space, index) => {
    const reserved = RESERVED.find(text => overlaps(space, rangeOf(text)))
    if (reserved) throw vnetError.prefixReserved(rangeText(space), reserved)
    const other = spaces.slice(0, index).find(before => overlaps(space, before))
    if (other) throw vnetError.spacesOverlap(network.name, rangeText(other), rangeText(space))
  })
  const before: Ipv4Range[] = []
  for (const subnet of subnetsOf(network)) {
    const range = readSubnet(subnet, network)
    if (!spaces.some(space => isWithin(space, range))) throw vnetError.subnetOutside(subnet.name, network.name)
    if (before.some(other => overlaps(other, range))) throw vnetError.subnetsOverlap(subnet.name, network.name)
    before.push(range)
  }
}

const readSubnet = (subnet: Member, network: ResourceDocument): Ipv4Range => {
  const { addressPrefix, addressPrefixes = [] } = subnet.properties as {
    addressPrefix?: string
    addressPrefixes?: string[]
  }
  const given = new Set([...(addressPrefix === undefined ? [] : [addressPrefix]), ...addressPrefixes])
  if (given.size === 0) throw vnetError.subnetWithoutPrefix(subnet.name)
  if (given.size > 1) throw armError.notServed('A subnet with several address prefixes')
  const range = readPrefix(prefixOf(subnet), `${network.id}/subnets/${subnet.name}`)
  if (range.prefixLength > 29 || range.prefixLength < 2) throw vnetError.subnetInvalid(subnet.name, network.name)
  return range
}

const readPrefix = (text: string, resource: string): Ipv4Range => {
  if (/^[0-9a-f:.]*:[0-9a-f:.]*\/\d{1,3}$/i.test(text)) throw armError.notServed('An IPv6 address range')
  const range = parseIpv4Range(text)
  if (!range) throw vnetError.prefixFormat(text, resource)
  if (rangeText(range) !== text) throw vnetError.prefixNotAligned(text, resource, rangeText(range))
  return range
}
