import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import { type Random, secretText } from '#foundation/random.ts'
import {
  type CertificateCredential,
  certificatesIn,
  replaceCertificates,
  type WantedCertificate,
} from './client-certificates.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { CertificateRow, CredentialNoteRow, IdentityTables, SecretRow } from './identity-tables.ts'
import type { SlowHash } from './slow-hash.ts'

/** What is said of a secret, beside what proves it. */
interface CredentialWords {
  readonly displayName?: string | null
  readonly startsAt?: Date
}

export interface Credential {
  readonly secretId: string
  readonly hint: string
  readonly displayName: string | null
  readonly startsAt: Date
  readonly expiresAt: Date
}

/** A certificate that sign-in may be proved by, since when, and until when if that is before the certificate itself ends. */
export interface AcceptedCertificate extends CertificateRow {
  readonly starts_at: number | null
  readonly ends_at: number | null
}

/**
 * What service principals and applications prove themselves with, and what users do. A service principal may use its own credentials
 * and those of its application.
 */
export interface Credentials {
  /** Makes a random secret unless one is given; this is the only time that it can be seen. */
  addSecret(
    objectId: string,
    wanted?: { secret?: string; expiresAt?: Date } & CredentialWords,
  ): Promise<Credential & { secret: string }>
  setPassword(objectId: string, password: string): Promise<void>
  secretsOf(objectId: string): Promise<Credential[]>
  removeSecret(objectId: string, secretId: string): Promise<boolean>
  certificatesOf(objectId: string): Promise<CertificateCredential[]>
  /** The service principal or application proves itself with the private keys of these certificates and no others; all of them, or nothing changes. */
  replaceCertificates(objectId: string, wanted: readonly WantedCertificate[]): Promise<void>
  /** Whatever the principal may sign in with, its application's included. */
  secretRows(objectId: string): Promise<SecretRow[]>
  certificateRows(objectId: string): Promise<AcceptedCertificate[]>
}

type Tables = ReturnType<typeof tablesOf>
const tablesOf = (database: Pick<Database, 'as'>) => database.as<IdentityTables>()

export interface CredentialsParts {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly slowHash: SlowHash
  /** One durable change, after which nothing that was remembered of the directory counts any more. */
  readonly change: <T>(work: (tables: Tables) => Promise<T>) => Promise<T>
}

const defaultSecretLifeMs = 2 * 365 * 24 * 3600_000
const maxSecrets = 10
const noEnd = Date.parse('9999-01-01T00:00:00Z')

export const openCredentials = (parts: CredentialsParts): Credentials & { passwordRow: PasswordRow } => {
  const { database, clock, random, slowHash, change } = parts
  const tables = () => tablesOf(database)
  const now = () => clock.now().getTime()

  const secretRow = async (objectId: string, secret: string, hint: string, expiresAt: number): Promise<SecretRow> => ({
    secret_id: random.uuid(),
    object_id: objectId,
    hash: await slowHash.hash(secret),
    hint,
    expires_at: expiresAt,
    created_at: now(),
  })
  const passwordRow: PasswordRow = (objectId, password) => {
    if (password.length < 8 || password.length > 256) throw new DirectoryRefused('A password has 8 to 256 characters.')
    return secretRow(objectId, password, '', noEnd)
  }
  const own = (objectId: string) =>
    tables().selectFrom('identity_secret').selectAll().where('object_id', '=', objectId).orderBy('created_at').execute()
  const notesOf = (objectId: string) =>
    tables().selectFrom('identity_credential_note').selectAll().where('object_id', '=', objectId).execute()

  return {
    passwordRow,
    async addSecret(objectId, { secret = secretText(random, 30), expiresAt, ...words } = {}) {
      await requireHolder(tables(), objectId)
      if (secret.length < 16 || secret.length > 256)
        throw new DirectoryRefused('A client secret has 16 to 256 characters.')
      if ((await own(objectId)).length >= maxSecrets)
        throw new DirectoryRefused(`There are at most ${maxSecrets} secrets: remove one first.`)
      const end = expiresAt?.getTime() ?? now() + defaultSecretLifeMs
      const row = await secretRow(objectId, secret, secret.slice(0, 3), end)
      const note = noteRow(row, words)
      await change(async tables => {
        await tables.insertInto('identity_secret').values(row).execute()
        await tables.insertInto('identity_credential_note').values(note).execute()
      })
      return { ...credential(row, note), secret }
    },
    async setPassword(objectId, password) {
      const row = await passwordRow(objectId, password)
      await requireUser(tables(), objectId)
      await change(async tables => {
        await tables.deleteFrom('identity_secret').where('object_id', '=', objectId).execute()
        await tables.insertInto('identity_secret').values(row).execute()
        await tables.deleteFrom('identity_refresh_token').where('object_id', '=', objectId).execute()
      })
    },
    async secretsOf(objectId) {
      const [rows, notes] = [await own(objectId), await notesOf(objectId)]
      return rows.map(row =>
        credential(
          row,
          notes.find(note => note.credential === row.secret_id),
        ),
      )
    },
    removeSecret: (objectId, secretId) =>
      change(async tables => {
        const note = tables.deleteFrom('identity_credential_note').where('object_id', '=', objectId)
        await note.where('credential', '=', secretId).execute()
        const secret = tables.deleteFrom('identity_secret').where('object_id', '=', objectId)
        const { numDeletedRows } = await secret.where('secret_id', '=', secretId).executeTakeFirst()
        return Number(numDeletedRows) > 0
      }),
    certificatesOf: objectId => certificatesIn(tables(), objectId),
    replaceCertificates: (objectId, wanted) =>
      change(async tables => {
        await requireHolder(tables, objectId)
        await replaceCertificates(tables, objectId, wanted, { clock, random })
      }),
    async secretRows(objectId) {
      const holders = await holdersFor(tables(), objectId)
      const query = tables().selectFrom('identity_secret').selectAll().where('object_id', 'in', holders)
      return query.orderBy('created_at').execute()
    },
    async certificateRows(objectId) {
      const holders = await holdersFor(tables(), objectId)
      return tables()
        .selectFrom('identity_certificate as held')
        .leftJoin('identity_credential_note as note', join =>
          join.onRef('note.object_id', '=', 'held.object_id').onRef('note.credential', '=', 'held.thumbprint'),
        )
        .selectAll('held')
        .select(['note.starts_at', 'note.ends_at'])
        .where('held.object_id', 'in', holders)
        .execute()
    },
  }
}

type PasswordRow = (objectId: string, password: string) => Promise<SecretRow>

/** The principal itself and its application. */
const holdersFor = async (tables: Tables, objectId: string): Promise<string[]> => {
  const application = await tables
    .selectFrom('identity_principal as principal')
    .innerJoin('identity_application as application', 'application.app_id', 'principal.app_id')
    .select('application.object_id')
    .where('principal.object_id', '=', objectId)
    .executeTakeFirst()
  return application ? [objectId, application.object_id] : [objectId]
}

const requireHolder = async (tables: Tables, objectId: string): Promise<void> => {
  const principal = await tables
    .selectFrom('identity_principal')
    .select('kind')
    .where('object_id', '=', objectId)
    .executeTakeFirst()
  if (principal?.kind === 'ServicePrincipal') return
  const application = tables.selectFrom('identity_application').select('app_id').where('object_id', '=', objectId)
  if (await application.executeTakeFirst()) return
  throw notThere('ServicePrincipal', objectId)
}

const requireUser = async (tables: Tables, objectId: string): Promise<void> => {
  const query = tables.selectFrom('identity_principal').select('kind').where('object_id', '=', objectId)
  if ((await query.executeTakeFirst())?.kind !== 'User') throw notThere('User', objectId)
}

const notThere = (kind: string, objectId: string) =>
  new DirectoryRefused(`There is no ${kind} with the object id '${objectId}'.`, { fault: 'missing' })

const noteRow = (row: SecretRow, { displayName = null, startsAt }: CredentialWords): CredentialNoteRow => ({
  object_id: row.object_id,
  credential: row.secret_id,
  key_id: row.secret_id,
  display_name: displayName,
  starts_at: startsAt?.getTime() ?? row.created_at,
  ends_at: null,
})

const credential = (row: SecretRow, note: CredentialNoteRow | undefined): Credential => ({
  secretId: row.secret_id,
  hint: row.hint,
  displayName: note?.display_name ?? null,
  startsAt: new Date(note?.starts_at ?? row.created_at),
  expiresAt: new Date(row.expires_at),
})
