import { accessError } from '#arm/access-errors.ts'
import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, Location } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { diskError } from './disks/disk-errors.ts'
import { isReported, violationsOf } from './galleries/images/versions/policy-violation.ts'
import { isAvailableIn } from './galleries/images/versions/region-states.ts'
import { resolveLatest } from './galleries/images/versions/resolve-latest.ts'
import { versionError } from './galleries/images/versions/version-errors.ts'
import { imageVersionType } from './galleries/images/versions/version-properties.ts'
import { versionsIn } from './galleries/images/versions/versions-in.ts'
import { type Consumer, consumerOf, isSharedWith } from './galleries/sharing/audience.ts'
import { findCommunityGallery, findSharedGallery } from './galleries/sharing/find-gallery.ts'
import { galleryImageIdText, parseGalleryImageId } from './galleries/sharing/gallery-image-id.ts'
import type { ImageAccess, ImageUse } from './galleries/sharing/image-use.ts'

const definitionType = 'microsoft.compute/galleries/images'
const versionType = imageVersionType.toLowerCase()

/** The three ways to name an image of a gallery, each for a version, its definition (the latest), or `versions/latest`. */
export interface GalleryImageReference {
  readonly id?: string
  readonly sharedGalleryImageId?: string
  readonly communityGalleryImageId?: string
}

/** Who asks, for what, in which subscription and region: a `Change` says it all. */
export interface Asking {
  readonly id: ResourceId
  readonly request: Pick<ArmRequest, 'caller'>
  readonly wanted: Pick<ResourceDocument, 'location' | 'subscriptionId'>
}

/** A version that may be used, and was asked for in one of those ways. */
export interface FoundVersion {
  readonly version: ResourceDocument
  /** The exact version, named in the same way: its owner's id is told to nobody who did not know it. */
  readonly exact: GalleryImageReference
  /** The one member of that. */
  readonly name: string
  readonly use: ImageUse
}

/**
 * The version that an image reference means for the subscription and region of what is made of it. By an id it takes a role on the
 * version, or a sharing of its gallery with that subscription or its tenant; by a shared id the sharing; a community gallery is
 * open to all. Throws unless the region has a complete replica, and for a version that is reported.
 */
export const findImageVersion = async (
  arm: Arm,
  reference: GalleryImageReference,
  change: Asking,
): Promise<FoundVersion> => {
  const location = arm.findLocation(change.wanted.location ?? '') as Location
  const found = await findVersion(arm, reference, change)
  if (!found || !isAvailableIn(found.version, location.name))
    throw diskError.galleryImageNotFound(textOf(reference), location.name)
  return found
}

/** The same, wherever its bytes are; `undefined` when there is none, or none that the asker may know of. */
export const findVersion = async (
  arm: Arm,
  reference: GalleryImageReference,
  change: Asking,
): Promise<FoundVersion | undefined> => {
  const location = arm.findLocation(change.wanted.location ?? '') as Location
  const wanted = await readReference(arm, reference, change)
  const { definition, version: asked = 'latest', access } = wanted
  const image = definition && (await arm.resources.find(definition.key))
  if (!image) return undefined
  const version =
    asked.toLowerCase() === 'latest' ? await latestOf(image, location, arm) : await exactOf(image, asked, location, arm)
  if (!version) return undefined
  const exact = wanted.exactly(image, version)
  const name = textOf(exact)
  if (isReported(version)) throw versionError.reported(name, violationsOf(version))
  return { version, exact, name, use: { version: version.key, access } }
}

/** The one form that the reference has. Throws for none and for two. */
const textOf = ({ id, sharedGalleryImageId, communityGalleryImageId }: GalleryImageReference): string => {
  const [text, ...more] = [id, sharedGalleryImageId, communityGalleryImageId].filter(one => one !== undefined)
  if (text === undefined || more.length > 0) throw diskError.imageReferenceInvalid()
  return text
}

