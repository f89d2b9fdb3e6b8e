import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { type FoundVersion, findImageVersion, type GalleryImageReference } from '../find-image-version.ts'
import { findPlatformImage } from '../find-platform-image.ts'
import { imageProperties } from '../galleries/images/image.ts'
import { disksBySlot } from '../galleries/images/versions/disk-slots.ts'
import { regionStates } from '../galleries/images/versions/region-states.ts'
import type { ImageUse } from '../galleries/sharing/image-use.ts'
import { imageOf } from '../images/image-document.ts'
import { findSource } from '../source-bytes.ts'
import { disksOf, type StoredDisks } from '../stored-disk.ts'
import type { HyperVGeneration, ImageReference } from './machine-document.ts'
import { machineError } from './machine-errors.ts'

/** An image that a machine is made of. */
export interface MachineImage {
  /** What the machine shows: what was sent, and the version that it meant. */
  readonly reference: ImageReference
  /** What it is called in messages: by its id, or as it was asked for. */
  readonly id: string
  /** Names it in the installation, and is shown to nobody. */
  readonly key: string
  /** For an image of a gallery: how a disk names it, and by which right it is used. */
  readonly gallery?: { readonly reference: GalleryImageReference; readonly use: ImageUse }
  readonly osType: 'Linux' | 'Windows'
  readonly osState: 'Generalized' | 'Specialized'
  readonly generation: HyperVGeneration
  readonly architecture: string
  readonly disks: readonly { readonly slot: 'os' | number; readonly origin: DiskOrigin }[]
  /** Replicas in the region of the machine: how many machines they serve at a time depends on it. */
  readonly replicas: number
}

/**
 * What an image reference means, with the caller's right to use it: a version or a definition (its latest) by its id or as an image
 * that is shared directly or with the community, a managed image, or a platform image.
 * Throws unless its bytes are in the region of the machine.
 */
export const findMachineImage = async (
  reference: ImageReference,
  change: Change,
  arm: Arm,
  parts: ComputeParts,
): Promise<MachineImage> => {
  const { publisher, offer, sku, version, exactVersion: _, ...gallery } = reference
  const { id, sharedGalleryImageId, communityGalleryImageId } = gallery
  if ((id ?? sharedGalleryImageId ?? communityGalleryImageId) === undefined)
    return platformImage(reference, change, parts)
  if (publisher ?? offer ?? sku ?? version) throw machineError.valueInvalid('imageReference')
  const isManaged = ResourceId.parse(id ?? '')?.type.toLowerCase() === 'microsoft.compute/images'
  if (id !== undefined && isManaged) return managedImage(id, change, arm)
  return versionImage(gallery, await findImageVersion(arm, gallery, change), change, arm)
}

/** A platform image, whose bytes the region may have yet to be brought: it is in every one. */
const platformImage = async (
  { publisher = '', offer = '', sku = '', version = '' }: ImageReference,
  { wanted }: Change,
  parts: ComputeParts,
): Promise<MachineImage> => {
  const found = await findPlatformImage(parts, { publisher, offer, sku, version }, wanted.location ?? '')
  const id = found.id(wanted.subscriptionId ?? '')
  const { publisher: itsPublisher, offer: itsOffer, sku: itsSku, version: exactVersion } = found.name
  return {
    reference: { publisher: itsPublisher, offer: itsOffer, sku: itsSku, version, exactVersion },
    id,
    key: id,
    osType: found.osType,
    osState: 'Generalized',
    generation: found.hyperVGeneration,
    architecture: found.architecture,
    disks: [{ slot: 'os', origin: found.origin }],
    replicas: 1,
  }
}

const versionImage = async (
  asked: GalleryImageReference,
  { version, exact, name, use }: FoundVersion,
  change: Change,
  arm: Arm,
): Promise<MachineImage> => {
  const definition = await arm.resources.find(version.parentKey)
  const disks = disksOf(version)
  if (!definition || !disks?.os) throw machineError.resourceMissing(name, 'imageReference')
  const { osType, osState, hyperVGeneration = 'V1', architecture = 'x64' } = imageProperties(definition)
  return {
    reference: { ...asked, exactVersion: version.name },
    id: name,
    key: version.key,
    gallery: { reference: exact, use },
    osType: osType as MachineImage['osType'],
    osState: osState as MachineImage['osState'],
    generation: hyperVGeneration as HyperVGeneration,
    architecture: String(architecture),
    disks: originsOf(disks, name, version.key),
    replicas: regionStates(version)[change.wanted.location ?? '']?.copies ?? 1,
  }
}

const managedImage = async (id: string, change: Change, arm: Arm): Promise<MachineImage> => {
  const document = (await findSource(arm, id, ['image'], change))?.document
  if (!document) throw machineError.resourceMissing(id, 'imageReference.id')
  if (document.location !== change.wanted.location)
    throw machineError.elsewhere(id, document.location ?? '', change.wanted.location ?? '')
  const { storageProfile, hyperVGeneration = 'V1' } = imageOf(document)
  const disks = disksOf(document)
  const osDisk = storageProfile?.osDisk
  if (!disks?.os || !osDisk) throw machineError.diskNotReady(id, document.provisioningState)
  return {
    reference: { id },
    id: document.id,
    key: document.key,
    osType: osDisk.osType,
    osState: osDisk.osState,
    generation: hyperVGeneration,
    architecture: 'x64',
    disks: originsOf(disks, document.id),
    replicas: 1,
  }
}

const originsOf = (disks: StoredDisks, id: string, version?: string): MachineImage['disks'] =>
  disksBySlot(disks).map(({ slot, disk }) => ({
    slot,
    origin: { from: 'stored', ...disk, id, ...(version === undefined ? {} : { version }) },
  }))
