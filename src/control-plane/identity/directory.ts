import type { Clock } from '#foundation/clock.ts'
import type { Database, Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import { type Credentials, openCredentials } from './credentials.ts'
import { DirectoryRefused } from './directory-refused.ts'
import { openDomains } from './domains.ts'
import type { Groups } from './groups.ts'
import type { IdentityTables, PrincipalRow, SecretRow } from './identity-tables.ts'
import type { ManagedPrincipal, Principal, Tenant } from './principal.ts'
import type { SlowHash } from './slow-hash.ts'

/** Who exists, and what each can prove itself with. */
export interface Directory extends Credentials {
  /** Its users' names end in its domains: the given one, or one after its name. */
  addTenant(tenant: { displayName: string; tenantId?: string; domain?: string }): Promise<Tenant>
  tenants(): Promise<Tenant[]>
  addDomain(tenantId: string, domain: string): Promise<void>
  /** The oldest first, by which the tenant is known. */
  domainsOf(tenantId: string): Promise<string[]>
  /** The tenant with everybody in it. */
  removeTenant(tenantId: string): Promise<void>
  addServicePrincipal(wanted: { tenantId: string; displayName: string; appId?: string }): Promise<Principal>
  addUser(wanted: NewUser): Promise<Principal>
  /** Adds a managed identity in the caller's transaction, unless it is there. */
  addManaged(transaction: Transaction, wanted: ManagedPrincipal): Promise<void>
  /** Removes a managed identity, and no other principal, in the caller's transaction. */
  removeManaged(transaction: Transaction, objectId: string): Promise<void>
  principals(tenantId: string): Promise<Known[]>
  /** Its tokens stop at once; its refresh tokens are gone for good. */
  setDisabled(objectId: string, disabled: boolean): Promise<void>
  rename(objectId: string, displayName: string): Promise<void>
  removePrincipal(objectId: string): Promise<void>
  find(by: { objectId: string } | { appId: string } | { userPrincipalName: string }): Promise<Known | undefined>
  /** All groups that a principal or group is in, through other groups too; ids in lower case, from memory. */
  groupsOf(objectId: string): readonly string[]
  /** Grows with every change, so that whoever remembers an answer knows when to ask again. */
  revision(): number
  /** What principals can prove themselves with was changed elsewhere. */
  touch(): void
}

export interface NewUser {
  tenantId: string
  userPrincipalName: string
  displayName: string
  password: string
}

export interface Known {
  readonly principal: Principal
  readonly disabled: boolean
  readonly createdAt: Date
}

const known = (row: PrincipalRow): Known => ({
  disabled: row.disabled !== 0,
  createdAt: new Date(row.created_at),
  principal: {
    tenantId: row.tenant_id,
    objectId: row.object_id,
    ...(row.app_id !== null && { appId: row.app_id }),
    ...(row.user_principal_name !== null && { userPrincipalName: row.user_principal_name }),
    displayName: row.display_name,
    kind: row.kind,
  },
})

export interface DirectoryParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly slowHash: SlowHash
  readonly groups: Groups
}

