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

/** Whom a gallery is shared with directly: subscriptions or tenants, in the order in which they were added. */
export type SharingGroup = {
  readonly type: 'Subscriptions' | 'AADTenants'
  readonly ids: readonly string[]
}

/** A sharing profile as it is stored: the public name is given once, with the prefix, and stays. */
export type SharingProfile = Wanted & {
  groups?: readonly SharingGroup[]
  communityGalleryInfo?: { communityGalleryEnabled?: boolean; publicNames?: readonly string[] }
}

export const sharingPath = 'gallery.properties.sharingProfile'
const infoMembers = ['publisherUri', 'publisherContact', 'eula', 'publicNamePrefix'] as const

/** What a PUT is compared with. */
export interface FormerSharing {
  readonly isNew: boolean
  readonly profile: SharingProfile | undefined
  /** It was shared with groups until that was reset. */
  readonly wasOfGroups: boolean
}

/** The rules of who a gallery may be shared with. The sharing itself is the business of the `share` action. */
export const settleSharing = (
  wanted: SharingProfile | undefined,
  { isNew, profile: existing, wasOfGroups }: FormerSharing,
  random: Random,
): SharingProfile | undefined => {
  const permissions = wanted?.permissions ?? 'Private'
  if (!isNew && !(wasOfGroups && permissions === 'Groups'))
    requireChange(existing?.permissions ?? 'Private', permissions)
  // A PATCH with null takes back the sharing, not the names that it was known by.
  const asked = wanted ?? existing
  if (!asked) return undefined
  const { communityGalleryInfo } = asked
  if (permissions === 'Community') return { ...asked, permissions, communityGalleryInfo: settleInfo(asked, random) }
  if (communityGalleryInfo && !existing?.communityGalleryInfo) throw galleryError.communityWithoutInfo(permissions)
  return { ...asked, permissions, ...withdrawn(communityGalleryInfo) }
}

// Who may write a gallery may end its publication, but beginning it again takes the right to share.
const withdrawn = (info: SharingProfile['communityGalleryInfo']) =>
  info ? { communityGalleryInfo: { ...info, communityGalleryEnabled: false } } : {}

// Azure lets a gallery go from private to community and back since 2022; «Groups» is decided once.
const requireChange = (from: string, to: string) => {
  if (from !== to && [from, to].includes('Groups'))
    throw armError.propertyChangeNotAllowed(`${sharingPath}.permissions`)
}

const settleInfo = (
  { communityGalleryInfo: info = {} }: SharingProfile,
  random: Random,
): NonNullable<SharingProfile['communityGalleryInfo']> => {
  for (const member of infoMembers)
    if (info[member] === undefined) throw armError.missingProperty(`${sharingPath}.communityGalleryInfo.${member}`)
  const prefix = info.publicNamePrefix ?? ''
  if (!/^[A-Za-z0-9]{5,16}$/.test(prefix)) throw galleryError.publicNamePrefixInvalid(prefix.slice(0, 100))
  const names = (info.publicNames ?? []) as readonly string[]
  const named = names.find(name => name.startsWith(`${prefix}-`)) ?? `${prefix}-${random.uuid()}`
  return {
    ...info,
    communityGalleryEnabled: (info.communityGalleryEnabled as boolean | undefined) ?? false,
    // The first is the one to be called by. Who deploys by a former one goes on to; no two are the same, whatever their prefixes.
    publicNames: [named, ...names.filter(name => name !== named)],
  }
}
