import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  GalleryProperties as AzureGalleryProperties,
  GalleryImageProperties as AzureImageProperties,
  SharingProfile as AzureSharingProfile,
  TargetRegion as AzureTargetRegion,
  EncryptionImages,
  Gallery,
  GalleryArtifactVersionFullSource,
  GalleryDataDiskImage,
  GalleryDiskImageSource,
  GalleryImage,
  GalleryImageVersion,
  GalleryImageVersionProperties,
  GalleryImageVersionPublishingProfile,
  GalleryImageVersionSafetyProfile,
  GalleryImageVersionStorageProfile,
  GalleryTargetExtendedLocation,
  SoftDeletePolicy,
} from '@azure/arm-compute'
import type { GalleryProperties } from './gallery-document.ts'
import type { ImageProperties } from './images/image.ts'
import type { SentProperties, SentRegion } from './images/versions/version-schema.ts'
import type { SharingProfile } from './sharing-profile.ts'
import { GALLERY, noise, startTestGallery, version } from './test-gallery.ts'

/** Members that are not the type's own properties. */
type Envelope = 'id' | 'name' | 'type' | 'location' | 'tags' | 'systemData' | 'identity'
/** Fails to compile when Azure's SDK knows a member that our schema does not read. */
type Reads<Ours, Azure> = [Exclude<keyof Azure, keyof Ours | Envelope>] extends [never] ? true : false

type Publishing = NonNullable<SentProperties['publishingProfile']>
type Storage = NonNullable<SentProperties['storageProfile']>
type DataDisk = NonNullable<Storage['dataDiskImages']>[number]

/** Never run: the type checker answers for it. */
export const reads = [
  true satisfies Reads<GalleryProperties, Gallery>,
  true satisfies Reads<SharingProfile, AzureSharingProfile>,
  true satisfies Reads<NonNullable<GalleryProperties['softDeletePolicy']>, SoftDeletePolicy>,
  true satisfies Reads<ImageProperties, GalleryImage>,
  true satisfies Reads<NonNullable<ImageProperties['features']>[number], NonNullable<GalleryImage['features']>[number]>,
  true satisfies Reads<SentProperties, GalleryImageVersion>,
  true satisfies Reads<Publishing, GalleryImageVersionPublishingProfile>,
  true satisfies Reads<SentRegion, AzureTargetRegion>,
  true satisfies Reads<NonNullable<SentRegion['encryption']>, EncryptionImages>,
  true satisfies Reads<NonNullable<Publishing['targetExtendedLocations']>[number], GalleryTargetExtendedLocation>,
  true satisfies Reads<Storage, GalleryImageVersionStorageProfile>,
  true satisfies Reads<NonNullable<Storage['source']>, GalleryArtifactVersionFullSource>,
  true satisfies Reads<DataDisk, GalleryDataDiskImage>,
  true satisfies Reads<NonNullable<DataDisk['source']>, GalleryDiskImageSource>,
  true satisfies Reads<NonNullable<SentProperties['safetyProfile']>, GalleryImageVersionSafetyProfile>,
  // @ts-expect-error: what the check is there to find
  true satisfies Reads<Record<never, never>, SoftDeletePolicy>,
]

/** Every member of `sent` with its value, and maybe more. */
const assertHas = (shown: unknown, sent: unknown, path = ''): void => {
  if (typeof sent !== 'object' || sent === null) assert.equal(shown, sent, path)
  else
    for (const [name, value] of Object.entries(sent))
      assertHas((shown as Record<string, unknown>)?.[name], value, `${path}.${name}`)
}

test('bodies with all that Azure has and we honour come back as they were sent', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const os = await arm.snapshot('os', noise(1))
  const data = await arm.snapshot('data', noise(2))
  const sent = async (path: string, typed: object) => {
    const properties = JSON.parse(JSON.stringify(typed))
    const made = await arm.done('PUT', path, { location: 'eastus', properties })
    assertHas(made.properties, properties)
  }
  await sent(`${GALLERY}2`, {
    description: 'all of it',
    softDeletePolicy: { isSoftDeleteEnabled: true },
    sharingProfile: {
      permissions: 'Community',
      communityGalleryInfo: { publisherUri: 'u', publisherContact: 'c', eula: 'e', publicNamePrefix: 'prefix' },
    },
  } satisfies AzureGalleryProperties)
  await sent(`${GALLERY}/images/all`, {
    description: 'd',
    eula: 'e',
    privacyStatementUri: 'p',
    releaseNoteUri: 'r',
    osType: 'Windows',
    osState: 'Specialized',
    hyperVGeneration: 'V2',
    endOfLifeDate: new Date('2030-01-01T00:00:00Z'),
    identifier: { publisher: 'p', offer: 'o', sku: 'all' },
    recommended: { vCPUs: { min: 1, max: 2 }, memory: { min: 3, max: 4 } },
    disallowed: { diskTypes: ['Standard_LRS'] },
    purchasePlan: { name: 'n', publisher: 'p', product: 'q' },
    features: [{ name: 'SecurityType', value: 'TrustedLaunch', startsAtVersion: '1.0.0' }],
    architecture: 'Arm64',
  } satisfies AzureImageProperties)
  await sent(version('1.0.0'), {
    publishingProfile: {
      targetRegions: [
        { name: 'West Europe', regionalReplicaCount: 3, storageAccountType: 'Premium_LRS', excludeFromLatest: true },
        { name: 'East US', regionalReplicaCount: 1, storageAccountType: 'Standard_LRS' },
      ],
      replicaCount: 2,
      excludeFromLatest: true,
      endOfLifeDate: new Date('2030-01-01T00:00:00Z'),
      storageAccountStrategy: 'DefaultStandard_LRS',
      replicationMode: 'Full',
    },
    storageProfile: {
      osDiskImage: { hostCaching: 'ReadOnly', source: { id: os } },
      dataDiskImages: [{ lun: 63, hostCaching: 'ReadWrite', source: { id: data } }],
    },
    safetyProfile: { allowDeletionOfReplicatedLocations: true, blockDeletionBeforeEndOfLife: true },
  } satisfies GalleryImageVersionProperties)
})
