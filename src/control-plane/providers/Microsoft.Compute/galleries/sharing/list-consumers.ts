import type { Action, Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import { type Consumer, consumerOf, isPublic, isSharedWith } from './audience.ts'
import { type ImageUse, useOf } from './image-use.ts'

const machines = 'Microsoft.Compute/virtualMachines'
const disks = 'Microsoft.Compute/disks'

/** Who uses a version of a gallery in one region: how many machines and disks, never which. */
interface Use {
  readonly image: string
  readonly version: string
  readonly location: string
  readonly access: ImageUse['access']
  /** Absent for the community's consumers, who are nobody's business. */
  readonly subscriptionId?: string
  readonly tenantId?: string
  /** Whether they could make another one now, by a sharing; what a role allows is for roles to tell. */
  readonly isStillShared?: boolean
  virtualMachines: number
  disks: number
}

/**
 * `POST .../galleries/G/listConsumers`: what there is that was made of the gallery's versions, by subscription, whatever was
 * revoked since. Not in Azure, whose publishers cannot know.
 */
export const listConsumers: Action = {
  permission: 'listConsumers/action',
  async run({ document }, arm) {
    const uses = new Map<string, Use>()
    for (const type of [machines, disks])
      for (const user of await listAll(arm.resources, { type })) await count(uses, user, document, arm)
    const value = [...uses.keys()].toSorted().map(key => uses.get(key) as unknown as Json)
    return { status: 200, body: { value } }
  },
}

const count = async (
  uses: Map<string, Use>,
  user: ResourceDocument,
  gallery: ResourceDocument,
  arm: Arm,
): Promise<void> => {
  const use = useOf(user)
  if (!use?.version.startsWith(`${gallery.key}/`) || !isMade(user)) return
  const [, , image = '', , version = ''] = use.version.slice(gallery.key.length).split('/')
  const location = user.location ?? ''
  const consumer = await consumerOf(user.subscriptionId ?? '', arm)
  const who = use.access === 'CommunityGallery' ? {} : { ...consumer }
  const key = JSON.stringify([image, version, location, use.access, who])
  const known = uses.get(key) ?? {
    image,
    version,
    location,
    access: use.access,
    ...who,
    ...stillShared(gallery, use, consumer),
    virtualMachines: 0,
    disks: 0,
  }
  uses.set(key, known)
  if (user.type === machines) known.virtualMachines++
  else known.disks++
}

/** A machine or disk whose making failed has nothing of the image. */
const isMade = ({ hidden }: ResourceDocument): boolean => (hidden.disk ?? hidden.power ?? undefined) !== undefined

const stillShared = (gallery: ResourceDocument, { access }: ImageUse, consumer: Consumer) => {
  if (access === 'Role') return {}
  return { isStillShared: access === 'CommunityGallery' ? isPublic(gallery) : isSharedWith(gallery, consumer) }
}
