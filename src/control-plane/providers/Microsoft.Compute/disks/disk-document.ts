import type { Ingested } from '#data-plane/chunks/chunk-store.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { StoredDisk } from '../stored-disk.ts'

/** The properties of a disk or snapshot that rules look at; the schema has checked their form. */
export interface DiskProperties {
  readonly osType?: 'Linux' | 'Windows'
  readonly hyperVGeneration?: 'V1' | 'V2'
  readonly creationData?: CreationData
  readonly diskSizeGB?: number
  readonly diskSizeBytes?: number
  readonly uniqueId?: string
  readonly timeCreated?: string
  readonly tier?: string
  readonly incremental?: boolean
  readonly networkAccessPolicy?: 'AllowAll' | 'AllowPrivate' | 'DenyAll'
  readonly publicNetworkAccess?: 'Enabled' | 'Disabled'
  readonly securityProfile?: { readonly securityType?: string; readonly secureVMDiskEncryptionSetId?: string }
}

export interface ImageReference {
  readonly id?: string
  readonly sharedGalleryImageId?: string
  readonly communityGalleryImageId?: string
  readonly lun?: number
}

export interface CreationData {
  readonly createOption: string
  readonly storageAccountId?: string
  readonly imageReference?: ImageReference
  readonly galleryImageReference?: ImageReference
  readonly sourceUri?: string
  readonly sourceResourceId?: string
  readonly sourceUniqueId?: string
  readonly uploadSizeBytes?: number
}

/** A disk that waits for its bytes: they are written to a draft of the region's store, VHD footer included. */
export interface Upload {
  readonly draft: string
  readonly sizeBytes: number
  /** A signed URL was given out at least once, so that there is something to seal. */
  readonly started?: boolean
}

/** A signed URL that is out. */
export interface Access {
  readonly grant: string
  readonly level: 'Read' | 'Write'
  readonly expires: string
}

/** The machine that a disk belongs to. */
export interface Attachment {
  /** Id of the machine. */
  readonly machine: string
  /** Absent for its OS disk. */
  readonly lun?: number
}

/** What became of an upload's bytes, for whoever asks the installation. */
export type UploadedBytes = Pick<Ingested, 'dataBytes' | 'newBytes' | 'storedBytes'>

/** What disks and snapshots keep in `hidden`. A member that is over is null. */
export interface HiddenOfDisk {
  readonly disk?: StoredDisk | null
  readonly bytes?: UploadedBytes
  readonly upload?: Upload | null
  readonly access?: Access | null
  readonly attachment?: Attachment | null
  /** `written`: the machine's host may have newer bytes than `disk` names. `spent`: they were taken over, and are to go there. */
  readonly overlay?: 'written' | 'spent' | null
}

export const propertiesOf = (document: ResourceDocument): DiskProperties => document.properties as DiskProperties
export const hiddenOf = (document: ResourceDocument): HiddenOfDisk => document.hidden as HiddenOfDisk
export const asHidden = (hidden: HiddenOfDisk): JsonObject => hidden as unknown as JsonObject

/** What Azure's messages call the resource. */
export const nounOf = (document: ResourceDocument): 'disk' | 'snapshot' =>
  document.type.toLowerCase().endsWith('/snapshots') ? 'snapshot' : 'disk'

/** The access that is still good now; a signed URL ends by the clock without anybody's doing. */
export const accessOf = (document: ResourceDocument, now: Date): Access | undefined => {
  const access = hiddenOf(document).access
  return access && Date.parse(access.expires) > now.getTime() ? access : undefined
}

export type DiskState = 'Unattached' | 'Attached' | 'Reserved' | 'ActiveSAS' | 'ReadyToUpload' | 'ActiveUpload'

/**
 * ```
 *                 beginGetAccess(Write)               endGetAccess, footer is good
 *  ReadyToUpload ----------------------> ActiveUpload -----------------------------> Unattached <--> ActiveSAS
 *        ^------- expiry, or a bad footer ----'                                  beginGetAccess(Read), end or expiry
 *
 *             a machine is made of it       it starts            it is deallocated
 *  Unattached ----------------------> Reserved ----> Attached ---------------------> Reserved
 * ```
 */
export const diskStateOf = (document: ResourceDocument, now: Date): DiskState => {
  const access = accessOf(document, now)
  const { upload, attachment, overlay } = hiddenOf(document)
  if (upload) return access ? 'ActiveUpload' : 'ReadyToUpload'
  if (access) return 'ActiveSAS'
  if (!attachment) return 'Unattached'
  return overlay === 'written' ? 'Attached' : 'Reserved'
}

/** The name under which the data endpoint knows the disk's signed URL: one at a time. */
export const grantName = (document: ResourceDocument): string => `${document.key}@${document.uid}`
