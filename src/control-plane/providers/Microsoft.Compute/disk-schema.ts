import { type TProperties, type TSchemaOptions, Type } from 'typebox'

/** A member that the provider works out; clients that send back what they got are not refused for it. */
export const shown = () => Type.Optional(Type.Unknown({ readOnly: true }))

const keep = { keep: true } as const

export const oneOf = (values: readonly string[], marks: TSchemaOptions = keep) =>
  Type.Optional(Type.Enum(values as string[], marks))
export const flag = (marks: TSchemaOptions = keep) => Type.Optional(Type.Boolean(marks))
export const text = (marks: TSchemaOptions = {}) =>
  Type.Optional(Type.String({ emptyIsAbsent: true, ...keep, ...marks }))
export const armId = (marks: TSchemaOptions = {}) => text({ format: 'arm-id', ...marks })
export const signedUri = () => text({ format: 'signed-uri' })
export const count = (minimum: number, maximum: number, marks: TSchemaOptions = keep) =>
  Type.Optional(Type.Integer({ minimum, maximum, ...marks }))

export const osTypes = ['Linux', 'Windows'] as const
export const hyperVGenerations = ['V1', 'V2'] as const

/** Where a disk's or snapshot's bytes come from. Every createOption that Azure has is read, so that it can be refused by name. */
export const creationData = Type.Object(
  {
    createOption: Type.Enum([
      'Empty',
      'Attach',
      'FromImage',
      'Import',
      'Copy',
      'Restore',
      'Upload',
      'CopyStart',
      'ImportSecure',
      'UploadPreparedSecure',
      'CopyFromSanSnapshot',
    ]),
    storageAccountId: armId(),
    imageReference: Type.Optional(imageReference()),
    galleryImageReference: Type.Optional(imageReference()),
    sourceUri: signedUri(),
    sourceResourceId: armId(),
    sourceUniqueId: shown(),
    // 20 MiB to 32 TiB, each with the 512 bytes of the VHD footer.
    uploadSizeBytes: count(20_972_032, 35_183_298_347_520),
    logicalSectorSize: count(512, 4096),
    securityDataUri: text(),
    securityMetadataUri: text(),
    performancePlus: flag(),
    elasticSanResourceId: text(),
    provisionedBandwidthCopySpeed: oneOf(['None', 'Enhanced']),
    instantAccessDurationMinutes: count(0, 2 ** 31 - 1),
  },
  { immutable: true },
)

function imageReference() {
  return Type.Object({
    id: text(),
    sharedGalleryImageId: text(),
    communityGalleryImageId: text(),
    lun: count(0, 63),
  })
}

/** What disks and snapshots have in common. */
const common = {
  osType: oneOf(osTypes),
  hyperVGeneration: oneOf(hyperVGenerations, { immutable: true }),
  purchasePlan: Type.Optional(
    Type.Object({ name: Type.String(), publisher: Type.String(), product: Type.String(), promotionCode: text() }, keep),
  ),
  supportedCapabilities: Type.Optional(
    Type.Object(
      {
        diskControllerTypes: text(),
        acceleratedNetwork: flag(),
        architecture: oneOf(['x64', 'Arm64']),
        supportedSecurityOption: oneOf(['TrustedLaunchSupported', 'TrustedLaunchAndConfidentialVMSupported']),
      },
      keep,
    ),
  ),
  creationData: Type.Optional(creationData),
  diskSizeGB: count(1, 32_767),
  encryptionSettingsCollection: Type.Optional(
    Type.Object(
      {
        enabled: Type.Boolean(),
        encryptionSettings: Type.Optional(Type.Array(Type.Unknown())),
        encryptionSettingsVersion: text(),
      },
      keep,
    ),
  ),
  encryption: Type.Optional(
    Type.Object({
      type: oneOf(
        [
          'EncryptionAtRestWithPlatformKey',
          'EncryptionAtRestWithCustomerKey',
          'EncryptionAtRestWithPlatformAndCustomerKeys',
        ],
        { keep: true, default: 'EncryptionAtRestWithPlatformKey' },
      ),
      diskEncryptionSetId: armId(),
    }),
  ),
  networkAccessPolicy: oneOf(['AllowAll', 'AllowPrivate', 'DenyAll'], { keep: true, default: 'AllowAll' }),
  publicNetworkAccess: oneOf(['Enabled', 'Disabled'], { keep: true, default: 'Enabled' }),
  diskAccessId: armId(),
  supportsHibernation: flag(),
  securityProfile: Type.Optional(
    Type.Object(
      {
        securityType: oneOf([
          'TrustedLaunch',
          'ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey',
          'ConfidentialVM_DiskEncryptedWithPlatformKey',
          'ConfidentialVM_DiskEncryptedWithCustomerKey',
          'ConfidentialVM_NonPersistedTPM',
        ]),
        secureVMDiskEncryptionSetId: armId(),
        confidentialVMVersion: shown(),
      },
      { immutable: true },
    ),
  ),
  dataAccessAuthMode: oneOf(['AzureActiveDirectory', 'None']),
  timeCreated: shown(),
  diskSizeBytes: shown(),
  uniqueId: shown(),
  diskState: shown(),
  provisioningState: shown(),
  completionPercent: shown(),
}

const envelope = {
  extendedLocation: Type.Optional(Type.Object({ name: text(), type: text() }, keep)),
  managedBy: shown(),
  managedByExtended: shown(),
}

const sku = (names: readonly string[], byDefault: string) =>
  Type.Optional(Type.Object({ name: oneOf(names, { keep: true, default: byDefault }), tier: shown() }))

export const diskSchema = Type.Object({
  ...envelope,
  sku: sku(
    [
      'Standard_LRS',
      'Premium_LRS',
      'StandardSSD_LRS',
      'Premium_ZRS',
      'StandardSSD_ZRS',
      'UltraSSD_LRS',
      'PremiumV2_LRS',
    ],
    'Standard_LRS',
  ),
  zones: Type.Optional(Type.Array(Type.String(), keep)),
  properties: Type.Object({
    ...common,
    tier: text(),
    burstingEnabled: flag(),
    maxShares: count(1, 10),
    optimizedForFrequentAttach: flag(),
    availabilityPolicy: Type.Optional(Type.Object({ actionOnDiskDelay: oneOf(['None', 'AutomaticReattach']) }, keep)),
    diskIOPSReadWrite: count(0, 2 ** 31),
    diskMBpsReadWrite: count(0, 2 ** 31),
    diskIOPSReadOnly: count(0, 2 ** 31),
    diskMBpsReadOnly: count(0, 2 ** 31),
    shareInfo: shown(),
    burstingEnabledTime: shown(),
    propertyUpdatesInProgress: shown(),
    LastOwnershipUpdateTime: shown(),
  } satisfies TProperties),
})

export const snapshotSchema = Type.Object({
  ...envelope,
  sku: sku(['Standard_LRS', 'Premium_LRS', 'Standard_ZRS'], 'Standard_LRS'),
  properties: Type.Object({
    ...common,
    incremental: flag({ immutable: true, default: false }),
    incrementalSnapshotFamilyId: shown(),
    copyCompletionError: shown(),
    snapshotAccessState: shown(),
    immutabilityPolicy: shown(),
  } satisfies TProperties),
})
