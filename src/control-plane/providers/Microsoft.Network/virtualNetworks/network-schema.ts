import { Type } from 'typebox'
import { envelope, nested, reference, shown, unserved } from '../schema-parts.ts'

const policy = (values: string[], byDefault: string) => Type.Optional(Type.Enum(values, { default: byDefault }))

const subnetProperties = Type.Object({
  addressPrefix: Type.Optional(Type.String({ maxLength: 100, emptyIsAbsent: true })),
  addressPrefixes: Type.Optional(Type.Array(Type.String({ maxLength: 100 }))),
  networkSecurityGroup: reference(),
  privateEndpointNetworkPolicies: policy(
    ['Enabled', 'Disabled', 'NetworkSecurityGroupEnabled', 'RouteTableEnabled'],
    'Disabled',
  ),
  privateLinkServiceNetworkPolicies: policy(['Enabled', 'Disabled'], 'Enabled'),
  defaultOutboundAccess: Type.Optional(Type.Boolean()),
  routeTable: unserved(),
  natGateway: unserved(),
  serviceEndpoints: unserved(),
  serviceEndpointPolicies: unserved(),
  delegations: unserved(),
  ipAllocations: unserved(),
  ipamPoolPrefixAllocations: unserved(),
  applicationGatewayIPConfigurations: unserved(),
  sharingScope: unserved(),
  serviceGateway: unserved(),
  ipConfigurations: shown(),
  ipConfigurationProfiles: shown(),
  privateEndpoints: shown(),
  resourceNavigationLinks: shown(),
  serviceAssociationLinks: shown(),
  purpose: shown(),
  provisioningState: shown(),
})

/** A subnet that is written by itself. */
export const subnetSchema = Type.Object({ properties: subnetProperties })

/** A virtual network. A PUT without `subnets` leaves them as they are, an empty list removes them, as in Azure. */
export const networkSchema = Type.Object({
  ...envelope,
  properties: Type.Object({
    addressSpace: Type.Object({
      addressPrefixes: Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 100 }),
      ipamPoolPrefixAllocations: unserved(),
    }),
    subnets: Type.Optional(
      Type.Array(Type.Object({ ...nested, properties: Type.Optional(subnetProperties) }), {
        maxItems: 1000,
        keep: true,
        default: [],
      }),
    ),
    dhcpOptions: Type.Optional(Type.Object({ dnsServers: unserved() })),
    virtualNetworkPeerings: unserved(),
    enableDdosProtection: unserved(),
    ddosProtectionPlan: unserved(),
    enableVmProtection: unserved(),
    encryption: Type.Optional(Type.Object({ enabled: unserved(), enforcement: unserved() })),
    bgpCommunities: unserved(),
    ipAllocations: unserved(),
    flowTimeoutInMinutes: unserved(),
    summarizedGatewayPrefixes: unserved(),
    privateEndpointVNetPolicies: Type.Optional(Type.Enum(['Disabled', 'Basic'], { default: 'Disabled' })),
    flowLogs: shown(),
    defaultPublicNatGateway: shown(),
    resourceGuid: Type.Optional(Type.String({ readOnly: true })),
    provisioningState: shown(),
  }),
})
