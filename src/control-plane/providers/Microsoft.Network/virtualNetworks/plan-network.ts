import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { Arm, Plan } from '#arm/resource-type.ts'
import { hasAddress, type Ipv4Range, ipv4Number, parseIpv4Range } from '#foundation/ipv4.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { findJoined, idIn, isFilled, type Referrer } from '../checks.ts'
import { forgetGone, type Member, sameName } from '../members.ts'
import { moveUse } from '../notes.ts'
import { checkAddressSpace, prefixOf, subnetsOf } from './address-space.ts'
import { allocationsOf } from './allocations.ts'
import { vnetError } from './network-errors.ts'

/** The rules of a virtual network with its subnets, however it is written: as a whole, or a subnet at a time. */
export const planNetwork = async (
  wanted: ResourceDocument,
  existing: ResourceDocument | undefined,
  by: Referrer,
  arm: Arm,
): Promise<Plan> => {
  for (const subnet of subnetsOf(wanted)) refuseUnserved(subnet.properties, unserved)
  checkAddressSpace(wanted)
  if (existing) requireAllocated(existing, wanted)
  const subnets: Member[] = []
  for (const subnet of subnetsOf(wanted)) subnets.push(await withGroup(wanted, subnet, by, arm))
  const resourceGuid = wanted.properties.resourceGuid ?? arm.random.uuid()
  const properties = { ...wanted.properties, subnets: subnets as unknown as Json, resourceGuid }
  const document = { ...wanted, properties }
  const names = new Set([existing, document].flatMap(one => (one ? subnetsOf(one) : []).map(({ name }) => name)))
  return {
    document,
    async inCommit(transaction, saved) {
      for (const name of names) {
        const before = existing && groupOf(existing, name)
        await moveUse(transaction, arm, `${document.id}/subnets/${name}`, before, groupOf(document, name))
      }
      await forgetGone('subnets', existing, document, arm, transaction)
      return saved
    },
  }
}

const unserved: readonly Unserved[] = [
  ['routeTable', 'A route table'],
  ['natGateway', 'A NAT gateway'],
  ['serviceEndpoints', 'A service endpoint', isFilled],
  ['serviceEndpointPolicies', 'A service endpoint policy', isFilled],
  ['delegations', 'The delegation of a subnet', isFilled],
  ['ipAllocations', 'An IP allocation', isFilled],
  ['ipamPoolPrefixAllocations', 'An IPAM pool', isFilled],
  ['applicationGatewayIPConfigurations', 'An application gateway', isFilled],
  ['sharingScope', 'A shared subnet'],
  ['serviceGateway', 'A service gateway'],
  ['defaultOutboundAccess', 'A subnet without outbound access', value => value === false],
]

/** The id of a subnet's security group. */
export const groupOf = (network: ResourceDocument, subnetName: string): string | undefined =>
  idIn(subnetsOf(network).find(sameName(subnetName))?.properties.networkSecurityGroup)

/** The subnet with its security group, which must be there, under the id that it has. */
const withGroup = async (network: ResourceDocument, subnet: Member, by: Referrer, arm: Arm): Promise<Member> => {
  const id = idIn(subnet.properties.networkSecurityGroup)
  if (id === undefined) return subnet
  const type = 'Microsoft.Network/networkSecurityGroups'
  const path = 'subnet.properties.networkSecurityGroup'
  const group = await findJoined(arm, by, { id, type, path, location: network.location })
  return { ...subnet, properties: { ...subnet.properties, networkSecurityGroup: { id: group.id } } }
}

/** What is allocated must stay where it is. */
const requireAllocated = (existing: ResourceDocument, wanted: ResourceDocument): void => {
  for (const { address, subnet, ipConfiguration } of allocationsOf(existing)) {
    const stays = subnetsOf(wanted).find(sameName(subnet))
    if (!stays) throw vnetError.subnetInUse(subnet, ipConfiguration)
    if (hasAddress(parseIpv4Range(prefixOf(stays)) as Ipv4Range, ipv4Number(address) ?? -1)) continue
    const before = subnetsOf(existing).find(sameName(subnet))
    throw vnetError.prefixInUse(before ? prefixOf(before) : '', subnet)
  }
}
