import { uniqueNameOf } from '../../galleries/gallery-document.ts'
import { findSharedGallery, sharedGalleries } from '../../galleries/sharing/find-gallery.ts'
import { shelfTypes } from '../../galleries/sharing/reader-shelf.ts'

/**
 * Galleries that are shared with the subscription of the request or, with `sharedTo=tenant`, with its tenant. A list without that
 * parameter has those of the subscription alone, as in Azure; what is asked for by name may be either.
 */
export const sharedGalleryTypes = shelfTypes({
  segment: 'sharedGalleries',
  shelf: 'SharedGalleries',
  since: '2020-09-30',
  find: (name, { consumer, sharedTo }, arm) => findSharedGallery(name, consumer, sharedTo, arm),
  nameOf: uniqueNameOf,
  list: ({ consumer, sharedTo }, arm) => sharedGalleries(consumer, sharedTo, arm),
})