interface ReadReference {
  /** Absent when there is none, for all that the asker may know. */
  readonly definition: ResourceId | undefined
  readonly version: string | undefined
  readonly access: ImageAccess
  exactly(image: ResourceDocument, version: ResourceDocument): GalleryImageReference
}

const readReference = async (arm: Arm, reference: GalleryImageReference, change: Asking): Promise<ReadReference> => {
  const text = textOf(reference)
  const consumer = await consumerOf(change.wanted.subscriptionId ?? '', arm)
  if (reference.id !== undefined) return readId(arm, text, consumer, change)
  const named = parseGalleryImageId(text)
  const isCommunity = reference.communityGalleryImageId !== undefined
  const member = isCommunity ? 'communityGalleryImageId' : 'sharedGalleryImageId'
  if (!named || named.shelf !== (isCommunity ? 'CommunityGalleries' : 'SharedGalleries'))
    throw diskError.galleryImageIdInvalid(text.slice(0, 300), member)
  const gallery = isCommunity
    ? await findCommunityGallery(named.gallery, arm)
    : await findSharedGallery(named.gallery, consumer, undefined, arm)
  return {
    definition: gallery && ResourceId.parse(gallery.id)?.child('images', named.image),
    version: named.version,
    access: isCommunity ? 'CommunityGallery' : 'SharedGallery',
    exactly: (image, version) => ({
      [member]: galleryImageIdText({ ...named, image: image.name, version: version.name }),
    }),
  }
}

const readId = async (arm: Arm, text: string, consumer: Consumer, change: Asking): Promise<ReadReference> => {
  const id = ResourceId.parse(text)
  const type = id?.type.toLowerCase()
  if (!id || (type !== definitionType && type !== versionType)) throw diskError.imageReferenceInvalid()
  const definition = type === definitionType ? id : id.parent
  const version = type === definitionType ? undefined : id.name
  const isExact = version !== undefined && version.toLowerCase() !== 'latest'
  return {
    definition,
    version,
    access: await requireAccess(arm, isExact ? id : definition, definition, consumer, change),
    exactly: (_image, found) => ({ id: found.id }),
  }
}

const ACTION = `${imageVersionType}/read`

/** By which right the caller may use what an id names; throws `LinkedAuthorizationFailed`, before anything is said of what is there. */
const requireAccess = async (
  arm: Arm,
  linked: ResourceId,
  definition: ResourceId,
  consumer: Consumer,
  change: Asking,
): Promise<ImageAccess> => {
  if (await arm.mayDo(change.request.caller, ACTION, linked)) return 'Role'
  const gallery = await arm.resources.find(definition.parent.key)
  if (gallery && isSharedWith(gallery, consumer)) return 'SharedGallery'
  const owner = await arm.resources.find(linked.subscription?.key ?? '')
  const { tenantId } = change.request.caller
  // Whether another tenant's subscription is there is told no more than of one that never was.
  if (owner?.properties.tenantId !== tenantId)
    throw accessError.linkedTenantNotAuthorized(ACTION, `${change.id}`, tenantId, linked.subscriptionId ?? '')
  await requireLinked(arm, change, ACTION, linked)
  throw diskError.galleryImageNotFound(`${linked}`, change.wanted.location ?? '') // the role came a moment ago
}

const latestOf = async (
  image: ResourceDocument,
  location: Location,
  arm: Arm,
): Promise<ResourceDocument | undefined> => {
  const available = await versionsIn(image, location, arm)
  const versions = available.filter(({ version, consumptionEndTime }) => !consumptionEndTime && !isReported(version))
  return resolveLatest(
    versions.map(({ version }) => version),
    location,
  )
}

/** The version of that name, wherever it is; one in the recycle bin where its region has it, until its retention ends. */
const exactOf = async (
  image: ResourceDocument,
  name: string,
  location: Location,
  arm: Arm,
): Promise<ResourceDocument | undefined> => {
  const live = await arm.resources.find(`${image.key}/versions/${name.toLowerCase()}`)
  if (live) return live
  const available = await versionsIn(image, location, arm)
  return available.find(({ version }) => version.name === name)?.version
}
