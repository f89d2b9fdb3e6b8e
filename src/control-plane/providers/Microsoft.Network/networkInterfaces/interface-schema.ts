import { Type } from 'typebox'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { envelope, nested, reference, shown, unserved } from '../schema-parts.ts'

const ipConfiguration = Type.Object({
  ...nested,
  properties: Type.Object({
    privateIPAddress: Type.Optional(Type.String({ maxLength: 100, emptyIsAbsent: true })),
    privateIPAllocationMethod: Type.Optional(Type.Enum(['Static', 'Dynamic'])),
    privateIPAddressVersion: Type.Optional(Type.Enum(['IPv4', 'IPv6'])),
    privateIPAddressPrefixLength: unserved(),
    subnet: Type.Object({ id: Type.String({ format: 'arm-id' }) }),
    publicIPAddress: Type.Optional(
      Type.Object({
        id: Type.Optional(Type.String({ format: 'arm-id' })),
        properties: Type.Optional(
          Type.Object({ deleteOption: Type.Optional(Type.Enum(['Delete', 'Detach'])), provisioningState: shown() }),
        ),
      }),
    ),
    primary: Type.Optional(Type.Boolean()),
    applicationSecurityGroups: unserved(),
    applicationGatewayBackendAddressPools: unserved(),
    loadBalancerBackendAddressPools: unserved(),
    loadBalancerInboundNatRules: unserved(),
    gatewayLoadBalancer: unserved(),
    virtualNetworkTaps: unserved(),
    privateLinkConnectionProperties: shown(),
    provisioningState: shown(),
  }),
})

/** A network interface. */
export const interfaceSchema = Type.Object({
  ...envelope,
  kind: shown(),
  properties: Type.Object({
    ipConfigurations: Type.Array(ipConfiguration, { minItems: 1, maxItems: 256 }),
    networkSecurityGroup: reference(),
    enableAcceleratedNetworking: Type.Optional(Type.Boolean({ default: false })),
    enableIPForwarding: Type.Optional(Type.Boolean({ default: false })),
    disableTcpStateTracking: Type.Optional(Type.Boolean()),
    nicType: Type.Optional(Type.Enum(['Standard', 'Elastic'], { default: 'Standard' })),
    auxiliaryMode: unserved(),
    auxiliarySku: unserved(),
    privateLinkService: unserved(),
    workloadType: unserved(),
    dnsSettings: Type.Optional(
      Type.Object({
        dnsServers: unserved(),
        internalDnsNameLabel: unserved(),
        appliedDnsServers: shown(),
        internalFqdn: shown(),
        internalDomainNameSuffix: shown(),
      }),
    ),
    macAddress: Type.Optional(Type.String({ readOnly: true })),
    primary: Type.Optional(Type.Boolean({ readOnly: true })),
    virtualMachine: Type.Optional(Type.Object({ id: Type.String() }, { readOnly: true })),
    allowPort25Out: shown(),
    defaultOutboundConnectivityEnabled: shown(),
    dscpConfiguration: unserved(),
    hostedWorkloads: shown(),
    migrationPhase: unserved(),
    privateEndpoint: shown(),
    tapConfigurations: shown(),
    vnetEncryptionSupported: shown(),
    resourceGuid: Type.Optional(Type.String({ readOnly: true })),
    provisioningState: shown(),
  }),
})

/** The IP configuration of a network interface as it is stored: there is one. */
export interface IpConfiguration {
  readonly name: string
  readonly properties: {
    readonly privateIPAddress?: string
    readonly privateIPAllocationMethod?: 'Static' | 'Dynamic'
    readonly subnet: { readonly id: string }
    readonly publicIPAddress?: { readonly id?: string; readonly properties?: { readonly deleteOption?: string } }
  }
}

/** What a body or a stored network interface has for IP configurations. */
export const configurationsOf = (document: ResourceDocument): readonly IpConfiguration[] =>
  (document.properties.ipConfigurations ?? []) as unknown as readonly IpConfiguration[]

/** The one configuration of a stored network interface. */
export const configurationOf = (document: ResourceDocument): IpConfiguration =>
  configurationsOf(document)[0] as IpConfiguration

export const machineOf = (document: ResourceDocument): string | undefined =>
  (document.properties.virtualMachine as { id?: string } | undefined)?.id
