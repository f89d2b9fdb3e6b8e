import { refuseUnserved, type Unserved } from '#arm/refuse-unserved.ts'
import type { JsonObject } from '#resources/resource-document.ts'

/** Settings of disks that would be broken promises here: what they are called, and whether a value asks for them. */
const unserved: readonly Unserved[] = [
  ['extendedLocation.name', 'An edge zone'],
  ['zones', 'An availability zone of a disk', value => Array.isArray(value) && value.length > 0],
  ['sku.name', 'The disk type UltraSSD_LRS', value => value === 'UltraSSD_LRS'],
  ['sku.name', 'The disk type PremiumV2_LRS', value => value === 'PremiumV2_LRS'],
  ['properties.encryption.diskEncryptionSetId', 'Encryption with a disk encryption set'],
  [
    'properties.encryption.type',
    'Encryption with customer-managed keys',
    value => value !== 'EncryptionAtRestWithPlatformKey',
  ],
  ['properties.encryptionSettingsCollection.enabled', 'Azure Disk Encryption', value => value === true],
  ['properties.networkAccessPolicy', 'Private access to disks (AllowPrivate)', value => value === 'AllowPrivate'],
  ['properties.diskAccessId', 'A disk access resource'],
  ['properties.dataAccessAuthMode', "The dataAccessAuthMode 'AzureActiveDirectory'", value => value !== 'None'],
  ['properties.securityProfile.securityType', 'A confidential disk', value => value !== 'TrustedLaunch'],
  ['properties.securityProfile.secureVMDiskEncryptionSetId', 'A confidential disk'],
  ['properties.burstingEnabled', 'On-demand bursting', value => value === true],
  ['properties.optimizedForFrequentAttach', 'optimizedForFrequentAttach', value => value === true],
  ['properties.maxShares', 'A shared disk', value => value !== 1],
  ['properties.availabilityPolicy.actionOnDiskDelay', 'An availability policy', value => value !== 'None'],
  ['properties.diskIOPSReadWrite', 'A performance target (diskIOPSReadWrite)'],
  ['properties.diskMBpsReadWrite', 'A performance target (diskMBpsReadWrite)'],
  ['properties.diskIOPSReadOnly', 'A performance target (diskIOPSReadOnly)'],
  ['properties.diskMBpsReadOnly', 'A performance target (diskMBpsReadOnly)'],
  ['properties.creationData.logicalSectorSize', 'A logical sector size of 4096 bytes', value => value !== 512],
  ['properties.creationData.performancePlus', 'performancePlus', value => value === true],
  ['properties.creationData.securityDataUri', 'A security data URI'],
  ['properties.creationData.securityMetadataUri', 'A security metadata URI'],
  ['properties.creationData.elasticSanResourceId', 'An Elastic SAN source'],
  ['properties.creationData.provisionedBandwidthCopySpeed', 'An enhanced copy speed', value => value !== 'None'],
  ['properties.creationData.instantAccessDurationMinutes', 'Instant access', value => value !== 0],
]

/** Throws for a setting of a disk that can not be honoured. */
export const refuseUnservedDisk = (body: JsonObject): void => refuseUnserved(body, unserved)
