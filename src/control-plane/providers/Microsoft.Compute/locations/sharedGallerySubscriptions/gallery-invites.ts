import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ComputedAction, ResourceType } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { galleryApiVersions } from '../../galleries/api-versions.ts'
import { galleryType, uniqueNameOf } from '../../galleries/gallery-document.ts'
import { galleryError } from '../../galleries/gallery-errors.ts'
import { declinedOf, type GroupType, isOfferedTo } from '../../galleries/sharing/audience.ts'

/** Who answers an offer: the subscription of the path, or the caller's tenant. */
interface Answerer {
  readonly type: string
  readonly group: GroupType
  idOf(id: ResourceId, tenantId: string): string
}

/**
 * The answers to an offer of a gallery. What is shared can be used at once, as ever; who rejects it no longer sees or uses it until it
 * accepts it, or the owner stops sharing and begins again. The path names the owner's subscription and the gallery.
 */
const inviteType = (answerer: Answerer): ResourceType => ({
  type: answerer.type,
  apiVersions: galleryApiVersions.filter(version => version >= '2025-12-03'),
  tracked: false,
  computed: { actions: { accept: answer(answerer, false), reject: answer(answerer, true) } },
})

const answer = (answerer: Answerer, isRejected: boolean): ComputedAction => ({
  permission: isRejected ? 'reject/action' : 'accept/action',
  async run({ id, request }, arm) {
    const asked = id.nameOf('locations') ?? ''
    const names = arm.locations.map(({ name }) => name)
    if (!arm.findLocation(asked)) throw armError.locationNotAvailable(asked.slice(0, 100), answerer.type, names)
    await note(id, answerer.group, answerer.idOf(id, request.caller.tenantId).toLowerCase(), isRejected, arm)
    return undefined
  },
})

const note = async (id: ResourceId, group: GroupType, who: string, isRejected: boolean, arm: Arm): Promise<void> => {
  const owner = id.names.at(-2) ?? ''
  const wanted = id.name.toLowerCase()
  const galleries = await listAll(arm.resources, { type: galleryType, subscriptionId: owner })
  const offered = galleries.find(
    gallery =>
      (gallery.name.toLowerCase() === wanted || uniqueNameOf(gallery).toLowerCase() === wanted) &&
      isOfferedTo(gallery, group, who),
  )
  if (!offered) throw galleryError.notInvited(id.name.slice(0, 200))
  await arm.resources.change(offered.key, gallery => {
    const declined = declinedOf(gallery)
    const others = (declined[group] ?? []).filter(one => one !== who)
    const next = { ...declined, [group]: isRejected ? [...others, who] : others }
    // The owner may have taken the offer back meanwhile.
    if (!isOfferedTo(gallery, group, who)) return undefined
    return { ...gallery, hidden: { ...gallery.hidden, declined: next as JsonObject } }
  })
}

export const galleryInviteTypes: readonly ResourceType[] = [
  inviteType({
    type: 'Microsoft.Compute/locations/sharedGallerySubscriptions/sharedGalleries',
    group: 'Subscriptions',
    idOf: id => id.subscriptionId ?? '',
  }),
  inviteType({
    type: 'Microsoft.Compute/locations/tenantLevelSharedGallerySubscriptions/sharedGalleries',
    group: 'AADTenants',
    idOf: (_id, tenantId) => tenantId,
  }),
]
