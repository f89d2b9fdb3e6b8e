import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'

/** The bytes behind a disk, a snapshot, or one disk of an image: an image of `sizeBytes`, without any VHD footer. */
export interface StoredDisk {
  readonly manifest: ManifestId
  readonly sizeBytes: number
}

/** The bytes behind a managed image or a gallery image version. */
export interface StoredDisks {
  readonly os?: StoredDisk
  readonly data: readonly (StoredDisk & { readonly lun: number })[]
}

// Disks and snapshots keep `hidden.disk`, images and versions `hidden.disks`; both only when the bytes are held.
type WithDisk = { readonly disk?: StoredDisk }
type WithDisks = { readonly disks?: StoredDisks }

export const diskOf = (document: ResourceDocument): StoredDisk | undefined => (document.hidden as WithDisk).disk
export const disksOf = (document: ResourceDocument): StoredDisks | undefined => (document.hidden as WithDisks).disks
export const hiddenDisk = (disk: StoredDisk): JsonObject => ({ disk: { ...disk } })
export const hiddenDisks = (disks: StoredDisks): JsonObject => ({ disks: disks as unknown as JsonObject })

/** Under which name a region holds one disk of a resource; the uid keeps a later resource of the same name apart. */
export const holdName = (document: ResourceDocument, slot: 'disk' | 'os' | 'signed' | number): string =>
  `${document.key}@${document.uid}/${typeof slot === 'number' ? `lun${slot}` : slot}`
