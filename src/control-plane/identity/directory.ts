import { createHash, X509Certificate } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Database, Transaction } from '#foundation/database.ts'
import type { Random } from '#foundation/random.ts'
import type { CertificateRow, IdentityTables, PrincipalRow, SecretRow } from './identity-tables.ts'
import type { Principal, Tenant } from './principal.ts'
import type { SlowHash } from './slow-hash.ts'

/** The directory refuses a change; the message is a whole sentence for the person who asked for it. */
export class DirectoryRefused extends Error {
  override readonly name = 'DirectoryRefused'
}

export interface Credential {
  readonly secretId: string
  readonly hint: string
  readonly expiresAt: Date
}

/** Who exists, and what each can prove itself with. */
export interface Directory {
  addTenant(tenant: { displayName: string; tenantId?: string }): Promise<Tenant>
  tenants(): Promise<Tenant[]>
  addServicePrincipal(wanted: { tenantId: string; displayName: string; appId?: string }): Promise<Principal>
  addUser(wanted: NewUser): Promise<Principal>
  /** Makes a random secret unless one is given; this is the only time that it can be seen. */
  addSecret(objectId: string, wanted?: { secret?: string; expiresAt?: Date }): Promise<Credential & { secret: string }>
  setPassword(objectId: string, password: string): Promise<void>
  secretsOf(objectId: string): Promise<Credential[]>
  removeSecret(objectId: string, secretId: string): Promise<void>
  /** Lets the service principal prove itself with the private key of this PEM certificate. */
  addCertificate(objectId: string, pem: string): Promise<{ thumbprint: string }>
  certificatesOf(objectId: string): Promise<{ thumbprint: string; pem: string }[]>
  removeCertificate(objectId: string, thumbprint: string): Promise<void>
  principals(tenantId: string): Promise<(Principal & { disabled: boolean })[]>
  /** Its tokens stop at once; its refresh tokens are gone for good. */
  setDisabled(objectId: string, disabled: boolean): Promise<void>
  removePrincipal(objectId: string): Promise<void>
  find(by: { objectId: string } | { appId: string } | { userPrincipalName: string }): Promise<Known | undefined>
  secretRows(objectId: string): Promise<SecretRow[]>
  certificateRows(objectId: string): Promise<CertificateRow[]>
  /** Grows with every change, so that whoever remembers an answer knows when to ask again. */
  revision(): number
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
}

const defaultSecretLifeMs = 2 * 365 * 24 * 3600_000
const maxCredentials = 10
const noEnd = Date.parse('9999-01-01T00:00:00Z')

const known = (row: PrincipalRow): Known => ({
  disabled: row.disabled !== 0,
  principal: {
    tenantId: row.tenant_id,
    objectId: row.object_id,
    ...(row.app_id !== null && { appId: row.app_id }),
    ...(row.user_principal_name !== null && { userPrincipalName: row.user_principal_name }),
    displayName: row.display_name,
    kind: row.kind,
  },
})

const credential = (row: SecretRow): Credential => ({
  secretId: row.secret_id,
  hint: row.hint,
  expiresAt: new Date(row.expires_at),
})

export interface DirectoryParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly slowHash: SlowHash
}

