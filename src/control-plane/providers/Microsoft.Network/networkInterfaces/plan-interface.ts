import { armError } from '#arm/arm-error.ts'
import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change, Plan } from '#arm/resource-type.ts'
import type { Ipv4Range } from '#foundation/ipv4.ts'
import type { Json, JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { checkName, findJoined, idIn, isFilled, isTrue, refusePatchOfMore } from '../checks.ts'
import { sameName } from '../members.ts'
import { networkError } from '../network-errors.ts'
import { PUBLIC_ADDRESS_TYPE } from '../publicIPAddresses/give-address.ts'
import { subnetsOf } from '../virtualNetworks/address-space.ts'
import { configurationOf, configurationsOf, type IpConfiguration } from './interface-schema.ts'
import { joinResources } from './join-resources.ts'

const isNot = (value: Json) => (given: Json) => given !== value

const unserved: readonly Unserved[] = [
  ['extendedLocation', 'An edge zone'],
  ['properties.enableIPForwarding', 'IP forwarding', isTrue],
  ['properties.disableTcpStateTracking', 'A network interface without TCP state tracking', isTrue],
  ['properties.nicType', 'An elastic network interface', isNot('Standard')],
  ['properties.auxiliaryMode', 'An auxiliary mode', isNot('None')],
  ['properties.auxiliarySku', 'An auxiliary SKU', isNot('None')],
  ['properties.privateLinkService', 'A private link service'],
  ['properties.workloadType', 'A workload type'],
  ['properties.migrationPhase', 'The migration of a network interface', isNot('None')],
  ['properties.dscpConfiguration', 'A DSCP configuration'],
  ['properties.dnsSettings.dnsServers', 'A DNS server of a network interface', isFilled],
  ['properties.dnsSettings.internalDnsNameLabel', 'An internal DNS name'],
]

const unservedOfConfiguration: readonly Unserved[] = [
  ['privateIPAddressVersion', 'A private IPv6 address', isNot('IPv4')],
  ['privateIPAddressPrefixLength', 'A block of private addresses'],
  ['primary', 'A network interface without primary IP configuration', isNot(true)],
  ['applicationSecurityGroups', 'An application security group', isFilled],
  ['applicationGatewayBackendAddressPools', 'An application gateway', isFilled],
  ['loadBalancerBackendAddressPools', 'A load balancer', isFilled],
  ['loadBalancerInboundNatRules', 'A load balancer', isFilled],
  ['gatewayLoadBalancer', 'A load balancer'],
  ['virtualNetworkTaps', 'A virtual network tap', isFilled],
]

/** The rules of a network interface: what it refers to must be there, and is told in the commit that saves it. */
export const planInterface = async (change: Change, arm: Arm, range: Ipv4Range): Promise<Plan> => {
  const { wanted, existing } = change
  refusePatchOfMore(change)
  refuseUnserved({ ...wanted.envelope, properties: wanted.properties }, unserved)
  const document = await withReferences(change, completed(wanted, arm), arm)
  return {
    document,
    inCommit: (transaction, saved) => joinResources(saved, existing, { transaction, arm, range }),
  }
}

const completed = (wanted: ResourceDocument, arm: Arm): ResourceDocument => {
  const given = configurationsOf(wanted)
  if (given.length > 1) throw armError.notServed('A second IP configuration of a network interface')
  const { name, properties } = configurationOf(wanted)
  checkName(name)
  refuseUnserved(properties as unknown as JsonObject, unservedOfConfiguration)
  const method = properties.privateIPAllocationMethod ?? 'Dynamic'
  if (method === 'Static' && properties.privateIPAddress === undefined)
    throw armError.missingProperty('networkInterface.properties.ipConfigurations[0].properties.privateIPAddress')
  const filled: IpConfiguration['properties'] & { privateIPAddressVersion: string; primary: true } = {
    privateIPAddressVersion: 'IPv4',
    ...properties,
    privateIPAllocationMethod: method,
    primary: true,
  }
  const ipConfigurations = [{ name, properties: filled }] as unknown as Json
  const resourceGuid = wanted.properties.resourceGuid ?? arm.random.uuid()
  return { ...wanted, properties: { ...wanted.properties, ipConfigurations, resourceGuid } }
}

const SUBNET_TYPE = 'Microsoft.Network/virtualNetworks/subnets'
const GROUP_TYPE = 'Microsoft.Network/networkSecurityGroups'

/** The interface with what it refers to, which must be there, under the ids that it has. */
const withReferences = async (change: Change, document: ResourceDocument, arm: Arm): Promise<ResourceDocument> => {
  const find = (id: string, type: string, member: string) =>
    findJoined(arm, change, { id, type, path: `networkInterface.properties.${member}`, location: document.location })
  const { name, properties } = configurationOf(document)
  const network = await find(properties.subnet.id, SUBNET_TYPE, 'ipConfigurations[0].properties.subnet')
  const subnet = subnetsOf(network).find(sameName(ResourceId.parse(properties.subnet.id)?.name ?? ''))
  if (!subnet) throw networkError.referenceNotFound(properties.subnet.id, document.id)
  const publicId = properties.publicIPAddress?.id
  const publicAddress =
    publicId === undefined ? undefined : await find(publicId, PUBLIC_ADDRESS_TYPE, 'publicIPAddress')
  const groupId = idIn(document.properties.networkSecurityGroup)
  const group = groupId === undefined ? undefined : await find(groupId, GROUP_TYPE, 'networkSecurityGroup')
  const subnetId = `${network.id}/subnets/${subnet.name}`
  const configuration = {
    ...withKeptAddress(properties, subnetId, change.existing),
    subnet: { id: subnetId },
    ...(publicAddress ? { publicIPAddress: { ...properties.publicIPAddress, id: publicAddress.id } } : {}),
  }
  return {
    ...document,
    properties: {
      ...document.properties,
      ipConfigurations: [{ name, properties: configuration }] as unknown as Json,
      ...(group ? { networkSecurityGroup: { id: group.id } } : {}),
    },
  }
}

/** A dynamic address is the one that the interface has in the subnet, whatever a body says; a first one is chosen in the commit. */
const withKeptAddress = (
  properties: IpConfiguration['properties'],
  subnetId: string,
  existing: ResourceDocument | undefined,
): IpConfiguration['properties'] => {
  if (properties.privateIPAllocationMethod === 'Static') return properties
  const { privateIPAddress: _given, ...others } = properties
  const before = existing && configurationOf(existing).properties
  const kept = before?.subnet.id === subnetId ? before.privateIPAddress : undefined
  return kept === undefined ? others : { ...others, privateIPAddress: kept }
}
