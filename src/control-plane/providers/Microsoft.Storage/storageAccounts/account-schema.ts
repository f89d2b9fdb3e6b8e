import { type TSchemaOptions, Type } from 'typebox'

const keep = { keep: true } as const
const shown = () => Type.Optional(Type.Unknown({ readOnly: true }))
const flag = (marks: TSchemaOptions = keep) => Type.Optional(Type.Boolean(marks))
const oneOf = (values: string[], marks: TSchemaOptions = keep) => Type.Optional(Type.Enum(values, marks))

const service = () =>
  Type.Optional(
    Type.Object({ enabled: flag(), keyType: oneOf(['Account', 'Service']), lastEnabledTime: shown() }, keep),
  )

export const accountSchema = Type.Object({
  sku: Type.Optional(
    Type.Object(
      {
        name: Type.Enum([
          'Standard_LRS',
          'Standard_GRS',
          'Standard_RAGRS',
          'Standard_ZRS',
          'Premium_LRS',
          'Premium_ZRS',
          'Standard_GZRS',
          'Standard_RAGZRS',
        ]),
        tier: shown(),
      },
      keep,
    ),
  ),
  kind: oneOf(['StorageV2', 'Storage', 'BlobStorage', 'BlockBlobStorage', 'FileStorage']),
  identity: Type.Optional(Type.Object({ type: Type.String() }, keep)),
  extendedLocation: Type.Optional(
    Type.Object({ name: Type.Optional(Type.String()), type: Type.Optional(Type.String()) }),
  ),
  properties: Type.Object(
    {
      accessTier: oneOf(['Hot', 'Cool', 'Cold', 'Premium']),
      allowBlobPublicAccess: flag({ keep: true, default: false }),
      allowSharedKeyAccess: flag(),
      allowCrossTenantReplication: flag({ keep: true, default: false }),
      supportsHttpsTrafficOnly: flag({ keep: true, default: true }),
      minimumTlsVersion: oneOf(['TLS1_0', 'TLS1_1', 'TLS1_2', 'TLS1_3'], { keep: true, default: 'TLS1_2' }),
      publicNetworkAccess: oneOf(['Enabled', 'Disabled']),
      defaultToOAuthAuthentication: flag(),
      isHnsEnabled: flag(),
      isNfsV3Enabled: flag(),
      isSftpEnabled: flag(),
      isLocalUserEnabled: flag(),
      largeFileSharesState: oneOf(['Enabled', 'Disabled']),
      dnsEndpointType: oneOf(['Standard', 'AzureDnsZone']),
      networkAcls: Type.Optional(
        Type.Object(
          {
            bypass: Type.Optional(Type.String()),
            defaultAction: Type.Enum(['Allow', 'Deny']),
            ipRules: Type.Optional(Type.Array(Type.Unknown())),
            ipv6Rules: Type.Optional(Type.Array(Type.Unknown())),
            virtualNetworkRules: Type.Optional(Type.Array(Type.Unknown())),
            resourceAccessRules: Type.Optional(Type.Array(Type.Unknown())),
          },
          keep,
        ),
      ),
      encryption: Type.Optional(
        Type.Object(
          {
            keySource: oneOf(['Microsoft.Storage', 'Microsoft.Keyvault'], {
              keep: true,
              default: 'Microsoft.Storage',
            }),
            requireInfrastructureEncryption: flag(),
            services: Type.Optional(
              Type.Object({ blob: service(), file: service(), queue: service(), table: service() }, keep),
            ),
            keyvaultproperties: Type.Optional(Type.Unknown()),
            identity: Type.Optional(Type.Unknown()),
          },
          keep,
        ),
      ),
      creationTime: shown(),
      primaryEndpoints: shown(),
      primaryLocation: shown(),
      statusOfPrimary: shown(),
      keyCreationTime: shown(),
      privateEndpointConnections: shown(),
      provisioningState: shown(),
    },
    { default: {} },
  ),
})
