import { type Static, Type } from 'typebox'
import { armError } from '#arm/arm-error.ts'
import { isUuid } from '#foundation/random.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { galleryError } from '../gallery-errors.ts'
import type { SharingGroup } from '../sharing-profile.ts'
import type { GroupType } from './audience.ts'

export const sharingUpdateSchema = Type.Object({
  operationType: Type.Enum(['Add', 'Remove', 'Reset', 'EnableCommunity']),
  groups: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Enum(['Subscriptions', 'AADTenants']),
        ids: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 }),
      }),
      { maxItems: 10 },
    ),
  ),
})

export type SharingUpdate = Static<typeof sharingUpdateSchema>

/** With how many a gallery can be shared (Azure's published limits). */
const limits: Readonly<Record<GroupType, number>> = { Subscriptions: 30, AADTenants: 5 }

/** The body of a `share` action, after the schema: who is meant must be named where it matters, and only there. */
export const readSharingUpdate = (body: JsonObject): SharingUpdate => {
  const update = body as unknown as SharingUpdate
  const { operationType, groups = [] } = update
  const namesSomebody = groups.some(({ ids }) => ids.length > 0)
  for (const id of groups.flatMap(({ ids }) => ids)) if (!isUuid(id)) throw galleryError.groupIdInvalid(id.slice(0, 60))
  if (operationType === 'Add' || operationType === 'Remove') {
    if (!namesSomebody) throw armError.missingProperty('parameters.groups')
  } else if (namesSomebody) throw galleryError.groupsNotAllowed(operationType)
  return update
}

/** Those that were there, and behind them those that are new. Throws when they are too many. */
export const withGroups = (
  groups: readonly SharingGroup[],
  added: readonly SharingGroup[],
): readonly SharingGroup[] => {
  const all = [...groups, ...added]
  const types = [...new Set(all.map(({ type }) => type))]
  return types.map(type => {
    const ids = uniqueIds(all.filter(group => group.type === type).flatMap(group => group.ids))
    if (ids.length > limits[type]) throw galleryError.tooManyShared(type, limits[type])
    return { type, ids }
  })
}

/** Those that are left; a group without members vanishes. */
export const withoutGroups = (
  groups: readonly SharingGroup[],
  removed: readonly SharingGroup[],
): readonly SharingGroup[] =>
  groups
    .map(({ type, ids }) => ({ type, ids: ids.filter(id => !isAmong(removed, type, id)) }))
    .filter(({ ids }) => ids.length > 0)

/** Whether groups name somebody, in whatever case. */
export const isAmong = (groups: readonly SharingGroup[], type: GroupType, id: string): boolean =>
  groups.some(group => group.type === type && group.ids.some(one => one.toLowerCase() === id.toLowerCase()))

const uniqueIds = (ids: readonly string[]): readonly string[] =>
  ids.filter((id, index) => ids.findIndex(one => one.toLowerCase() === id.toLowerCase()) === index)
