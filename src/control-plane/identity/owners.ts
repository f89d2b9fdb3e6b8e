import type { Database } from '#foundation/database.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { IdentityTables } from './identity-tables.ts'

/** Who may change a group or an application, beside the tenant's administrators. */
export interface Owners {
  of(objectId: string): Promise<string[]>
  /** What a principal owns. */
  ownedBy(ownerId: string): Promise<string[]>
  add(objectId: string, ownerId: string): Promise<void>
  remove(objectId: string, ownerId: string): Promise<void>
}

const mostOwners = 100

export const openOwners = (database: Database): Owners => {
  const tables = () => database.as<IdentityTables>()
  const of = async (objectId: string, within = tables()) => {
    const query = within.selectFrom('identity_owner').select('owner_id').where('object_id', '=', objectId)
    return (await query.orderBy('owner_id').execute()).map(row => row.owner_id)
  }
  return {
    of: objectId => of(objectId),
    async ownedBy(ownerId) {
      const query = tables().selectFrom('identity_owner').select('object_id').where('owner_id', '=', ownerId)
      return (await query.orderBy('object_id').execute()).map(row => row.object_id)
    },
    add: (objectId, ownerId) =>
      database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const owners = await of(objectId, tables)
        if (owners.includes(ownerId))
          throw new DirectoryRefused(
            "One or more added object references already exist for the following modified properties: 'owners'.",
            { fault: 'conflict' },
          )
        if (owners.length >= mostOwners) throw new DirectoryRefused(`There are at most ${mostOwners} owners.`)
        await tables.insertInto('identity_owner').values({ object_id: objectId, owner_id: ownerId }).execute()
      }),
    async remove(objectId, ownerId) {
      const { numDeletedRows } = await tables()
        .deleteFrom('identity_owner')
        .where('object_id', '=', objectId)
        .where('owner_id', '=', ownerId)
        .executeTakeFirst()
      if (Number(numDeletedRows) === 0)
        throw new DirectoryRefused(`'${ownerId}' is no owner of '${objectId}'.`, { fault: 'missing' })
    },
  }
}
