import { type Static, type TSchemaOptions, Type } from 'typebox'
import { armId, count, date, flag, oneOf, shown, text } from '../../schema-members.ts'

const immutable = { immutable: true }
const keep = { keep: true }
const storageTypes = ['Standard_LRS', 'Standard_ZRS', 'Premium_LRS', 'PremiumV2_LRS'] as const
const lun = () => Type.Integer({ minimum: 0, maximum: 63 })

// The uri may carry a signature, which is not stored and so can't be compared: storage-profile.ts sees that it stays the same.
const diskSource = (marks: TSchemaOptions) =>
  Type.Optional(Type.Object({ id: armId(marks), uri: text({ keep: true }), storageAccountId: armId(marks) }))

const caching = ['None', 'ReadOnly', 'ReadWrite'] as const

// Encryption sets, extended locations and UEFI settings are read so that they can be refused by name.
const encryption = () =>
  Type.Optional(
    Type.Object({
      osDiskImage: Type.Optional(
        Type.Object({
          diskEncryptionSetId: text(),
          securityProfile: Type.Optional(
            Type.Object({
              confidentialVMEncryptionType: oneOf([
                'EncryptedVMGuestStateOnlyWithPmk',
                'EncryptedWithPmk',
                'EncryptedWithCmk',
                'NonPersistedTPM',
              ]),
              secureVMDiskEncryptionSetId: text(),
            }),
          ),
        }),
      ),
      dataDiskImages: Type.Optional(Type.Array(Type.Object({ lun: lun(), diskEncryptionSetId: text() }))),
    }),
  )

const targetRegion = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  regionalReplicaCount: count(),
  storageAccountType: oneOf(storageTypes),
  encryption: encryption(),
  excludeFromLatest: flag(),
  additionalReplicaSets: Type.Optional(
    Type.Array(Type.Object({ storageAccountType: oneOf(storageTypes), regionalReplicaCount: count() })),
  ),
})

const extendedLocation = Type.Object({
  name: text(),
  extendedLocation: Type.Optional(Type.Object({ name: text(), type: oneOf(['EdgeZone', 'Unknown']) })),
  extendedLocationReplicaCount: count(),
  storageAccountType: oneOf(['Standard_LRS', 'Standard_ZRS', 'StandardSSD_LRS', 'Premium_LRS']),
  encryption: encryption(),
})

const uefiKeys = () =>
  Type.Array(
    Type.Object({
      type: oneOf(['sha256', 'x509']),
      value: Type.Optional(Type.Array(Type.String({ maxLength: 65_536 }))),
    }),
  )

export const versionProperties = Type.Object({
  publishingProfile: Type.Optional(
    Type.Object({
      targetRegions: Type.Optional(Type.Array(targetRegion, { keep: true, maxItems: 100 })),
      replicaCount: count({ keep: true, default: 1 }),
      excludeFromLatest: flag({ default: false }),
      publishedDate: shown(),
      endOfLifeDate: date(),
      storageAccountType: oneOf(storageTypes, immutable),
      storageAccountStrategy: oneOf(['PreferStandard_ZRS', 'DefaultStandard_LRS'], immutable),
      replicationMode: oneOf(['Full', 'Shallow'], { ...immutable, default: 'Full' }),
      targetExtendedLocations: Type.Optional(Type.Array(extendedLocation, { writeOnly: true })),
      // The api-versions before 2019-07-01 know no storageProfile.source.
      source: Type.Optional(
        Type.Object({ managedImage: Type.Optional(Type.Object({ id: armId() })) }, { writeOnly: true }),
      ),
    }),
  ),
  storageProfile: Type.Optional(
    Type.Object({
      source: Type.Optional(
        Type.Object({
          id: armId(immutable),
          communityGalleryImageId: text(immutable),
          virtualMachineId: armId(immutable),
        }),
      ),
      osDiskImage: Type.Optional(
        Type.Object({ sizeInGB: shown(), hostCaching: oneOf(caching, immutable), source: diskSource(immutable) }),
      ),
      // Merged by lun in data-disks.ts: az sends them back without their sources.
      dataDiskImages: Type.Optional(
        Type.Array(
          Type.Object({ lun: lun(), sizeInGB: shown(), hostCaching: oneOf(caching), source: diskSource({}) }),
          { keep: true, maxItems: 64 },
        ),
      ),
    }),
  ),
  safetyProfile: Type.Optional(
    Type.Object({
      allowDeletionOfReplicatedLocations: flag(keep),
      blockDeletionBeforeEndOfLife: flag({ keep: true, default: false }),
      reportedForPolicyViolation: shown(),
      policyViolations: shown(),
    }),
  ),
  securityProfile: Type.Optional(
    Type.Object(
      {
        uefiSettings: Type.Optional(
          Type.Object({
            signatureTemplateNames: Type.Optional(Type.Array(Type.String())),
            additionalSignatures: Type.Optional(
              Type.Object({
                pk: Type.Optional(
                  Type.Object({ type: oneOf(['sha256', 'x509']), value: Type.Optional(Type.Array(Type.String())) }),
                ),
                kek: Type.Optional(uefiKeys()),
                db: Type.Optional(uefiKeys()),
                dbx: Type.Optional(uefiKeys()),
              }),
            ),
          }),
        ),
      },
      { writeOnly: true },
    ),
  ),
  restore: flag({ writeOnly: true }),
  replicationStatus: shown(),
  validationsProfile: shown(),
  provisioningState: shown(),
})

/** A version's properties as they are sent or merged. */
export type SentProperties = Static<typeof versionProperties>
export type SentRegion = Static<typeof targetRegion>
export type DiskSource = NonNullable<Static<ReturnType<typeof diskSource>>>
export type StorageAccountType = (typeof storageTypes)[number]
export type HostCaching = (typeof caching)[number]
