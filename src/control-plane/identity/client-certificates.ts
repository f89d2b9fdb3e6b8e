import { createHash, X509Certificate } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Clock } from '#foundation/clock.ts'
import type { Random } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import type { CertificateRow, CredentialNoteRow, IdentityTables } from './identity-tables.ts'

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

/** A certificate that a program is to have: a new one, or by its key id one that it has, of which nothing else can be said. */
export interface WantedCertificate {
  readonly keyId?: string | undefined
  readonly pem?: string | undefined
  readonly displayName?: string | null | undefined
  readonly startsAt?: Date | undefined
  readonly expiresAt?: Date | undefined
}

type Tables = Kysely<IdentityTables>

const maxCertificates = 10

/** The certificates of a service principal or an application. */
export const certificatesIn = async (tables: Tables, objectId: string): Promise<CertificateCredential[]> => {
  const rows = await tables.selectFrom('identity_certificate').selectAll().where('object_id', '=', objectId).execute()
  const note = tables.selectFrom('identity_credential_note').selectAll().where('object_id', '=', objectId)
  const notes = new Map((await note.execute()).map(note => [note.credential, note]))
  return rows.map(row => certificateOf(row, notes.get(row.thumbprint)))
}

/** Makes the certificates of a service principal or an application these: new ones come, those that are not named go, or nothing changes. */
export const replaceCertificates = async (
  tables: Tables,
  objectId: string,
  wanted: readonly WantedCertificate[],
  { clock, random }: { clock: Clock; random: Random },
): Promise<void> => {
  const before = await certificatesIn(tables, objectId)
  const next = wanted.map(one => {
    const kept = before.find(({ keyId }) => keyId === one.keyId)
    return kept ? unchanged(kept, one) : newCertificate(one, clock.now(), random)
  })
  requireFew(next)
  for (const { thumbprint } of before.filter(one => !next.includes(one))) {
    const note = tables.deleteFrom('identity_credential_note').where('object_id', '=', objectId)
    await note.where('credential', '=', thumbprint).execute()
    const row = tables.deleteFrom('identity_certificate').where('object_id', '=', objectId)
    await row.where('thumbprint', '=', thumbprint).execute()
  }
  for (const one of next.filter(one => !before.includes(one))) {
    await tables
      .insertInto('identity_certificate')
      .values(rowOf(objectId, one, clock.now()))
      .execute()
    await tables.insertInto('identity_credential_note').values(noteOf(objectId, one)).execute()
  }
}

const unchanged = (kept: CertificateCredential, wanted: WantedCertificate): CertificateCredential => {
  const { pem, displayName = kept.displayName, startsAt = kept.startsAt, expiresAt = kept.expiresAt } = wanted
  const isSame =
    (pem === undefined || thumbprint('sha256', parsed(pem)) === kept.thumbprint) &&
    displayName === kept.displayName &&
    startsAt.getTime() === kept.startsAt.getTime() &&
    expiresAt.getTime() === kept.expiresAt.getTime()
  if (!isSame) throw new DirectoryRefused(`Update to existing credential with KeyId '${kept.keyId}' is not allowed.`)
  return kept
}

const newCertificate = (wanted: WantedCertificate, now: Date, random: Random): CertificateCredential => {
  const { keyId, pem, displayName = null, startsAt = now, expiresAt } = wanted
  if (pem === undefined)
    throw new DirectoryRefused(`There is no certificate with the KeyId '${keyId}', and no key to make one of.`)
  const certificate = usable(pem)
  const end = Math.min(expiresAt?.getTime() ?? Number.POSITIVE_INFINITY, Date.parse(certificate.validTo))
  return {
    thumbprint: thumbprint('sha256', certificate),
    pem: certificate.toString(),
    keyId: keyId ?? random.uuid(),
    displayName,
    startsAt,
    expiresAt: new Date(end),
  }
}

const requireFew = (certificates: readonly CertificateCredential[]): void => {
  if (certificates.length > maxCertificates)
    throw new DirectoryRefused(`There are at most ${maxCertificates} certificates: remove one first.`)
  for (const name of ['keyId', 'thumbprint'] as const)
    if (new Set(certificates.map(one => one[name])).size < certificates.length)
      throw new DirectoryRefused('Each certificate is given once, with a KeyId of its own.')
}

const rowOf = (objectId: string, { thumbprint: name, pem }: CertificateCredential, now: Date): CertificateRow => ({
  object_id: objectId,
  thumbprint: name,
  thumbprint_sha1: thumbprint('sha1', parsed(pem)),
  pem,
  created_at: now.getTime(),
})

const noteOf = (objectId: string, one: CertificateCredential): CredentialNoteRow => ({
  object_id: objectId,
  credential: one.thumbprint,
  key_id: one.keyId,
  display_name: one.displayName,
  starts_at: one.startsAt.getTime(),
  ends_at: one.expiresAt.getTime(),
})

const certificateOf = (row: CertificateRow, note: CredentialNoteRow | undefined): CertificateCredential => ({
  thumbprint: row.thumbprint,
  pem: row.pem,
  // One that was added before such ids were kept has its own for ever, made of its thumbprint.
  keyId: note?.key_id ?? uuidOf(row.thumbprint),
  displayName: note?.display_name ?? null,
  startsAt: new Date(note?.starts_at ?? row.created_at),
  expiresAt: new Date(note?.ends_at ?? Date.parse(parsed(row.pem).validTo)),
})

const uuidOf = (thumbprint: string): string => {
  const hex = Buffer.from(thumbprint, 'base64url').toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const thumbprint = (algorithm: 'sha1' | 'sha256', { raw }: X509Certificate): string =>
  createHash(algorithm).update(raw).digest('base64url')

const usable = (pem: string): X509Certificate => {
  const certificate = parsed(pem)
  if (certificate.publicKey.asymmetricKeyType !== 'rsa')
    throw new DirectoryRefused('A client certificate needs an RSA key: the clients sign with RS256 or PS256.')
  if ((certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new DirectoryRefused('The RSA key of a client certificate has at least 2048 bits.')
  return certificate
}

const parsed = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new DirectoryRefused('That is not a certificate in PEM form.', { cause })
  }
}
