import type { Location } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryProperties } from '../gallery-document.ts'
import { imageProperties } from '../images/image.ts'
import { isExcludedIn } from '../images/versions/resolve-latest.ts'
import { versionProperties } from '../images/versions/version-properties.ts'
import type { AvailableVersion } from '../images/versions/versions-in.ts'
import { publicNamesOf } from './audience.ts'
import { type GalleryImageId, galleryImageIdText } from './gallery-image-id.ts'

/** What a reader sees of something: where it asked, by the name that it knows. */
export interface Sight {
  readonly id: GalleryImageId
  readonly location: Location
}

// Readers of others' galleries see what Azure shows them and nothing else: every body is put together here, member by member, so that
// what is added to a gallery stays hidden until somebody writes it down here.

const body = ({ id, location }: Sight, name: string, levels: string, properties: JsonObject): JsonObject => ({
  name,
  location: location.name,
  ...(id.shelf === 'CommunityGalleries' ? { type: `Microsoft.Compute/locations/communityGalleries${levels}` } : {}),
  identifier: { uniqueId: galleryImageIdText(id) },
  properties: { ...properties, ...(id.shelf === 'CommunityGalleries' ? { disclaimer } : {}) },
})

const disclaimer =
  'This image is offered by its publisher to everybody who has a subscription here. Nobody else vouches for it.'

export const galleryForReaders = (gallery: ResourceDocument, sight: Sight): JsonObject => {
  if (sight.id.shelf === 'SharedGalleries') return body(sight, sight.id.gallery, '', {})
  const { publisherUri, publisherContact, eula } = galleryProperties(gallery).sharingProfile?.communityGalleryInfo ?? {}
  const publicNames = publicNamesOf(gallery)
  return body(sight, sight.id.gallery, '', {
    communityMetadata: defined({ publisherUri, publisherContact, eula, publicNames }),
  })
}

export const imageForReaders = (image: ResourceDocument, sight: Sight): JsonObject => {
  const { osType, osState, hyperVGeneration, architecture, features, purchasePlan, identifier, ...more } =
    imageProperties(image)
  const { recommended, disallowed, endOfLifeDate, eula, privacyStatementUri } = more
  const shown = { osType, osState, hyperVGeneration, architecture, identifier, features, purchasePlan }
  const words = { recommended, disallowed, endOfLifeDate, eula, privacyStatementUri }
  return body(sight, image.name, '/images', defined({ ...shown, ...words }))
}

export const versionForReaders = ({ version, consumptionEndTime }: AvailableVersion, sight: Sight): JsonObject => {
  const { publishingProfile, storageProfile } = versionProperties(version)
  const { publishedDate, endOfLifeDate } = publishingProfile
  const { osDiskImage, dataDiskImages } = storageProfile
  return body(
    sight,
    version.name,
    '/images/versions',
    defined({
      publishedDate,
      endOfLifeDate,
      excludeFromLatest: isExcludedIn(version, sight.location),
      storageProfile: defined({
        osDiskImage: diskForReaders(osDiskImage),
        dataDiskImages: dataDiskImages?.map(({ lun, ...disk }) => ({ lun, ...diskForReaders(disk) })),
      }),
      imageState: consumptionEndTime === undefined ? 'Active' : 'SoftDeleted',
      consumptionEndTime,
    }),
  )
}

const diskForReaders = (disk: { readonly sizeInGB?: number; readonly hostCaching: string }): JsonObject =>
  defined({ diskSizeGB: disk.sizeInGB, hostCaching: disk.hostCaching })

const defined = (members: Readonly<Record<string, unknown>>): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject
