import { createHash, X509Certificate } from 'node:crypto'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import { type Random, secretText } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { CertificateRow, CredentialNoteRow, IdentityTables, SecretRow } from './identity-tables.ts'
import type { SlowHash } from './slow-hash.ts'

/** What is said of a credential, beside what proves it. */
export interface CredentialWords {
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

export interface CertificateCredential {
  /** The SHA-256 of the certificate, in base64url. */
  readonly thumbprint: string
  readonly pem: string
  /** What clients call it by. */
  readonly keyId: string
  readonly displayName: string | null
  readonly startsAt: Date
  readonly expiresAt: Date
}

/** A certificate that sign-in may be proved by, and when that is over if it is before the certificate itself ends. */
export interface AcceptedCertificate extends CertificateRow {
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
  /** Lets the service principal prove itself with the private key of this PEM certificate. */
  addCertificate(
    objectId: string,
    pem: string,
    words?: CredentialWords & { keyId?: string; expiresAt?: Date },
  ): Promise<{ thumbprint: string }>
  certificatesOf(objectId: string): Promise<CertificateCredential[]>
  removeCertificate(objectId: string, thumbprint: string): Promise<void>
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
const maxCredentials = 10
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
  const ownCertificates = (objectId: string) =>
    tables().selectFrom('identity_certificate').selectAll().where('object_id', '=', objectId).execute()
  const forget = (table: 'identity_secret' | 'identity_certificate', objectId: string, credential: string) =>
    change(async tables => {
      const note = tables.deleteFrom('identity_credential_note').where('object_id', '=', objectId)
      await note.where('credential', '=', credential).execute()
      const name = table === 'identity_secret' ? ('secret_id' as const) : ('thumbprint' as const)
      const { numDeletedRows } = await tables
        .deleteFrom(table)
        .where('object_id', '=', objectId)
        .where(name as never, '=', credential as never)
        .executeTakeFirst()
      return Number(numDeletedRows) > 0
    })

  return {
    passwordRow,
    async addSecret(objectId, { secret = secretText(random, 30), expiresAt, ...words } = {}) {
      await requireHolder(tables(), objectId)
      if (secret.length < 16 || secret.length > 256)
        throw new DirectoryRefused('A client secret has 16 to 256 characters.')
      if ((await own(objectId)).length >= maxCredentials)
        throw new DirectoryRefused(`There are at most ${maxCredentials} secrets: remove one first.`)
      const end = expiresAt?.getTime() ?? now() + defaultSecretLifeMs
      const row = await secretRow(objectId, secret, secret.slice(0, 3), end)
      const note = noteRow(objectId, row.secret_id, row.secret_id, words, now())
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
      return rows.map(row => credential(row, noteOn(notes, row.secret_id)))
    },
    removeSecret: (objectId, secretId) => forget('identity_secret', objectId, secretId),
    async addCertificate(objectId, pem, { keyId = random.uuid(), expiresAt, ...words } = {}) {
      await requireHolder(tables(), objectId)
      const row = { ...certificateRow(pem), object_id: objectId, created_at: now() }
      const already = await ownCertificates(objectId)
      const isNew = already.every(({ thumbprint }) => thumbprint !== row.thumbprint)
      if (isNew && already.length >= maxCredentials)
        throw new DirectoryRefused(`There are at most ${maxCredentials} certificates: remove one first.`)
      const end = Math.min(expiresAt?.getTime() ?? noEnd, Date.parse(new X509Certificate(pem).validTo))
      const note = { ...noteRow(objectId, row.thumbprint, keyId, words, now()), ends_at: end }
      await change(async tables => {
        const insert = tables.insertInto('identity_certificate').values(row)
        await insert.onConflict(conflict => conflict.doNothing()).execute()
        const noted = tables.insertInto('identity_credential_note').values(note)
        await noted
          .onConflict(conflict => conflict.columns(['object_id', 'credential']).doUpdateSet({ ends_at: end }))
          .execute()
      })
      return { thumbprint: row.thumbprint }
    },
    async certificatesOf(objectId) {
      const [rows, notes] = [await ownCertificates(objectId), await notesOf(objectId)]
      return rows.map(row => certificate(row, noteOn(notes, row.thumbprint)))
    },
    async removeCertificate(objectId, thumbprint) {
      await forget('identity_certificate', objectId, thumbprint)
    },
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
        .select('note.ends_at')
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

const noteRow = (
  objectId: string,
  name: string,
  keyId: string,
  { displayName = null, startsAt }: CredentialWords,
  nowMs: number,
): CredentialNoteRow => ({
  object_id: objectId,
  credential: name,
  key_id: keyId,
  display_name: displayName,
  starts_at: startsAt?.getTime() ?? nowMs,
  ends_at: null,
})

const noteOn = (notes: readonly CredentialNoteRow[], name: string) => notes.find(note => note.credential === name)

const credential = (row: SecretRow, note: CredentialNoteRow | undefined): Credential => ({
  secretId: row.secret_id,
  hint: row.hint,
  displayName: note?.display_name ?? null,
  startsAt: new Date(note?.starts_at ?? row.created_at),
  expiresAt: new Date(row.expires_at),
})

const certificate = (row: CertificateRow, note: CredentialNoteRow | undefined): CertificateCredential => ({
  thumbprint: row.thumbprint,
  pem: row.pem,
  // One that was added before such ids were kept has its own for ever, made of its thumbprint.
  keyId: note?.key_id ?? uuidOf(row.thumbprint),
  displayName: note?.display_name ?? null,
  startsAt: new Date(note?.starts_at ?? row.created_at),
  expiresAt: new Date(note?.ends_at ?? Date.parse(new X509Certificate(row.pem).validTo)),
})

const uuidOf = (thumbprint: string): string => {
  const hex = Buffer.from(thumbprint, 'base64url').toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
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
