import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'

/** By which right a version was found: a role on it, a gallery that is shared directly, or one of the community. */
export type ImageAccess = 'Role' | 'SharedGallery' | 'CommunityGallery'

/** Of which gallery version a machine or disk was made; kept with it, and never shown to its owner. */
export interface ImageUse {
  /** The version's id in lower case. */
  readonly version: string
  readonly access: ImageAccess
}

export const hiddenUse = (use: ImageUse | undefined): JsonObject => (use ? { image: { ...use } } : {})
export const useOf = (document: ResourceDocument): ImageUse | undefined =>
  (document.hidden as { image?: ImageUse }).image
