import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { DiskSource, HostCaching, SentProperties, StorageAccountType } from './version-schema.ts'

/** One region of a version as it is stored: named for people, complete. */
export interface TargetRegion {
  /** `West US 2` */
  readonly name: string
  readonly regionalReplicaCount: number
  readonly storageAccountType: StorageAccountType
  /** Absent: the version's own flag counts. */
  readonly excludeFromLatest?: boolean
}

export interface DiskImage {
  readonly sizeInGB?: number
  readonly hostCaching: HostCaching
  readonly source?: DiskSource
}

export const violationCategories = ['Other', 'ImageFlaggedUnsafe', 'CopyrightValidation', 'IpTheft'] as const

/** What an installation's operator has against a version. */
export interface PolicyViolation {
  readonly category: (typeof violationCategories)[number]
  readonly details?: string
}

/** What is stored of a version: all that was sent and all that follows from it. */
export interface VersionProperties {
  readonly publishingProfile: {
    readonly targetRegions: readonly TargetRegion[]
    readonly replicaCount: number
    readonly excludeFromLatest: boolean
    readonly publishedDate: string
    readonly endOfLifeDate?: string
    readonly storageAccountType?: StorageAccountType
    readonly storageAccountStrategy?: 'PreferStandard_ZRS' | 'DefaultStandard_LRS'
    readonly replicationMode: 'Full' | 'Shallow'
  }
  readonly storageProfile: {
    readonly source?: {
      readonly id?: string
      readonly virtualMachineId?: string
      readonly communityGalleryImageId?: string
    }
    readonly osDiskImage: DiskImage
    readonly dataDiskImages?: readonly (DiskImage & { readonly lun: number })[]
  }
  readonly safetyProfile: {
    readonly allowDeletionOfReplicatedLocations: boolean
    readonly blockDeletionBeforeEndOfLife: boolean
    readonly reportedForPolicyViolation: boolean
    readonly policyViolations?: readonly PolicyViolation[]
  }
}

export const versionProperties = (version: ResourceDocument): VersionProperties =>
  version.properties as unknown as VersionProperties
export const sentProperties = (properties: JsonObject): SentProperties => properties as SentProperties

export const imageVersionType = 'Microsoft.Compute/galleries/images/versions'
