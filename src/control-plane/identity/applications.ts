import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { replaceCertificates, type WantedCertificate } from './client-certificates.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { ApplicationRow, IdentityTables } from './identity-tables.ts'

/** A program as it is registered; its service principal is what signs in and is given roles. */
export interface Application {
  readonly tenantId: string
  readonly objectId: string
  readonly appId: string
  readonly createdAt: Date
  readonly words: ApplicationWords
}

/** What its owner says of an application. */
export interface ApplicationWords {
  readonly displayName: string
  /** More names of the application, each the only one of its kind in the tenant. */
  readonly identifierUris: readonly string[]
  readonly description: string | null
  readonly notes: string | null
  readonly serviceManagementReference: string | null
  readonly tags: readonly string[]
}

/** An application of which nothing is said but its name. */
export const namedApplication = (displayName: string): ApplicationWords => ({
  displayName,
  identifierUris: [],
  description: null,
  notes: null,
  serviceManagementReference: null,
  tags: [],
})

/** The registered applications of all tenants. */
export interface Applications {
  add(
    tenantId: string,
    words: ApplicationWords,
    more?: { ownerId?: string; certificates?: readonly WantedCertificate[] | undefined },
  ): Promise<Application>
  /** Certificates are those that it is to have from now on; all that it has, unless they are given. */
  change(objectId: string, words: Partial<ApplicationWords>, certificates?: readonly WantedCertificate[]): Promise<void>
  find(by: { objectId: string } | { appId: string }): Promise<Application | undefined>
  list(tenantId: string): Promise<Application[]>
  /** Those that a principal owns. */
  countOwned(ownerId: string): Promise<number>
  /** The application with its credentials; its service principal is the directory's to remove. */
  remove(objectId: string): Promise<void>
}

const applicationOf = (row: ApplicationRow): Application => ({
  tenantId: row.tenant_id,
  objectId: row.object_id,
  appId: row.app_id,
  createdAt: new Date(row.created_at),
  words: JSON.parse(row.words) as ApplicationWords,
})

const owned = [
  'identity_secret',
  'identity_certificate',
  'identity_credential_note',
  'identity_federated_credential',
  'identity_owner',
  'identity_application',
] as const

export interface ApplicationsParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  /** What a principal may prove itself with has changed. */
  readonly changed: () => void
}

export const openApplications = ({ database, clock, random, changed }: ApplicationsParts): Applications => {
  const tables = () => database.as<IdentityTables>()
  const list = async (tenantId: string, within = tables()) => {
    const query = within.selectFrom('identity_application').selectAll().where('tenant_id', '=', tenantId)
    return (await query.orderBy('created_at').orderBy('object_id').execute()).map(applicationOf)
  }
  const requireFree = async (application: Application, within: ReturnType<typeof tables>) => {
    if (application.words.identifierUris.length === 0) return
    for (const other of await list(application.tenantId, within))
      for (const uri of other.objectId === application.objectId ? [] : other.words.identifierUris)
        if (application.words.identifierUris.includes(uri))
          throw new DirectoryRefused(
            `Another object with the same value for property identifierUris already exists: '${uri}'.`,
            { fault: 'conflict' },
          )
  }

  return {
    list: tenantId => list(tenantId),
    async add(tenantId, words, { ownerId, certificates = [] } = {}) {
      const application: Application = {
        tenantId,
        objectId: random.uuid(),
        appId: random.uuid(),
        createdAt: clock.now(),
        words,
      }
      const { objectId, appId, createdAt } = application
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        await requireFree(application, tables)
        await tables
          .insertInto('identity_application')
          .values({
            object_id: objectId,
            tenant_id: tenantId,
            app_id: appId,
            words: JSON.stringify(words),
            created_at: createdAt.getTime(),
          })
          .execute()
        if (ownerId !== undefined)
          await tables.insertInto('identity_owner').values({ object_id: objectId, owner_id: ownerId }).execute()
        await replaceCertificates(tables, objectId, certificates, { clock, random })
      })
      return application
    },
    async change(objectId, words, certificates) {
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        const query = tables.selectFrom('identity_application').selectAll().where('object_id', '=', objectId)
        const row = await query.executeTakeFirst()
        if (!row) throw new DirectoryRefused(`There is no application '${objectId}'.`, { fault: 'missing' })
        const application = applicationOf(row)
        const changed = { ...application, words: { ...application.words, ...words } }
        await requireFree(changed, tables)
        await tables
          .updateTable('identity_application')
          .set({ words: JSON.stringify(changed.words) })
          .where('object_id', '=', objectId)
          .execute()
        if (certificates) await replaceCertificates(tables, objectId, certificates, { clock, random })
      })
      if (certificates) changed()
    },
    async find(by) {
      const [name, value] = 'appId' in by ? (['app_id', by.appId] as const) : (['object_id', by.objectId] as const)
      const query = tables().selectFrom('identity_application').selectAll().where(name, '=', value.toLowerCase())
      const row = await query.executeTakeFirst()
      return row && applicationOf(row)
    },
    async countOwned(ownerId) {
      const { count } = await tables()
        .selectFrom('identity_owner')
        .select(row => row.fn.countAll<number>().as('count'))
        .where('owner_id', '=', ownerId)
        .executeTakeFirstOrThrow()
      return count
    },
    async remove(objectId) {
      await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        for (const table of owned) await tables.deleteFrom(table).where('object_id', '=', objectId).execute()
      })
      changed()
    },
  }
}
