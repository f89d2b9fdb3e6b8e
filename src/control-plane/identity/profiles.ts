import type { Database } from '#foundation/database.ts'
import type { IdentityTables } from './identity-tables.ts'

/** Words about users and service principals that nothing here depends on: nicknames, notes. */
export interface Profiles {
  of(objectId: string): Promise<Readonly<Record<string, unknown>>>
  /** Those of all principals of a tenant, by object id. */
  inTenant(tenantId: string): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>
  /** Sets some of the words; the others stay. */
  change(objectId: string, words: Readonly<Record<string, unknown>>): Promise<void>
}

const parsed = (words: string) => JSON.parse(words) as Readonly<Record<string, unknown>>

export const openProfiles = (database: Database): Profiles => {
  const of = async (objectId: string, tables = database.as<IdentityTables>()) => {
    const query = tables.selectFrom('identity_profile').select('words').where('object_id', '=', objectId)
    const row = await query.executeTakeFirst()
    return row ? parsed(row.words) : {}
  }
  return {
    of: objectId => of(objectId),
    async inTenant(tenantId) {
      const rows = await database
        .as<IdentityTables>()
        .selectFrom('identity_profile as profile')
        .innerJoin('identity_principal as principal', 'principal.object_id', 'profile.object_id')
        .select(['profile.object_id', 'profile.words'])
        .where('principal.tenant_id', '=', tenantId)
        .execute()
      return new Map(rows.map(row => [row.object_id, parsed(row.words)]))
    },
    change: (objectId, words) =>
      database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const changed = JSON.stringify({ ...(await of(objectId, tables)), ...words })
        await tables
          .insertInto('identity_profile')
          .values({ object_id: objectId, words: changed })
          .onConflict(conflict => conflict.column('object_id').doUpdateSet({ words: changed }))
          .execute()
      }),
  }
}
