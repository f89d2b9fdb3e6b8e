import type { Provider } from '#arm/resource-type.ts'
import type { ComputeParts } from './compute-parts.ts'
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

export type { ComputeParts }

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
