import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, Location, ResourceType } from '#arm/resource-type.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions } from '../api-versions.ts'
import { isReported, violationsOf } from '../images/versions/policy-violation.ts'
import { versionError } from '../images/versions/version-errors.ts'
import { versionsIn } from '../images/versions/versions-in.ts'
import { type Consumer, consumerOf } from './audience.ts'
import { contentOf, galleryIn, imageContentOf, imageIn } from './gallery-content.ts'
import { type GalleryImageId, galleryImageIdText } from './gallery-image-id.ts'
import { galleryForReaders, imageForReaders, type Sight, versionForReaders } from './shown-to-readers.ts'

/** Who reads, and from where. */
export interface Reader {
  readonly consumer: Consumer
  readonly location: Location
  readonly sharedTo: 'tenant' | undefined
}

/** Galleries that are not the reader's own, below a location: those shared directly, or those of the community. */
export interface Shelf {
  readonly segment: 'sharedGalleries' | 'communityGalleries'
  readonly shelf: GalleryImageId['shelf']
  readonly since: string
  /** The gallery of that name, if the reader may have it. */
  find(name: string, reader: Reader, arm: Arm): Promise<ResourceDocument | undefined>
  /** What readers call a gallery; where it has several names, the one that was asked for. */
  nameOf(gallery: ResourceDocument, asked?: string): string
  /** All that the reader may have; absent where Azure has no such list. */
  list?(reader: Reader, arm: Arm): Promise<readonly ResourceDocument[]>
}

/**
 * The types of a shelf: galleries, their images, and those versions of which the location has every byte. Something that is there but
 * not for this reader, or not in this location, is missing like anything else that is not there.
 */
export const shelfTypes = (shelf: Shelf): readonly ResourceType[] => {
  const type = `Microsoft.Compute/locations/${shelf.segment}`
  const apiVersions = galleryApiVersions.filter(version => version >= shelf.since)
  // It takes no role but one anywhere in the subscription, whose right it is to read what is shared with it.
  const base = { apiVersions, tracked: false, openTo: 'subscription' } as const
  return [
    { ...base, type, computed: { get: getGallery(shelf), ...(shelf.list ? { list: listGalleries(shelf) } : {}) } },
    { ...base, type: `${type}/images`, computed: { get: getImage(shelf), list: listImages(shelf) } },
    { ...base, type: `${type}/images/versions`, computed: { get: getVersion(shelf), list: listVersions(shelf) } },
  ]
}

type Get = NonNullable<NonNullable<ResourceType['computed']>['get']>
type List = NonNullable<NonNullable<ResourceType['computed']>['list']>

const getGallery =
  (shelf: Shelf): Get =>
  async (id, request, arm) => {
    const reader = await readerOf(id, request, shelf, arm)
    const found = await findGallery(id, shelf, reader, arm)
    return found?.images && galleryForReaders(found.gallery, sightOf(found.name, shelf, reader))
  }

const listGalleries =
  (shelf: Shelf): List =>
  async (parent, request, arm) => {
    const reader = await readerOf(parent, request, shelf, arm)
    const shown: Json[] = []
    for (const gallery of (await shelf.list?.(reader, arm)) ?? [])
      if (galleryIn(gallery, await contentOf(gallery, arm), reader.location))
        shown.push(galleryForReaders(gallery, sightOf(shelf.nameOf(gallery), shelf, reader)))
    return shown
  }

const getImage =
  (shelf: Shelf): Get =>
  async (id, request, arm) => {
    const reader = await readerOf(id, request, shelf, arm)
    const found = await findImage(id, shelf, reader, arm)
    return found?.content && imageForReaders(found.image, sightOf(found.name, shelf, reader, found.image))
  }

const listImages =
  (shelf: Shelf): List =>
  async (parent, request, arm) => {
    const reader = await readerOf(parent, request, shelf, arm)
    const found = await findGallery(parent, shelf, reader, arm)
    if (!found?.images) throw missing(parent, shelf)
    return found.images.map(({ image }) => imageForReaders(image, sightOf(found.name, shelf, reader, image)))
  }

const getVersion =
  (shelf: Shelf): Get =>
  async (id, request, arm) => {
    const reader = await readerOf(id, request, shelf, arm)
    const found = await findImage(id.parent, shelf, reader, arm)
    const available = found && (await versionsIn(found.image, reader.location, arm))
    const one = available?.find(({ version }) => version.name === id.name)
    if (!found || !one) return undefined
    const sight = sightOf(found.name, shelf, reader, found.image, one.version)
    if (isReported(one.version)) throw versionError.reported(galleryImageIdText(sight.id), violationsOf(one.version))
    return versionForReaders(one, sight)
  }

const listVersions =
  (shelf: Shelf): List =>
  async (parent, request, arm) => {
    const reader = await readerOf(parent, request, shelf, arm)
    const found = await findImage(parent, shelf, reader, arm)
    if (!found?.content) throw missing(parent, shelf)
    return found.content.versions.map(one =>
      versionForReaders(one, sightOf(found.name, shelf, reader, found.image, one.version)),
    )
  }

const readerOf = async (id: ResourceId, { query }: ArmRequest, shelf: Shelf, arm: Arm): Promise<Reader> => {
  const asked = id.nameOf('locations') ?? ''
  const names = arm.locations.map(({ name }) => name)
  const location = arm.findLocation(asked)
  if (!location)
    throw armError.locationNotAvailable(asked.slice(0, 100), `Microsoft.Compute/locations/${shelf.segment}`, names)
  const sharedTo = query.get('sharedto')
  if (sharedTo !== undefined && sharedTo.toLowerCase() !== 'tenant')
    throw armError.invalidQueryParameter('sharedTo', sharedTo.slice(0, 100))
  const consumer = await consumerOf(id.subscriptionId ?? '', arm)
  return { consumer, location, sharedTo: sharedTo === undefined ? undefined : 'tenant' }
}

/** The gallery that an id is about, its name in the reader's own words, and what of it is in the location, if anything is. */
const findGallery = async (id: ResourceId, shelf: Shelf, reader: Reader, arm: Arm) => {
  const asked = id.nameOf(shelf.segment) ?? ''
  const gallery = await shelf.find(asked, reader, arm)
  if (!gallery) return undefined
  const images = galleryIn(gallery, await contentOf(gallery, arm), reader.location)
  return { gallery, name: shelf.nameOf(gallery, asked), images }
}

/** The same of the definition that an id `.../{gallery}/images/{image}` names. */
const findImage = async (id: ResourceId, shelf: Shelf, reader: Reader, arm: Arm) => {
  const asked = id.nameOf(shelf.segment) ?? ''
  const gallery = await shelf.find(asked, reader, arm)
  const image = gallery && (await arm.resources.find(`${gallery.key}/images/${id.name.toLowerCase()}`))
  if (!image) return undefined
  const content = imageIn(await imageContentOf(image, arm), reader.location)
  return { image, name: shelf.nameOf(gallery, asked), content }
}

const sightOf = (
  gallery: string,
  { shelf }: Shelf,
  { location }: Reader,
  image?: ResourceDocument,
  version?: ResourceDocument,
): Sight => ({
  id: {
    shelf,
    gallery,
    ...(image ? { image: image.name } : {}),
    ...(version ? { version: version.name } : {}),
  },
  location,
})

/** A list below what is not there is refused as its GET would be. */
const missing = (id: ResourceId, { segment }: Shelf) => {
  const types = ['locations', segment, 'images']
  const path = id.names.map((name, index) => `${types[index]}/${name}`).join('/')
  return armError.resourceNotFound(`Microsoft.Compute/${path}`, '<null>')
}