/** The directory over its tables, which must have been made by the identity's migrations. */
export const openDirectory = ({ database, clock, random, slowHash }: DirectoryParts): Directory => {
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
      throw new DirectoryRefused(`There is no ${kind ?? 'principal'} with the object id '${objectId}'.`)
    return row
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
      if (same) throw new DirectoryRefused(`Another principal is called '${row[name]}' already.`)
      await tables.insertInto('identity_principal').values(row).execute()
      if (secret) await tables.insertInto('identity_secret').values(secret).execute()
      return known(row).principal
    })

  const secretRow = async (objectId: string, secret: string, hint: string, expiresAt: number): Promise<SecretRow> => ({
    secret_id: random.uuid(),
    object_id: objectId,
    hash: await slowHash.hash(secret),
    hint,
    expires_at: expiresAt,
    created_at: now(),
  })

  const secretRows = (objectId: string) =>
    tables().selectFrom('identity_secret').selectAll().where('object_id', '=', objectId).orderBy('created_at').execute()
  const certificateRows = (objectId: string) =>
    tables().selectFrom('identity_certificate').selectAll().where('object_id', '=', objectId).execute()

  return {
    revision: () => revision,
    secretRows,
    certificateRows,
    async addTenant({ displayName, tenantId = random.uuid() }) {
      const row = { tenant_id: tenantId.toLowerCase(), display_name: displayName }
      await change(tables =>
        tables
          .insertInto('identity_tenant')
          .values({ ...row, created_at: now() })
          .execute(),
      )
      return { tenantId: row.tenant_id, displayName }
    },
    async tenants() {
      const rows = await tables().selectFrom('identity_tenant').selectAll().orderBy('created_at').execute()
      return rows.map(row => ({ tenantId: row.tenant_id, displayName: row.display_name }))
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
    async addUser({ tenantId, userPrincipalName, displayName, password }) {
      requirePassword(password)
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
      return addPrincipal(row, await secretRow(objectId, password, '', noEnd))
    },
    async addSecret(objectId, { secret = random.bytes(30).toString('base64url'), expiresAt } = {}) {
      await required(objectId, 'ServicePrincipal')
      if (secret.length < 16 || secret.length > 256)
        throw new DirectoryRefused('A client secret has 16 to 256 characters.')
      if ((await secretRows(objectId)).length >= maxCredentials)
        throw new DirectoryRefused(`A service principal has at most ${maxCredentials} secrets: remove one first.`)
      const row = await secretRow(
        objectId,
        secret,
        secret.slice(0, 3),
        expiresAt?.getTime() ?? now() + defaultSecretLifeMs,
      )
      await change(tables => tables.insertInto('identity_secret').values(row).execute())
      return { ...credential(row), secret }
    },
    async setPassword(objectId, password) {
      requirePassword(password)
      await required(objectId, 'User')
      const row = await secretRow(objectId, password, '', noEnd)
      await change(async tables => {
        await tables.deleteFrom('identity_secret').where('object_id', '=', objectId).execute()
        await tables.insertInto('identity_secret').values(row).execute()
        await tables.deleteFrom('identity_refresh_token').where('object_id', '=', objectId).execute()
      })
    },
    secretsOf: async objectId => (await secretRows(objectId)).map(credential),
    async removeSecret(objectId, secretId) {
      await change(tables =>
        tables
          .deleteFrom('identity_secret')
          .where('object_id', '=', objectId)
          .where('secret_id', '=', secretId)
          .execute(),
      )
    },
    async addCertificate(objectId, pem) {
      await required(objectId, 'ServicePrincipal')
      const row = { ...certificateRow(pem), object_id: objectId, created_at: now() }
      if ((await certificateRows(objectId)).length >= maxCredentials)
        throw new DirectoryRefused(`A service principal has at most ${maxCredentials} certificates: remove one first.`)
      await change(tables =>
        tables
          .insertInto('identity_certificate')
          .values(row)
          .onConflict(conflict => conflict.doNothing())
          .execute(),
      )
      return { thumbprint: row.thumbprint }
    },
    certificatesOf: async objectId =>
      (await certificateRows(objectId)).map(({ thumbprint, pem }) => ({ thumbprint, pem })),
    async removeCertificate(objectId, thumbprint) {
      await change(tables =>
        tables
          .deleteFrom('identity_certificate')
          .where('object_id', '=', objectId)
          .where('thumbprint', '=', thumbprint)
          .execute(),
      )
    },
    async principals(tenantId) {
      const rows = await tables()
        .selectFrom('identity_principal')
        .selectAll()
        .where('tenant_id', '=', tenantId.toLowerCase())
        .orderBy('created_at')
        .execute()
      return rows.map(known).map(({ principal, disabled }) => ({ ...principal, disabled }))
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
      await change(async tables => {
        for (const table of ownedByPrincipal) await tables.deleteFrom(table).where('object_id', '=', objectId).execute()
      })
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
  'identity_principal',
] as const

const requirePassword = (password: string) => {
  if (password.length < 8 || password.length > 256) throw new DirectoryRefused('A password has 8 to 256 characters.')
}

const certificateRow = (pem: string): Pick<CertificateRow, 'thumbprint' | 'thumbprint_sha1' | 'pem'> => {
  const certificate = parsed(pem)
  if (certificate.publicKey.asymmetricKeyType !== 'rsa')
    throw new DirectoryRefused('A client certificate needs an RSA key: the clients sign with RS256 or PS256.')
  if ((certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new DirectoryRefused('The RSA key of a client certificate has at least 2048 bits.')
  const thumbprint = (algorithm: string) => createHash(algorithm).update(certificate.raw).digest('base64url')
  return { thumbprint: thumbprint('sha256'), thumbprint_sha1: thumbprint('sha1'), pem: certificate.toString() }
}

const parsed = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new DirectoryRefused('That is not a certificate in PEM form.', { cause })
  }
}
