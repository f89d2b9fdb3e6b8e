import { Type } from 'typebox'
import { envelope, shown, unserved } from '../schema-parts.ts'

/** A public IP address. */
export const publicAddressSchema = Type.Object({
  ...envelope,
  sku: Type.Optional(
    Type.Object({
      name: Type.Optional(Type.Enum(['Basic', 'Standard', 'StandardV2'], { immutable: true, default: 'Basic' })),
      tier: Type.Optional(Type.Enum(['Regional', 'Global'], { default: 'Regional' })),
    }),
  ),
  zones: unserved(),
  properties: Type.Optional(
    Type.Object({
      publicIPAllocationMethod: Type.Optional(Type.Enum(['Static', 'Dynamic'])),
      publicIPAddressVersion: Type.Optional(Type.Enum(['IPv4', 'IPv6'], { default: 'IPv4' })),
      idleTimeoutInMinutes: Type.Optional(Type.Integer({ minimum: 4, maximum: 30, default: 4 })),
      deleteOption: Type.Optional(Type.Enum(['Delete', 'Detach'], { keep: true })),
      dnsSettings: Type.Optional(
        Type.Object({
          domainNameLabel: unserved(),
          domainNameLabelScope: unserved(),
          reverseFqdn: unserved(),
          fqdn: shown(),
        }),
      ),
      ddosSettings: Type.Optional(
        Type.Object({
          protectionMode: Type.Optional(Type.Enum(['VirtualNetworkInherited', 'Enabled', 'Disabled'])),
          ddosProtectionPlan: unserved(),
          ddosCustomPolicy: unserved(),
        }),
      ),
      ipTags: unserved(),
      publicIPPrefix: unserved(),
      natGateway: unserved(),
      linkedPublicIPAddress: unserved(),
      servicePublicIPAddress: unserved(),
      ipAddress: Type.Optional(Type.String({ readOnly: true })),
      ipConfiguration: shown(),
      migrationPhase: shown(),
      resourceGuid: Type.Optional(Type.String({ readOnly: true })),
      provisioningState: shown(),
    }),
  ),
})
