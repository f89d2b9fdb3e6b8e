import { type Static, Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Random } from '#foundation/random.ts'
import { galleryError } from './gallery-errors.ts'
import { oneOf, shown, text } from './schema-members.ts'

export const sharingProfileSchema = Type.Object({
  permissions: oneOf(['Private', 'Groups', 'Community'], { keep: true }),
  groups: shown(),
  communityGalleryInfo: Type.Optional(
    Type.Object({
      publisherUri: text({ keep: true }),
      publisherContact: text({ keep: true }),
      eula: text({ keep: true }),
      publicNamePrefix: text({ keep: true }),
      communityGalleryEnabled: shown(),
      publicNames: shown(),
    }),
  ),
})
type Wanted = Static<typeof sharingProfileSchema>

/** A sharing profile as it is stored: the public name is given once, with the prefix, and stays. */
export type SharingProfile = Wanted & {
  communityGalleryInfo?: { communityGalleryEnabled?: boolean; publicNames?: readonly string[] }
}

const path = 'gallery.properties.sharingProfile'
const infoMembers = ['publisherUri', 'publisherContact', 'eula', 'publicNamePrefix'] as const

/** The rules of who a gallery may be shared with. The sharing itself is the business of the `share` action. */
export const settleSharing = (
  wanted: SharingProfile | undefined,
  existing: SharingProfile | undefined,
  isNew: boolean,
  random: Random,
): SharingProfile | undefined => {
  if (!isNew) requireChange(existing?.permissions ?? 'Private', wanted?.permissions ?? 'Private')
  if (!wanted) return undefined
  const { permissions = 'Private', communityGalleryInfo } = wanted
  if (permissions === 'Community') return { ...wanted, permissions, communityGalleryInfo: settleInfo(wanted, random) }
  if (communityGalleryInfo && !existing?.communityGalleryInfo) throw galleryError.communityWithoutInfo(permissions)
  return { ...wanted, permissions }
}

// Azure lets a gallery go from private to community and back since 2022; «Groups» is decided once.
const requireChange = (from: string, to: string) => {
  if (from !== to && [from, to].includes('Groups')) throw armError.propertyChangeNotAllowed(`${path}.permissions`)
}

const settleInfo = (
  { communityGalleryInfo: info = {} }: SharingProfile,
  random: Random,
): NonNullable<SharingProfile['communityGalleryInfo']> => {
  for (const member of infoMembers)
    if (info[member] === undefined) throw armError.missingProperty(`${path}.communityGalleryInfo.${member}`)
  const prefix = info.publicNamePrefix ?? ''
  if (!/^[A-Za-z0-9]{5,16}$/.test(prefix)) throw galleryError.publicNamePrefixInvalid(prefix.slice(0, 100))
  const names = (info.publicNames ?? []) as readonly string[]
  const named = names.some(name => name.startsWith(`${prefix}-`))
  return {
    ...info,
    communityGalleryEnabled: (info.communityGalleryEnabled as boolean | undefined) ?? false,
    publicNames: named ? names : [`${prefix}-${random.uuid()}`],
  }
}
