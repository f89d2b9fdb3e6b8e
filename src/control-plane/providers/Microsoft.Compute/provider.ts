import type { Provider } from '#arm/resource-type.ts'
import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import { deleteDisk } from './disks/delete-disk.ts'
import { diskType } from './disks/disk.ts'
import { endAccess } from './disks/end-access.ts'
import { grantAccess } from './disks/grant-access.ts'
import { makeDisk } from './disks/make-disk.ts'
import { gallery } from './galleries/gallery.ts'
import { galleryImage } from './galleries/images/image.ts'
import { publish } from './galleries/images/versions/publish.ts'
import { retract } from './galleries/images/versions/retract.ts'
import { imageVersion } from './galleries/images/versions/version.ts'
import { softDeletedVersion } from './galleries/softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { deleteImage } from './images/delete-image.ts'
import { imageType } from './images/image.ts'
import { makeImage } from './images/make-image.ts'
import { snapshotType } from './snapshots/snapshot.ts'

/** What the compute provider needs of the data plane. */
export interface ComputeParts {
  readonly regions: Regions
  readonly blobs: Blobs
  readonly log: Log
  /** Hosts (exact, or `*.suffix`) from which a VHD may be fetched; none by default. */
  readonly allowedVhdHosts: readonly string[]
}

export const computeProvider = (parts: ComputeParts): Provider => ({
  namespace: 'Microsoft.Compute',
  types: [
    gallery,
    galleryImage,
    imageVersion(parts),
    softDeletedVersion,
    diskType(parts),
    snapshotType(parts),
    imageType(parts),
  ],
  operations: [
    publish(parts),
    retract(parts),
    makeDisk(parts),
    grantAccess(parts),
    endAccess(parts),
    deleteDisk(parts),
    makeImage(parts),
    deleteImage(parts),
  ],
})
