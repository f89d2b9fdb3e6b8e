import type { Action, Arm, ResourceOperation } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryProperties } from '../gallery-document.ts'
import { galleryError } from '../gallery-errors.ts'
import type { SharingProfile } from '../sharing-profile.ts'
import { type Declined, declinedOf } from './audience.ts'
import { requireShareable } from './require-shareable.ts'
import {
  isAmong,
  readSharingUpdate,
  type SharingUpdate,
  sharingUpdateSchema,
  withGroups,
  withoutGroups,
} from './sharing-update.ts'

export const SHARE = 'share gallery'

/** How a gallery is shared, and who has declined that. */
interface Sharing {
  readonly profile: SharingProfile
  readonly declined: Declined
}

type Change = (gallery: ResourceDocument, update: SharingUpdate, arm: Arm) => Promise<Sharing>

/**
 * `POST .../galleries/G/share`: begins or ends sharing with subscriptions, with tenants, or with everybody. What it says is so when
 * the first answer leaves: from then on nothing new is made by who is no longer among those.
 */
export const share: Action = {
  permission: 'share/action',
  body: sharingUpdateSchema,
  async run({ document, body }, arm) {
    const update = readSharingUpdate(body)
    const { profile, declined } = await changes[update.operationType](document, update, arm)
    const wasOfGroups = document.hidden.wasOfGroups === true || permissionsOf(document) === 'Groups'
    const changed: ResourceDocument = {
      ...document,
      etag: arm.random.uuid(),
      properties: { ...document.properties, sharingProfile: profile as JsonObject },
      hidden: { ...document.hidden, wasOfGroups, declined: declined as JsonObject },
    }
    return { document: changed, work: { kind: SHARE, input: { update: update as unknown as JsonObject } } }
  },
}

/** Ends with what was asked for, as Azure's does; whether each region has what is shared is told by `sharingStatus`. */
export const shareGallery: ResourceOperation = {
  kind: SHARE,
  run: async ({ input }) => ({ output: input.update }),
}

const profileOf = (gallery: ResourceDocument): SharingProfile => galleryProperties(gallery).sharingProfile ?? {}
const permissionsOf = (gallery: ResourceDocument) => profileOf(gallery).permissions ?? 'Private'

const requirePermissions = (gallery: ResourceDocument, wanted: string, { operationType }: SharingUpdate): void => {
  const permissions = permissionsOf(gallery)
  if (permissions !== wanted) throw galleryError.sharingNotOfKind(operationType, wanted, permissions)
}

const add: Change = async (gallery, update, arm) => {
  requirePermissions(gallery, 'Groups', update)
  const { groups = [], ...profile } = profileOf(gallery)
  const shared = withGroups(groups, update.groups ?? [])
  await requireShareable(gallery, arm)
  return { profile: { ...profile, groups: shared }, declined: declinedOf(gallery) }
}

const remove: Change = async (gallery, update) => {
  requirePermissions(gallery, 'Groups', update)
  const { groups = [], ...profile } = profileOf(gallery)
  const removed = update.groups ?? []
  const left = withoutGroups(groups, removed)
  return { profile: { ...profile, ...(left.length > 0 ? { groups: left } : {}) }, declined: without(gallery, removed) }
}

/** Who is shared with again is asked again. */
const without = (gallery: ResourceDocument, removed: SharingUpdate['groups']): Declined => {
  const { Subscriptions = [], AADTenants = [] } = declinedOf(gallery)
  return {
    Subscriptions: Subscriptions.filter(id => !isAmong(removed ?? [], 'Subscriptions', id)),
    AADTenants: AADTenants.filter(id => !isAmong(removed ?? [], 'AADTenants', id)),
  }
}

const reset: Change = async gallery => {
  const { groups: _, communityGalleryInfo: info, ...profile } = profileOf(gallery)
  const kept = info ? { communityGalleryInfo: { ...info, communityGalleryEnabled: false } } : {}
  return { profile: { ...profile, permissions: 'Private', ...kept }, declined: {} }
}

// That its information is complete was seen to when it became a community gallery.
const enableCommunity: Change = async (gallery, update, arm) => {
  requirePermissions(gallery, 'Community', update)
  await requireShareable(gallery, arm)
  const { communityGalleryInfo, ...profile } = profileOf(gallery)
  return {
    profile: { ...profile, communityGalleryInfo: { ...communityGalleryInfo, communityGalleryEnabled: true } },
    declined: {},
  }
}

const changes: Readonly<Record<SharingUpdate['operationType'], Change>> = {
  Add: add,
  Remove: remove,
  Reset: reset,
  EnableCommunity: enableCommunity,
}
