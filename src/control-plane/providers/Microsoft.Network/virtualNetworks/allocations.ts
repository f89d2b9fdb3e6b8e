import { hasAddress, type Ipv4Range, ipv4Number, ipv4Text, parseIpv4Range } from '#foundation/ipv4.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { type Member, sameName } from '../members.ts'
import { prefixOf } from './address-space.ts'
import { vnetError } from './network-errors.ts'

/** A private address that is taken, as the virtual network's document notes it. */
export interface Allocation {
  readonly address: string
  /** The subnet's name. */
  readonly subnet: string
  /** The id of the IP configuration that has it. */
  readonly ipConfiguration: string
  readonly macAddress: string
}

/** All addresses of a network that are taken, in no order. */
export const allocationsOf = (network: ResourceDocument): readonly Allocation[] =>
  (network.hidden.allocations ?? []) as unknown as readonly Allocation[]

/** The network with other allocations, as `note` takes it. */
export const withAllocations = (network: ResourceDocument, allocations: readonly Allocation[]) => ({
  hidden: { ...network.hidden, allocations: allocations as unknown as Json },
})

export const isOf = (nicId: string) => (allocation: Allocation) =>
  allocation.ipConfiguration.toLowerCase().startsWith(`${nicId.toLowerCase()}/`)

export const allocationsIn = (network: ResourceDocument, subnet: Member): readonly Allocation[] =>
  allocationsOf(network).filter(allocation => sameName(allocation.subnet)(subnet))

// Azure keeps the network's address, the gateway, two for its DNS, and the broadcast address.
const KEPT_FIRST = 4

/**
 * The address that a configuration gets in a subnet: the one it asks for, or the lowest that is free, from the fifth on as in Azure.
 * Throws when that one is not to be had, or none is left.
 */
export const chooseAddress = (
  subnet: Member,
  taken: readonly Allocation[],
  asked: {
    readonly configuration: string
    readonly fixed?: string | undefined
    readonly preferred?: string | undefined
  },
): string => {
  const prefix = prefixOf(subnet)
  const range = parseIpv4Range(prefix) as Ipv4Range
  const owners = new Map(taken.map(({ address, ipConfiguration }) => [address, ipConfiguration]))
  if (asked.fixed !== undefined) return requireFree(asked.fixed, asked.configuration, { prefix, range, owners })
  const { preferred } = asked
  if (preferred !== undefined && !owners.has(preferred) && isUsable(range, preferred)) return preferred
  for (let number = range.first + KEPT_FIRST; number < range.last; number++)
    if (!owners.has(ipv4Text(number))) return ipv4Text(number)
  throw vnetError.subnetFull(subnet.name, prefix)
}

const requireFree = (
  text: string,
  configuration: string,
  { prefix, range, owners }: { prefix: string; range: Ipv4Range; owners: ReadonlyMap<string, string> },
): string => {
  const number = ipv4Number(text)
  if (number === undefined || !hasAddress(range, number)) throw vnetError.addressNotInSubnet(text, prefix)
  if (!isUsable(range, text)) throw vnetError.addressReserved(text, prefix)
  const owner = owners.get(text)
  if (owner !== undefined) throw vnetError.addressInUse(configuration, text, owner)
  return text
}

const isUsable = ({ first, last }: Ipv4Range, text: string): boolean => {
  const number = ipv4Number(text)
  return number !== undefined && number >= first + KEPT_FIRST && number < last
}
