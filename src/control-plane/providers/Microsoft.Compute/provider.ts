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
import { communityTable } from './galleries/sharing/community-table.ts'
import { shareGallery } from './galleries/sharing/share.ts'
import { softDeletedVersion } from './galleries/softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { deleteImage } from './images/delete-image.ts'
import { imageType } from './images/image.ts'
import { makeImage } from './images/make-image.ts'
import { communityGalleryTypes } from './locations/communityGalleries/community-galleries.ts'
import { platformImageTypes } from './locations/publishers/platform-images.ts'
import { runCommandsType } from './locations/run-commands.ts'
import { sharedGalleryTypes } from './locations/sharedGalleries/shared-galleries.ts'
import { galleryInviteTypes } from './locations/sharedGallerySubscriptions/gallery-invites.ts'
import { vmSizeTypes } from './locations/vm-sizes.ts'
import { snapshotType } from './snapshots/snapshot.ts'
import { changeMachine } from './virtualMachines/change-machine.ts'
import { deleteMachine } from './virtualMachines/delete-machine.ts'
import { Deployments } from './virtualMachines/deployments.ts'
import { machineViews } from './virtualMachines/machine-views.ts'
import { makeMachine } from './virtualMachines/make-machine.ts'
import { powerMachine } from './virtualMachines/power-machine.ts'
import { reimageMachine } from './virtualMachines/reimage-machine.ts'
import { runScript } from './virtualMachines/run-command.ts'
import { virtualMachineType } from './virtualMachines/virtual-machine.ts'

export type { ComputeParts }

export const computeProvider = (parts: ComputeParts): Provider => ({
  namespace: 'Microsoft.Compute',
  types: [
    gallery(parts),
    galleryImage,
    imageVersion(parts),
    softDeletedVersion,
    diskType(parts),
    snapshotType(parts),
    imageType(parts),
    virtualMachineType(parts),
    ...machineViews(parts),
    ...vmSizeTypes(parts),
    runCommandsType,
    ...platformImageTypes(parts),
    ...sharedGalleryTypes,
    ...communityGalleryTypes,
    ...galleryInviteTypes,
  ],
  graphTables: [communityTable],
  operations: [
    shareGallery,
    publish(parts),
    retract(parts),
    makeDisk(parts),
    grantAccess(parts),
    endAccess(parts),
    deleteDisk(parts),
    makeImage(parts),
    deleteImage(parts),
    makeMachine(parts, new Deployments()),
    changeMachine(parts),
    powerMachine(parts),
    reimageMachine(parts),
    deleteMachine(parts),
    runScript(parts),
  ],
})
