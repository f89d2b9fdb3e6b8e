/**
 * What readers call an image of a gallery that is not theirs: `/SharedGalleries/{unique name}/Images/{image}[/Versions/{version}]`, or
 * the same with `CommunityGalleries` and a public name.
 */
export interface GalleryImageId {
  readonly shelf: 'SharedGalleries' | 'CommunityGalleries'
  readonly gallery: string
  readonly image?: string
  /** Absent or `latest`: the latest. */
  readonly version?: string
}

const form =
  /^\/(SharedGalleries|CommunityGalleries)\/([^/]{1,200})\/Images\/([^/]{1,100})(?:\/Versions\/([^/]{1,100}))?\/?$/i

/** Reads the id of an image or a version, in any case; `undefined` for anything else. */
export const parseGalleryImageId = (text: string): (GalleryImageId & { readonly image: string }) | undefined => {
  const [, shelf = '', gallery = '', image = '', version] = form.exec(text) ?? []
  if (gallery === '') return undefined
  return {
    shelf: shelf.toLowerCase() === 'sharedgalleries' ? 'SharedGalleries' : 'CommunityGalleries',
    gallery,
    image,
    ...(version === undefined ? {} : { version }),
  }
}

export const galleryImageIdText = ({ shelf, gallery, image, version }: GalleryImageId): string => {
  const ofImage = image === undefined ? '' : `/Images/${image}`
  return `/${shelf}/${gallery}${ofImage}${version === undefined ? '' : `/Versions/${version}`}`
}
