import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { ResourceType } from '#arm/resource-type.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { networkApiVersions } from '../api-versions.ts'
import { checkName, isFilled, isTrue, refusePatchOfMore } from '../checks.ts'
import { type MemberKind, memberType, readMembers, shownMember } from '../members.ts'
import { moveUse } from '../notes.ts'
import { subnetsOf } from './address-space.ts'
import { allocationsIn, allocationsOf } from './allocations.ts'
import { vnetError } from './network-errors.ts'
import { networkSchema, subnetSchema } from './network-schema.ts'
import { groupOf, planNetwork } from './plan-network.ts'

const unserved: readonly Unserved[] = [
  ['extendedLocation', 'An edge zone'],
  ['properties.addressSpace.ipamPoolPrefixAllocations', 'An IPAM pool', isFilled],
  ['properties.dhcpOptions.dnsServers', 'A DNS server of a virtual network', isFilled],
  ['properties.virtualNetworkPeerings', 'The peering of virtual networks', isFilled],
  ['properties.enableDdosProtection', 'DDoS protection', isTrue],
  ['properties.ddosProtectionPlan', 'DDoS protection'],
  ['properties.enableVmProtection', 'VM protection (enableVmProtection)', isTrue],
  ['properties.encryption.enabled', 'Encryption of a virtual network', isTrue],
  ['properties.bgpCommunities', 'A BGP community'],
  ['properties.ipAllocations', 'An IP allocation', isFilled],
  ['properties.flowTimeoutInMinutes', 'A flow timeout'],
  ['properties.summarizedGatewayPrefixes', 'A virtual network gateway'],
]

/** Virtual networks: an address space, and subnets whose addresses network interfaces are given. */
export const virtualNetworkType: ResourceType = {
  type: 'Microsoft.Network/virtualNetworks',
  apiVersions: networkApiVersions,
  tracked: true,
  schema: networkSchema,
  bodyName: 'virtualNetwork',
  checkName: name => checkName(name, 64),
  async plan(change, arm) {
    const { wanted, existing } = change
    refusePatchOfMore(change)
    refuseUnserved({ ...wanted.envelope, properties: wanted.properties }, unserved)
    const members = readMembers(subnets, wanted, existing) as unknown as Json
    const document = { ...wanted, properties: { ...wanted.properties, subnets: members } }
    return planNetwork(document, existing, change, arm)
  },
  async planDelete({ document }, arm) {
    const [used] = allocationsOf(document)
    if (used) throw vnetError.subnetInUse(used.subnet, used.ipConfiguration)
    return {
      async inCommit(transaction) {
        for (const { name } of subnetsOf(document))
          await moveUse(transaction, arm, `${document.id}/subnets/${name}`, groupOf(document, name), undefined)
      },
    }
  },
  present: async document => ({
    envelope: { ...document.envelope, etag: `W/"${document.etag}"` },
    properties: presentNetwork(document),
  }),
}

const presentNetwork = (document: ResourceDocument): JsonObject => ({
  ...document.properties,
  subnets: subnetsOf(document).map(subnet => shownMember(subnets, subnet, document)),
  virtualNetworkPeerings: [],
  enableDdosProtection: false,
})

const subnets: MemberKind = {
  type: 'Microsoft.Network/virtualNetworks/subnets',
  list: 'subnets',
  bodyName: 'subnet',
  schema: subnetSchema,
  planParent: planNetwork,
  present(subnet, network) {
    const used = allocationsIn(network, subnet).map(({ ipConfiguration }) => ({ id: ipConfiguration }))
    const ipConfigurations = used.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return { delegations: [], ...subnet.properties, ...(used.length > 0 ? { ipConfigurations } : {}) }
  },
}

/** Subnets one by one, in the network's own document. */
export const subnetType: ResourceType = { ...memberType(subnets), linkedActions: ['join/action'] }
