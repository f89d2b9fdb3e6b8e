import { type Static, Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan, ResourceType, View } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions } from './api-versions.ts'
import { galleryError } from './gallery-errors.ts'
import { requireRoom } from './room.ts'
import { count, flag, shown, text } from './schema-members.ts'
import { type SharingProfile, settleSharing, sharingProfileSchema } from './sharing-profile.ts'

const days = (minimum: number) => count({ keep: true, minimum, maximum: 365 })

const properties = Type.Object({
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
export type GalleryProperties = Omit<Static<typeof properties>, 'sharingProfile'> & { sharingProfile?: SharingProfile }

export const galleryProperties = (gallery: ResourceDocument): GalleryProperties =>
  gallery.properties as GalleryProperties

/** An Azure Compute Gallery: a collection of image definitions, with a word on who may see it and what a delete means. */
export const gallery: ResourceType = {
  type: 'Microsoft.Compute/galleries',
  apiVersions: galleryApiVersions,
  tracked: true,
  schema: Type.Object({ properties: Type.Optional(properties) }),
  bodyName: 'gallery',
  checkName: checkGalleryName,
  plan,
  present,
  expands: ['sharingprofile/groups'],
  operationsType: 'Microsoft.Compute/locations/capsOperations',
}

function checkGalleryName(name: string): void {
  requireName(name, 'galleryName')
  if (!/^[A-Za-z0-9]([A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) throw galleryError.galleryNameInvalid()
}

/** The rule that galleries and image definitions share. */
export const requireName = (name: string, what: string): void => {
  const trailing = /[-._]+$/.exec(name)?.[0]
  if (trailing !== undefined) throw armError.invalidResourceName(name.slice(0, 100), trailing, '-._')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/.test(name)) throw galleryError.nameInvalid(what)
}

async function plan({ wanted, existing }: Change, arm: Arm): Promise<Plan> {
  const { subscriptionId = '', location = '', name } = wanted
  if (!existing) await requireRoom('Microsoft.Compute/galleries', subscriptionId, location, arm)
  const { sharingProfile, softDeletePolicy, ...rest } = galleryProperties(wanted)
  const former = existing && galleryProperties(existing)
  const sharing = settleSharing(sharingProfile, former?.sharingProfile, !existing, arm.random)
  const settled = {
    ...rest,
    identifier: { uniqueName: `${subscriptionId}-${name.toUpperCase()}` },
    ...(sharing ? { sharingProfile: sharing } : {}),
    ...(softDeletePolicy ? { softDeletePolicy: settlePolicy(softDeletePolicy) } : {}),
  }
  return { document: { ...wanted, properties: settled as JsonObject } }
}

/** Azure keeps soft-deleted versions for seven days unless told otherwise, and then deletes them without grace. */
const settlePolicy = (policy: NonNullable<GalleryProperties['softDeletePolicy']>) =>
  policy.isSoftDeleteEnabled ? { retentionPeriodInDays: 7, gracePeriodInDays: 0, ...policy } : policy

// Azure shows whom a gallery is shared with only on request: `$select=Permissions` up to 2021, `$expand` since.
async function present(document: ResourceDocument, view: View) {
  const select = view.request.query.get('$select')
  if (view.verb !== 'write' && select !== undefined && select.toLowerCase() !== 'permissions')
    throw armError.invalidQueryParameter('$select', select.slice(0, 100))
  const { sharingProfile, ...properties } = galleryProperties(document)
  if (!sharingProfile) return { properties: properties as JsonObject }
  const { groups = [], ...shared } = sharingProfile
  const asked = select !== undefined || view.expand.has('sharingprofile/groups')
  const shownProfile = asked ? { ...shared, groups } : shared
  return { properties: { ...properties, sharingProfile: shownProfile } as JsonObject }
}
