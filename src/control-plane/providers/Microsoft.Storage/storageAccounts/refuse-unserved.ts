import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { accountError } from './account-errors.ts'

const skus = ['Standard_LRS', 'Standard_ZRS', 'Premium_LRS', 'Premium_ZRS']
const kinds = ['StorageV2', 'Storage']

const isTrue = (value: Json) => value === true
const isSet = (value: Json) => !(Array.isArray(value) && value.length === 0)

/** Settings that would be broken promises here: where they stand, what they are called, and whether a value asks for them. */
const unserved: readonly Unserved[] = [
  ['extendedLocation.name', 'An edge zone'],
  ['identity.type', 'An identity of a storage account', value => value !== 'None'],
  ['properties.allowSharedKeyAccess', 'A storage account without key access', value => value === false],
  ['properties.allowCrossTenantReplication', 'Object replication', isTrue],
  ['properties.supportsHttpsTrafficOnly', 'Access to blobs without TLS', value => value === false],
  ['properties.minimumTlsVersion', 'A minimum TLS version other than TLS1_2', value => value !== 'TLS1_2'],
  ['properties.publicNetworkAccess', 'A storage account without public network access', value => value === 'Disabled'],
  ['properties.defaultToOAuthAuthentication', 'Sign-in to blobs with Microsoft Entra ID', isTrue],
  ['properties.isHnsEnabled', 'A hierarchical namespace', isTrue],
  ['properties.isNfsV3Enabled', 'NFS', isTrue],
  ['properties.isSftpEnabled', 'SFTP', isTrue],
  ['properties.isLocalUserEnabled', 'Local users', isTrue],
  ['properties.largeFileSharesState', 'File shares', value => value === 'Enabled'],
  ['properties.dnsEndpointType', 'DNS zone endpoints', value => value === 'AzureDnsZone'],
  ['properties.networkAcls.defaultAction', 'A firewall of a storage account', value => value === 'Deny'],
  ['properties.networkAcls.ipRules', 'A firewall of a storage account', isSet],
  ['properties.networkAcls.ipv6Rules', 'A firewall of a storage account', isSet],
  ['properties.networkAcls.virtualNetworkRules', 'A firewall of a storage account', isSet],
  ['properties.networkAcls.resourceAccessRules', 'A firewall of a storage account', isSet],
  ['properties.encryption.keySource', 'Encryption with customer-managed keys', value => value !== 'Microsoft.Storage'],
  ['properties.encryption.keyvaultproperties', 'Encryption with customer-managed keys'],
  ['properties.encryption.identity', 'Encryption with customer-managed keys'],
  ['properties.encryption.requireInfrastructureEncryption', 'Infrastructure encryption', isTrue],
]

/** Throws for what an account here can not be. */
export const refuseUnservedAccount = ({ envelope, properties }: ResourceDocument): void => {
  const { name = '' } = envelope.sku as { name?: string }
  if (!skus.includes(name)) throw accountError.skuNotServed(name)
  const kind = String(envelope.kind)
  if (!kinds.includes(kind)) throw accountError.kindNotServed(kind)
  if (properties.allowBlobPublicAccess === true) throw accountError.publicAccess()
  refuseUnserved({ ...envelope, properties }, unserved)
}
