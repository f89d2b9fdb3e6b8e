import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { IdentityTables } from './identity-tables.ts'

type Tables = ReturnType<typeof tablesOf>
const tablesOf = (database: Database) => database.as<IdentityTables>()

const domainForm = /^(?=.{3,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The domains that the names of a tenant's users end in. In Azure their owner proves them by a DNS record; here the installation's
 * administrator gives them, and each to one tenant, so that no tenant can make users that look like another's.
 */
export const openDomains = (database: Database, clock: Clock) => {
  const ownerOf = (tables: Tables, domain: string) =>
    tables.selectFrom('identity_domain').select('tenant_id').where('domain', '=', domain).executeTakeFirst()
  const insert = async (tables: Tables, tenantId: string, domain: string) => {
    if (!domainForm.test(domain)) throw new DirectoryRefused(`'${domain.slice(0, 100)}' is no domain name.`)
    if (await ownerOf(tables, domain))
      throw new DirectoryRefused(`The domain '${domain}' belongs to a tenant already.`, { fault: 'conflict' })
    const row = { domain, tenant_id: tenantId, created_at: clock.now().getTime() }
    await tables.insertInto('identity_domain').values(row).execute()
  }
  return {
    add: (tenantId: string, domain: string): Promise<void> =>
      database.transact(transaction => insert(transaction.as<IdentityTables>(), tenantId, domain.toLowerCase())),
    async of(tenantId: string): Promise<string[]> {
      const query = tablesOf(database).selectFrom('identity_domain').select('domain').where('tenant_id', '=', tenantId)
      return (await query.orderBy('created_at').orderBy('domain').execute()).map(row => row.domain)
    },
    all: () =>
      tablesOf(database).selectFrom('identity_domain').selectAll().orderBy('created_at').orderBy('domain').execute(),
    /** The domain of a new tenant: what was asked for, else one after its name if that is free. */
    async addFirst(tables: Tables, tenantId: string, displayName: string, wanted?: string): Promise<void> {
      if (wanted !== undefined) return insert(tables, tenantId, wanted.toLowerCase())
      const label = displayName
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .replaceAll(/^-+|-+$/g, '')
        .slice(0, 50)
      const isFree = label !== '' && !(await ownerOf(tables, `${label}.local`))
      await insert(tables, tenantId, `${isFree ? label : tenantId}.local`)
    },
  }
}
