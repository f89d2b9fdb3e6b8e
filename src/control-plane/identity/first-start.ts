import * as path from 'node:path'
import type { Database } from '#foundation/database.ts'
import { type Files, readWhole, replaceFile } from '#foundation/files.ts'
import { type Random, secretText } from '#foundation/random.ts'
import type { Identity } from './identity.ts'
import type { IdentityTables } from './identity-tables.ts'

/** What a first start has made. */
export interface FirstStart {
  readonly tenantId: string
  /** For the owner of the subscriptions to make; the identity only keeps its id. */
  readonly subscriptionId: string
  /** The service principal that may do everything. */
  readonly clientId: string
  readonly objectId: string
  readonly adminFile: string
  /** Present while `admin.json` is there. */
  readonly clientSecret?: string
  /** True once: the secret is to be shown now, and not at a later start. */
  readonly isNew: boolean
}

export interface FirstStartParts {
  readonly database: Database
  readonly files: Files
  readonly identity: Identity
}

interface AdminFile {
  tenantId: string
  subscriptionId: string
  clientId: string
  objectId: string
  clientSecret: string
}

const secretLifeMs = 100 * 365 * 24 * 3600_000

/**
 * Makes the tenant and its administrator, once. The file is written first, with everything in it, and the database follows in one transaction:
 * whatever start comes after a crash takes the file's word and finishes. Once the database knows the tenant, the file is the user's to
 * keep or remove.
 */
export const prepareIdentity = async (dataFolder: string, parts: FirstStartParts): Promise<FirstStart> => {
  const { files, identity } = parts
  const adminFile = path.join(dataFolder, 'admin.json')
  const made = await readMade(parts.database)
  if (made) {
    const kept = await readAdmin(files, adminFile).catch(() => undefined)
    const isSame = kept?.clientId === made.clientId
    return { ...made, adminFile, isNew: false, ...(isSame && { clientSecret: kept.clientSecret }) }
  }
  const written = await readAdmin(files, adminFile)
  const admin = written ?? newAdmin(identity.random)
  if (!written) {
    await files.makeFolder(dataFolder)
    await replaceFile(files, adminFile, Buffer.from(`${JSON.stringify(admin, null, 2)}\n`))
  }
  await record(admin, parts)
  return { ...admin, adminFile, isNew: true }
}

const newAdmin = (random: Random): AdminFile => ({
  tenantId: random.uuid(),
  subscriptionId: random.uuid(),
  clientId: random.uuid(),
  objectId: random.uuid(),
  clientSecret: secretText(random, 30),
})

const readAdmin = async (files: Files, file: string): Promise<AdminFile | undefined> => {
  if (!(await files.exists(file))) return undefined
  const admin = JSON.parse((await readWhole(files, file)).toString()) as Partial<AdminFile>
  for (const name of ['tenantId', 'subscriptionId', 'clientId', 'objectId', 'clientSecret'] as const)
    if (typeof admin[name] !== 'string') throw new Error(`${file} has no '${name}'. Put the file back, or remove it.`)
  return admin as AdminFile
}

const readMade = async (database: Database) => {
  const row = await database
    .as<IdentityTables>()
    .selectFrom('identity_tenant')
    .innerJoin('identity_first_start', 'identity_first_start.tenant_id', 'identity_tenant.tenant_id')
    .selectAll()
    .executeTakeFirst()
  return (
    row && {
      tenantId: row.tenant_id,
      subscriptionId: row.subscription_id,
      clientId: row.app_id,
      objectId: row.object_id,
    }
  )
}

const record = async (admin: AdminFile, { database, identity }: FirstStartParts) => {
  const now = identity.clock.now().getTime()
  const hash = await identity.slowHash.hash(admin.clientSecret)
  await database.transact(async transaction => {
    const tables = transaction.as<IdentityTables>()
    await tables
      .insertInto('identity_tenant')
      .values({ tenant_id: admin.tenantId, display_name: 'OpenGallery', created_at: now })
      .execute()
    await tables
      .insertInto('identity_domain')
      .values({ domain: 'opengallery.local', tenant_id: admin.tenantId, created_at: now })
      .execute()
    await tables
      .insertInto('identity_principal')
      .values({
        object_id: admin.objectId,
        tenant_id: admin.tenantId,
        kind: 'ServicePrincipal',
        app_id: admin.clientId,
        user_principal_name: null,
        display_name: 'OpenGallery administrator',
        disabled: 0,
        created_at: now,
      })
      .execute()
    const secret = {
      secret_id: identity.random.uuid(),
      object_id: admin.objectId,
      hash,
      hint: admin.clientSecret.slice(0, 3),
    }
    await tables
      .insertInto('identity_secret')
      .values({ ...secret, expires_at: now + secretLifeMs, created_at: now })
      .execute()
    await tables
      .insertInto('identity_first_start')
      .values({
        tenant_id: admin.tenantId,
        subscription_id: admin.subscriptionId,
        app_id: admin.clientId,
        object_id: admin.objectId,
      })
      .execute()
  })
}
