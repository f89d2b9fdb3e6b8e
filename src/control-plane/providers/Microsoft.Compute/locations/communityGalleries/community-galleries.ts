import { publicNamesOf } from '../../galleries/sharing/audience.ts'
import { findCommunityGallery } from '../../galleries/sharing/find-gallery.ts'
import { shelfTypes } from '../../galleries/sharing/reader-shelf.ts'

/** Galleries of the community, by their public names. There is no list of them but in Resource Graph, as in Azure. */
export const communityGalleryTypes = shelfTypes({
  segment: 'communityGalleries',
  shelf: 'CommunityGalleries',
  since: '2021-07-01',
  find: (name, _reader, arm) => findCommunityGallery(name, arm),
  nameOf: (gallery, asked) => {
    const names = publicNamesOf(gallery)
    return names.find(name => name.toLowerCase() === asked?.toLowerCase()) ?? names[0] ?? ''
  },
})
