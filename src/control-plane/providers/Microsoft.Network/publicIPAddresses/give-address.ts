import type { Arm } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import { type Ipv4Range, ipv4Text, rangeText } from '#foundation/ipv4.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { publicAddressError } from './public-address-errors.ts'

export const PUBLIC_ADDRESS_TYPE = 'Microsoft.Network/publicIPAddresses'

/** The id of the IP configuration that has a public address. */
export const holderOf = (document: ResourceDocument): string | undefined =>
  document.hidden.ipConfiguration as string | undefined

/**
 * The document with the address that it must have now: a static one always, a dynamic one while it is joined to a network interface.
 * Runs in the commit that saves the document, so that no two are given the same; an address is free when no document has it.
 */
export const withAddress = async (
  document: ResourceDocument,
  range: Ipv4Range,
  arm: Arm,
  transaction: Transaction,
): Promise<ResourceDocument> => {
  const { ipAddress, ...properties } = document.properties
  const hasOne = properties.publicIPAllocationMethod === 'Static' || holderOf(document) !== undefined
  if (!hasOne) return { ...document, properties }
  if (ipAddress !== undefined) return document
  return { ...document, properties: { ...properties, ipAddress: await freeAddress(range, arm, transaction) } }
}

// Anywhere in the range, not the lowest: who connects to a machine remembers its address and key, and would take the next one for it.
const freeAddress = async (range: Ipv4Range, arm: Arm, transaction: Transaction): Promise<string> => {
  const documents = await listAll(arm.resources, { type: PUBLIC_ADDRESS_TYPE }, transaction)
  const taken = new Set(documents.map(({ properties }) => properties.ipAddress))
  const [first, count] = usable(range)
  const start = arm.random.bytes(4).readUInt32BE() % count
  for (let tried = 0; tried < count; tried++) {
    const address = ipv4Text(first + ((start + tried) % count))
    if (!taken.has(address)) return address
  }
  throw publicAddressError.noneLeft(count, rangeText(range))
}

/** A range's first and last address name the network and everybody in it; the smallest ranges have none to lose. */
const usable = ({ first, last, prefixLength }: Ipv4Range): [first: number, count: number] =>
  prefixLength > 30 ? [first, last - first + 1] : [first + 1, last - first - 1]
