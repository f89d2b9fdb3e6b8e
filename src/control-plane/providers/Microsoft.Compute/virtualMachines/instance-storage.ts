import type { JsonObject } from '#resources/resource-document.ts'

interface DescribedDisk {
  readonly name?: string
  readonly createOption?: string
  readonly caching?: string
  readonly diskSizeGB?: number
  readonly writeAcceleratorEnabled?: boolean
  readonly managedDisk?: { readonly id?: string; readonly storageAccountType?: string }
}

/** Of a machine's storage profile what its guest is told. */
export interface DescribedStorage {
  readonly imageReference?: {
    readonly id?: string
    readonly publisher?: string
    readonly offer?: string
    readonly sku?: string
    readonly version?: string
    readonly exactVersion?: string
    readonly sharedGalleryImageId?: string
    readonly communityGalleryImageId?: string
  }
  readonly osDisk?: DescribedDisk & { readonly osType?: string }
  readonly dataDisks?: readonly (DescribedDisk & { readonly lun: number })[]
}

const disk = (described: DescribedDisk): JsonObject => ({
  caching: described.caching ?? 'None',
  createOption: described.createOption ?? '',
  diskSizeGB: described.diskSizeGB === undefined ? '' : String(described.diskSizeGB),
  image: { uri: '' },
  managedDisk: {
    id: described.managedDisk?.id ?? '',
    storageAccountType: described.managedDisk?.storageAccountType ?? '',
  },
  name: described.name ?? '',
  vhd: { uri: '' },
  writeAcceleratorEnabled: String(described.writeAcceleratorEnabled ?? false),
})

/** `compute.storageProfile` of a guest's metadata: text for all values, in Azure's names. */
export const describeStorage = ({ imageReference = {}, osDisk = {}, dataDisks = [] }: DescribedStorage): JsonObject => {
  const { id = '', publisher = '', offer = '', sku = '', version = '', exactVersion = '' } = imageReference
  const { sharedGalleryImageId = '', communityGalleryImageId = '' } = imageReference
  const isOfOthers = sharedGalleryImageId !== '' || communityGalleryImageId !== ''
  return {
    dataDisks: dataDisks.map(each => ({
      ...disk(each),
      ...(each.diskSizeGB === undefined ? {} : { diskCapacityBytes: String(each.diskSizeGB * 2 ** 30) }),
      isSharedDisk: 'false',
      isUltraDisk: String(each.managedDisk?.storageAccountType === 'UltraSSD_LRS'),
      lun: String(each.lun),
    })),
    imageReference: {
      ...{ id, offer, publisher, sku, version },
      ...(isOfOthers ? { sharedGalleryImageId, communityGalleryImageId, exactVersion } : {}),
    },
    osDisk: {
      ...disk(osDisk),
      diffDiskSettings: { option: '' },
      encryptionSettings: { enabled: 'false' },
      osType: osDisk.osType ?? '',
    },
    resourceDisk: { size: '0' }, // there is none
  }
}
