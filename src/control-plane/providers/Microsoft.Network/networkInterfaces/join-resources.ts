import { ResourceId } from '#arm/resource-id.ts'
import type { Arm } from '#arm/resource-type.ts'
import type { Transaction } from '#foundation/database.ts'
import type { Ipv4Range } from '#foundation/ipv4.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged } from '#resources/resources.ts'
import { idIn } from '../checks.ts'
import { sameName } from '../members.ts'
import { moveUse, note } from '../notes.ts'
import { holderOf, withAddress } from '../publicIPAddresses/give-address.ts'
import { publicAddressError } from '../publicIPAddresses/public-address-errors.ts'
import { subnetsOf } from '../virtualNetworks/address-space.ts'
import { allocationsOf, chooseAddress, isOf, withAllocations } from '../virtualNetworks/allocations.ts'
import { configurationOf } from './interface-schema.ts'
import { newMacAddress } from './mac-address.ts'

/** What runs in the commit of a network interface: who else is told. */
interface Joining {
  readonly transaction: Transaction
  readonly arm: Arm
  /** The range of public addresses. */
  readonly range: Ipv4Range
}

/**
 * Gives a network interface its private address and notes it where it refers to: in the network's document, the security group's and
 * the public address's, and no longer where it did before. Runs in the commit that saves it, so an address is given once, and what is
 * acknowledged is in all documents or in none. Returns the interface with its addresses.
 */
export const joinResources = async (
  wanted: ResourceDocument,
  existing: ResourceDocument | undefined,
  joining: Joining,
): Promise<ResourceDocument> => {
  const { transaction, arm } = joining
  const networkKey = networkKeyOf(wanted)
  if (existing && networkKeyOf(existing) !== networkKey) await releasePrivate(existing, joining)
  const document = await takePrivate(wanted, networkKey, joining)
  await moveUse(transaction, arm, wanted.id, existing && groupOf(existing), groupOf(wanted))
  const [before, next] = [existing && publicIdOf(existing), publicIdOf(wanted)]
  if (before !== undefined && before.toLowerCase() !== next?.toLowerCase()) await releasePublic(before, joining)
  if (next !== undefined) await takePublic(next, wanted, joining)
  return withoutForeignProperties(document)
}

/** Takes back all that `joinResources` noted: the interface is being deleted. */
export const leaveResources = async (document: ResourceDocument, joining: Joining): Promise<void> => {
  await releasePrivate(document, joining)
  await moveUse(joining.transaction, joining.arm, document.id, groupOf(document), undefined)
  const publicId = publicIdOf(document)
  if (publicId !== undefined) await releasePublic(publicId, joining)
}

const subnetIdOf = (document: ResourceDocument): ResourceId =>
  ResourceId.parse(configurationOf(document).properties.subnet.id) as ResourceId
const networkKeyOf = (document: ResourceDocument): string => subnetIdOf(document).parent.key
const groupOf = (document: ResourceDocument): string | undefined => idIn(document.properties.networkSecurityGroup)
const publicIdOf = (document: ResourceDocument): string | undefined =>
  configurationOf(document).properties.publicIPAddress?.id

export const configurationId = (document: ResourceDocument): string =>
  `${document.id}/ipConfigurations/${configurationOf(document).name}`

const takePrivate = async (
  wanted: ResourceDocument,
  networkKey: string,
  { transaction, arm }: Joining,
): Promise<ResourceDocument> => {
  const { name, properties } = configurationOf(wanted)
  let given = { address: '', macAddress: '' }
  await note(transaction, arm, networkKey, network => {
    const subnet = subnetsOf(network).find(sameName(subnetIdOf(wanted).name))
    if (!subnet) throw new DocumentChanged(networkKey)
    const others = allocationsOf(network).filter(allocation => !isOf(wanted.id)(allocation))
    const { privateIPAllocationMethod: method, privateIPAddress: wish } = properties
    const asked = method === 'Static' ? { fixed: wish } : { preferred: wish }
    const address = chooseAddress(subnet, others, { configuration: configurationId(wanted), ...asked })
    const macAddress = macOf(wanted) ?? newMacAddress(arm.random, new Set(others.map(other => other.macAddress)))
    given = { address, macAddress }
    const own = { address, macAddress, subnet: subnet.name, ipConfiguration: configurationId(wanted) }
    return withAllocations(network, [...others, own])
  })
  const configuration = { name, properties: { ...properties, privateIPAddress: given.address } }
  const ipConfigurations = [configuration] as unknown as Json
  return { ...wanted, properties: { ...wanted.properties, ipConfigurations, macAddress: given.macAddress } }
}

const macOf = (document: ResourceDocument): string | undefined => document.properties.macAddress as string | undefined

const releasePrivate = (document: ResourceDocument, { transaction, arm }: Joining) =>
  note(transaction, arm, networkKeyOf(document), network =>
    withAllocations(
      network,
      allocationsOf(network).filter(allocation => !isOf(document.id)(allocation)),
    ),
  )

const takePublic = async (id: string, by: ResourceDocument, { transaction, arm, range }: Joining): Promise<void> => {
  const key = id.toLowerCase()
  const found = await arm.resources.find(key, transaction)
  if (!found) throw new DocumentChanged(key)
  const holder = holderOf(found)
  const own = configurationId(by)
  if (holder !== undefined && !isOf(by.id)({ ipConfiguration: holder } as never))
    throw publicAddressError.inUse(own, found.id, holder)
  const deleteOption = configurationOf(by).properties.publicIPAddress?.properties?.deleteOption
  const properties = { ...found.properties, ...(deleteOption === undefined ? {} : { deleteOption }) }
  const held = { ...found, properties, hidden: { ...found.hidden, ipConfiguration: own }, etag: arm.random.uuid() }
  await arm.resources.update(transaction, await withAddress(held, range, arm, transaction))
}

const releasePublic = async (id: string, { transaction, arm, range }: Joining): Promise<void> => {
  const key = id.toLowerCase()
  const found = await arm.resources.find(key, transaction)
  if (!found) throw new DocumentChanged(key)
  const { ipConfiguration: _holder, ...hidden } = found.hidden
  const free = { ...found, hidden, etag: arm.random.uuid() }
  await arm.resources.update(transaction, await withAddress(free, range, arm, transaction))
}

/** `publicIPAddress.properties` says something of the address, and is kept there. */
const withoutForeignProperties = (document: ResourceDocument): ResourceDocument => {
  const { name, properties } = configurationOf(document)
  const { publicIPAddress, ...others } = properties
  const reference = publicIPAddress?.id === undefined ? {} : { publicIPAddress: { id: publicIPAddress.id } }
  const ipConfigurations = [{ name, properties: { ...others, ...reference } }] as unknown as Json
  return { ...document, properties: { ...document.properties, ipConfigurations } }
}
