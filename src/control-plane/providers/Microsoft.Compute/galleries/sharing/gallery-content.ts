import type { Arm, Location } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { isReported } from '../images/versions/policy-violation.ts'
import { isAvailableIn } from '../images/versions/region-states.ts'
import { type AvailableVersion, usableVersions } from '../images/versions/versions-in.ts'

/** A definition, and those of its versions that readers may see: all of them, or those of one location. */
export interface ImageContent {
  readonly image: ResourceDocument
  readonly versions: readonly AvailableVersion[]
}

type Here = Pick<Location, 'name'>

/** What a gallery has for readers anywhere: read once, and then asked for each location. */
export const contentOf = async (gallery: ResourceDocument, arm: Arm): Promise<readonly ImageContent[]> => {
  const images = await listAll(arm.resources, { type: 'Microsoft.Compute/galleries/images', parentKey: gallery.key })
  return Promise.all(images.map(image => imageContentOf(image, arm)))
}

export const imageContentOf = async (image: ResourceDocument, arm: Arm): Promise<ImageContent> => ({
  image,
  versions: (await usableVersions(image, arm)).filter(({ version }) => !isReported(version)),
})

/** What of a definition is in a location: it is there at home, and wherever a version can be used. */
export const imageIn = ({ image, versions }: ImageContent, { name }: Here): ImageContent | undefined => {
  const here = versions.filter(({ version }) => isAvailableIn(version, name))
  return image.location === name || here.length > 0 ? { image, versions: here } : undefined
}

/** What of a gallery is in a location; `undefined` where the gallery itself is not. */
export const galleryIn = (
  gallery: ResourceDocument,
  content: readonly ImageContent[],
  location: Here,
): readonly ImageContent[] | undefined => {
  const here = content.flatMap(one => imageIn(one, location) ?? [])
  return gallery.location === location.name || here.length > 0 ? here : undefined
}