/** The directory over its tables, which must have been made by the identity's migrations. */
export const openDirectory = ({ database, clock, random, slowHash, groups }: DirectoryParts): Directory => {
  const tables = () => database.as<IdentityTables>()
  const now = () => clock.now().getTime()
  let revision = 0

  /** One durable change; `work` gets the tables of the transaction. */
  const change = async <T>(work: (tables: ReturnType<typeof of>) => Promise<T>): Promise<T> => {
    try {
      return await database.transact(transaction => work(of(transaction)))
    } finally {
      revision++
    }
  }
  const of = (transaction: Transaction) => transaction.as<IdentityTables>()

  const required = async (objectId: string, kind?: Principal['kind']) => {
    const row = await tables()
      .selectFrom('identity_principal')
      .selectAll()
      .where('object_id', '=', objectId)
      .executeTakeFirst()
    if (!row || (kind && row.kind !== kind))
      throw new DirectoryRefused(`There is no ${kind ?? 'principal'} with the object id '${objectId}'.`, {
        fault: 'missing',
      })
    return row
  }

  const principalsOf = (tenantId: string) =>
    tables()
      .selectFrom('identity_principal')
      .selectAll()
      .where('tenant_id', '=', tenantId.toLowerCase())
      .orderBy('created_at')
      .orderBy('object_id')
      .execute()

  const removeRows = async (transaction: Transaction, objectId: string) => {
    const tables = of(transaction)
    for (const table of ownedByPrincipal) await tables.deleteFrom(table).where('object_id', '=', objectId).execute()
    await tables.deleteFrom('identity_owner').where('owner_id', '=', objectId).execute()
    await groups.leaveAll(transaction, objectId)
  }

  const addPrincipal = (row: PrincipalRow, secret?: SecretRow) =>
    change(async tables => {
      const tenant = await tables
        .selectFrom('identity_tenant')
        .select('tenant_id')
        .where('tenant_id', '=', row.tenant_id)
        .executeTakeFirst()
      if (!tenant) throw new DirectoryRefused(`There is no tenant '${row.tenant_id}'.`)
      const name = row.app_id ? ('app_id' as const) : ('user_principal_name' as const)
      const same = await tables
        .selectFrom('identity_principal')
        .select('object_id')
        .where(name, '=', row[name])
        .executeTakeFirst()
      if (same) throw new DirectoryRefused(`Another principal is called '${row[name]}' already.`, { fault: 'conflict' })
      await tables.insertInto('identity_principal').values(row).execute()
      if (secret) await tables.insertInto('identity_secret').values(secret).execute()
      return known(row).principal
    })

  const { passwordRow, ...credentials } = openCredentials({ database, clock, random, slowHash, change })
  const domains = openDomains(database, clock)

  return {
    revision: () => revision,
    touch: () => void revision++,
    groupsOf: groups.groupsOf,
    ...credentials,
    addDomain: domains.add,
    domainsOf: domains.of,
    async addTenant({ displayName, tenantId = random.uuid(), domain }) {
      const row = { tenant_id: tenantId.toLowerCase(), display_name: displayName, created_at: now() }
      await change(async tables => {
        await domains.addFirst(tables, row.tenant_id, displayName, domain)
        await tables.insertInto('identity_tenant').values(row).execute()
      })
      return { tenantId: row.tenant_id, displayName, domains: await domains.of(row.tenant_id) }
    },
    async removeTenant(tenantId) {
      const principals = await principalsOf(tenantId)
      await database.transact(async transaction => {
        for (const { object_id } of principals) await removeRows(transaction, object_id)
        const tables = of(transaction)
        const its = (table: 'identity_application' | 'identity_group') =>
          tables.selectFrom(table).select('object_id').where('tenant_id', '=', tenantId)
        for (const table of ownedByApplication)
          await tables.deleteFrom(table).where('object_id', 'in', its('identity_application')).execute()
        await tables.deleteFrom('identity_owner').where('object_id', 'in', its('identity_group')).execute()
        await tables.deleteFrom('identity_group_member').where('group_id', 'in', its('identity_group')).execute()
        for (const table of ownedByTenant) await tables.deleteFrom(table).where('tenant_id', '=', tenantId).execute()
      })
      revision++
    },
    async tenants() {
      const rows = await tables().selectFrom('identity_tenant').selectAll().orderBy('created_at').execute()
      const all = await domains.all()
      return rows.map(({ tenant_id: tenantId, display_name: displayName }) => ({
        tenantId,
        displayName,
        domains: all.filter(row => row.tenant_id === tenantId).map(({ domain }) => domain),
      }))
    },
    addServicePrincipal: ({ tenantId, displayName, appId = random.uuid() }) =>
      addPrincipal({
        object_id: random.uuid(),
        tenant_id: tenantId.toLowerCase(),
        kind: 'ServicePrincipal',
        app_id: appId.toLowerCase(),
        user_principal_name: null,
        display_name: displayName,
        disabled: 0,
        created_at: now(),
      }),
    async addManaged(transaction, { principalId, clientId, tenantId, displayName }) {
      revision++
      const row: PrincipalRow = {
        object_id: principalId,
        tenant_id: tenantId.toLowerCase(),
        kind: 'ManagedIdentity',
        app_id: clientId,
        user_principal_name: null,
        display_name: displayName,
        disabled: 0,
        created_at: now(),
      }
      const insert = of(transaction).insertInto('identity_principal').values(row)
      await insert.onConflict(conflict => conflict.column('object_id').doNothing()).execute()
    },
    async removeManaged(transaction, objectId) {
      revision++
      const { numDeletedRows } = await of(transaction)
        .deleteFrom('identity_principal')
        .where('object_id', '=', objectId)
        .where('kind', '=', 'ManagedIdentity')
        .executeTakeFirst()
      if (Number(numDeletedRows) > 0) await removeRows(transaction, objectId)
    },
    async addUser({ tenantId, userPrincipalName, displayName, password }) {
      const objectId = random.uuid()
      const row: PrincipalRow = {
        object_id: objectId,
        tenant_id: tenantId.toLowerCase(),
        kind: 'User',
        app_id: null,
        user_principal_name: userPrincipalName.toLowerCase(),
        display_name: displayName,
        disabled: 0,
        created_at: now(),
      }
      return addPrincipal(row, await passwordRow(objectId, password))
    },
    async principals(tenantId) {
      return (await principalsOf(tenantId)).map(known)
    },
    async rename(objectId, displayName) {
      await required(objectId)
      const named = { display_name: displayName }
      await change(tables =>
        tables.updateTable('identity_principal').set(named).where('object_id', '=', objectId).execute(),
      )
    },
    async setDisabled(objectId, disabled) {
      await required(objectId)
      await change(async tables => {
        await tables
          .updateTable('identity_principal')
          .set({ disabled: disabled ? 1 : 0 })
          .where('object_id', '=', objectId)
          .execute()
        if (disabled) await tables.deleteFrom('identity_refresh_token').where('object_id', '=', objectId).execute()
      })
    },
    async removePrincipal(objectId) {
      await database.transact(transaction => removeRows(transaction, objectId))
      revision++
    },
    async find(by) {
      const [[name, value]] = Object.entries(by) as [[keyof typeof columns, string]]
      const row = await tables()
        .selectFrom('identity_principal')
        .selectAll()
        .where(columns[name], '=', value.toLowerCase())
        .executeTakeFirst()
      return row && known(row)
    },
  }
}

const columns = { objectId: 'object_id', appId: 'app_id', userPrincipalName: 'user_principal_name' } as const
const ownedByPrincipal = [
  'identity_secret',
  'identity_certificate',
  'identity_refresh_token',
  'identity_device_code',
  'identity_authorization_code',
  'identity_credential_note',
  'identity_federated_credential',
  'identity_profile',
  'identity_owner',
  'identity_principal',
] as const
const ownedByApplication = [
  'identity_secret',
  'identity_certificate',
  'identity_credential_note',
  'identity_federated_credential',
  'identity_owner',
] as const
const ownedByTenant = ['identity_application', 'identity_group', 'identity_domain', 'identity_tenant'] as const
