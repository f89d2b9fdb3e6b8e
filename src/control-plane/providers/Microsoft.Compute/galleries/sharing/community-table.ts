import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, GraphRow, GraphTable, GraphView, Location } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { publicNamesOf } from './audience.ts'
import { communityGalleries } from './find-gallery.ts'
import { contentOf, galleryIn, type ImageContent } from './gallery-content.ts'
import type { GalleryImageId } from './gallery-image-id.ts'
import { galleryForReaders, imageForReaders, type Sight, versionForReaders } from './shown-to-readers.ts'

/**
 * `CommunityGalleryResources` of Resource Graph: where Azure's clients look for the galleries of the community, their images and
 * versions, one row for each location. For whoever has any right in one of the queried subscriptions.
 */
export const communityTable: GraphTable = {
  name: 'CommunityGalleryResources',
  async *rows(view, arm) {
    if (!mayRead(view, arm)) return
    for (const gallery of await communityGalleries(arm)) yield* rowsOf(gallery, await contentOf(gallery, arm), arm)
  },
}

const mayRead = ({ request, subscriptionIds }: GraphView, arm: Arm): boolean =>
  subscriptionIds.some(id => arm.hasRights(request.caller, ResourceId.tenant.child('subscriptions', id)))

function* rowsOf(gallery: ResourceDocument, content: readonly ImageContent[], arm: Arm): Iterable<GraphRow> {
  for (const location of arm.locations) {
    const here = galleryIn(gallery, content, location)
    if (here) yield* rowsIn(location, gallery, here)
  }
}

function* rowsIn(location: Location, gallery: ResourceDocument, here: readonly ImageContent[]): Iterable<GraphRow> {
  const [publicName = ''] = publicNamesOf(gallery)
  const sight = (more: Partial<GalleryImageId> = {}): Sight => ({
    id: { shelf: 'CommunityGalleries', gallery: publicName, ...more },
    location,
  })
  const path = `/providers/Microsoft.Compute/locations/${location.name}/communityGalleries/${publicName}`
  yield rowOf(path, galleryForReaders(gallery, sight()))
  for (const { image, versions } of here) {
    yield rowOf(`${path}/images/${image.name}`, imageForReaders(image, sight({ image: image.name })))
    for (const one of versions) {
      const { name } = one.version
      const shown = versionForReaders(one, sight({ image: image.name, version: name }))
      yield rowOf(`${path}/images/${image.name}/versions/${name}`, shown)
    }
  }
}

/** Resource Graph keeps the unique id among the properties. */
const rowOf = (id: string, shown: JsonObject): GraphRow => {
  const { name, type, location, identifier, properties } = shown as Record<'name' | 'type' | 'location', string> &
    Record<'identifier' | 'properties', JsonObject>
  const named = { ...(properties.identifier as JsonObject | undefined), ...identifier }
  return { id, name, type, location, properties: { ...properties, identifier: named } }
}
