import { Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan, ResourceType, View } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Transaction } from '#foundation/database.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions } from './api-versions.ts'
import { requireName } from './artifact-name.ts'
import {
  type GalleryProperties,
  galleryProperties,
  gallerySchema,
  galleryType,
  uniqueNameOf,
} from './gallery-document.ts'
import { galleryError } from './gallery-errors.ts'
import { requireRoom } from './room.ts'
import { isShared } from './sharing/audience.ts'
import { listConsumers } from './sharing/list-consumers.ts'
import { share } from './sharing/share.ts'
import { sharingStatus } from './sharing/sharing-status.ts'
import { settleSharing } from './sharing-profile.ts'

/** An Azure Compute Gallery: a collection of image definitions, with a word on who may see it and what a delete means. */
export const gallery = ({ regions }: { readonly regions: Regions }): ResourceType => ({
  type: galleryType,
  apiVersions: galleryApiVersions,
  tracked: true,
  schema: Type.Object({ properties: Type.Optional(gallerySchema) }),
  bodyName: 'gallery',
  checkName: checkGalleryName,
  plan,
  planDelete,
  actions: { share, listConsumers },
  present: (document, view, arm) => present(document, view, arm, regions),
  expands: ['sharingprofile/groups'],
  operationsType: 'Microsoft.Compute/locations/capsOperations',
})

function checkGalleryName(name: string): void {
  requireName(name, 'galleryName')
  if (!/^[A-Za-z0-9]([A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) throw galleryError.galleryNameInvalid()
}

async function plan({ wanted, existing }: Change, arm: Arm): Promise<Plan> {
  const { subscriptionId = '', location = '' } = wanted
  if (!existing) {
    await requireRoom(galleryType, subscriptionId, location, arm)
    await requireFreeName(wanted, arm)
  }
  const { sharingProfile, softDeletePolicy, ...rest } = galleryProperties(wanted)
  const former = {
    isNew: !existing,
    profile: existing && galleryProperties(existing).sharingProfile,
    wasOfGroups: existing?.hidden.wasOfGroups === true,
  }
  const sharing = settleSharing(sharingProfile, former, arm.random)
  const settled = {
    ...rest,
    identifier: { uniqueName: uniqueNameOf(wanted) },
    ...(sharing ? { sharingProfile: sharing } : {}),
    ...(softDeletePolicy ? { softDeletePolicy: settlePolicy(softDeletePolicy) } : {}),
  }
  return {
    document: { ...wanted, properties: settled as JsonObject },
    // Again, while nobody else writes: of two that come at once one has the name.
    async inCommit(transaction, saved) {
      if (!existing) await requireFreeName(wanted, arm, transaction)
      return saved
    },
  }
}

/** The unique name, by which others know a gallery, has no group in it. */
const requireFreeName = async (
  wanted: ResourceDocument,
  { resources }: Arm,
  transaction?: Transaction,
): Promise<void> => {
  const subscriptionId = wanted.subscriptionId ?? ''
  const galleries = await listAll(resources, { type: galleryType, subscriptionId }, transaction)
  const twin = galleries.find(({ name, key }) => name.toLowerCase() === wanted.name.toLowerCase() && key !== wanted.key)
  if (twin) throw galleryError.nameTaken(wanted.name, twin.id)
}

// As in Azure: whoever uses the gallery is told first, by an end of the sharing.
async function planDelete({ document }: { document: ResourceDocument }) {
  if (isShared(document)) throw galleryError.stillShared(document.name)
  return {}
}

/** Azure keeps soft-deleted versions for seven days unless told otherwise, and then deletes them without grace. */
const settlePolicy = (policy: NonNullable<GalleryProperties['softDeletePolicy']>) =>
  policy.isSoftDeleteEnabled ? { retentionPeriodInDays: 7, gracePeriodInDays: 0, ...policy } : policy

// Azure shows whom a gallery is shared with only on request: `$select=Permissions` up to 2021, `$expand` since.
async function present(document: ResourceDocument, view: View, arm: Arm, regions: Regions) {
  const select = view.request.query.get('$select')
  if (view.verb !== 'write' && select !== undefined && select.toLowerCase() !== 'permissions')
    throw armError.invalidQueryParameter('$select', select.slice(0, 100))
  const { sharingProfile, ...properties } = galleryProperties(document)
  if (!sharingProfile) return { properties: properties as JsonObject }
  const { groups = [], ...shared } = sharingProfile
  const asked = select !== undefined || view.expand.has('sharingprofile/groups')
  const shownProfile = asked ? { ...shared, groups } : shared
  const status =
    view.verb === 'get' && isShared(document) ? { sharingStatus: await sharingStatus(document, arm, regions) } : {}
  return { properties: { ...properties, sharingProfile: shownProfile, ...status } as JsonObject }
}
