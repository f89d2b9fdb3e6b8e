import { type Static, Type } from 'typebox'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { count, flag, shown, text } from './schema-members.ts'
import { type SharingProfile, sharingProfileSchema } from './sharing-profile.ts'

export const galleryType = 'Microsoft.Compute/galleries'

const days = (minimum: number) => count({ keep: true, minimum, maximum: 365 })

export const gallerySchema = Type.Object({
  description: text(),
  identifier: shown(),
  sharingProfile: Type.Optional(sharingProfileSchema),
  softDeletePolicy: Type.Optional(
    Type.Object({
      isSoftDeleteEnabled: flag({ keep: true }),
      retentionPeriodInDays: days(1),
      gracePeriodInDays: days(0),
    }),
  ),
  sharingStatus: shown(),
  provisioningState: shown(),
})
export type GalleryProperties = Omit<Static<typeof gallerySchema>, 'sharingProfile'> & {
  sharingProfile?: SharingProfile
}

export const galleryProperties = (gallery: ResourceDocument): GalleryProperties =>
  gallery.properties as GalleryProperties

/** `{subscription}-{NAME}`: how those call a gallery whom it is shared with. */
export const uniqueNameOf = (gallery: ResourceDocument): string =>
  `${gallery.subscriptionId ?? ''}-${gallery.name.toUpperCase()}`
