import { hash, X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '#foundation/clock.ts'
import type { Database } from '#foundation/database.ts'
import type { Directory, Known } from './directory.ts'
import type { CertificateRow, IdentityTables } from './identity-tables.ts'
import { oauthRefused } from './oauth-refused.ts'

export const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What a client sent to prove that it holds the private key of a registered certificate. */
export interface Assertion {
  readonly text: string
  readonly clientId: string | undefined
  /** The addresses of this server's token endpoints: an assertion made for another server is refused. */
  readonly endpoints: (tenantId: string) => readonly string[]
  /** The resource that a token is wanted for. */
  readonly audience: string
}

export interface AssertionCheckParts {
  readonly database: Database
  readonly clock: Clock
  readonly directory: Directory
}

const maxLifeMs = 24 * 3600_000
const maxBytes = 16 * 1024
const skewSeconds = 60

/**
 * Checks a signed client assertion (RFC 7523) and returns its service principal. An assertion buys one token for each resource: Microsoft's
 * client libraries send the same one again, within its ten minutes, when a program needs tokens for several resources; whoever
 * overheard it can't use it again for any of those.
 */
export const assertionCheck =
  ({ database, clock, directory }: AssertionCheckParts) =>
  async (assertion: Assertion): Promise<Known> => {
    const { clientId, thumbprint, alg } = named(assertion)
    const known = await directory.find({ appId: clientId })
    const rows = known ? await directory.certificateRows(known.principal.objectId) : []
    const row = rows.find(row => thumbprint(row))
    if (!known || !row) throw oauthRefused.badAssertion('No certificate with this thumbprint is registered.')
    const certificate = new X509Certificate(row.pem)
    const now = clock.now()
    if (now.getTime() + skewSeconds * 1000 < (row.starts_at ?? 0))
      throw oauthRefused.badAssertion('The certificate does not count yet.')
    if (now > new Date(row.ends_at ?? certificate.validTo))
      throw oauthRefused.badAssertion('The certificate has expired.')
    const claims = await verified(assertion.text, certificate, alg, now)
    if (claims.iss?.toLowerCase() !== clientId || claims.sub?.toLowerCase() !== clientId)
      throw oauthRefused.assertionForAnother()
    const accepted = assertion.endpoints(known.principal.tenantId).map(endpoint => endpoint.toLowerCase())
    if (![claims.aud].flat().some(aud => accepted.includes(String(aud).toLowerCase())))
      throw oauthRefused.assertionAudience()
    await useOnce(claims, assertion)
    return known

    async function useOnce({ jti, exp }: JWTPayload, { text, audience }: Assertion) {
      const expiresAt = (exp as number) * 1000
      if (expiresAt > now.getTime() + maxLifeMs) throw oauthRefused.assertionOutOfTime()
      // Without a jti the signed part stands for it: a signature can be written in several ways, what was signed can't.
      const once = hash('sha256', JSON.stringify([clientId, jti ?? text.slice(0, text.lastIndexOf('.')), audience]))
      const isNew = await database.transact(async transaction => {
        const tables = transaction.as<IdentityTables>()
        await tables
          .deleteFrom('identity_used_assertion')
          .where('expires_at', '<', now.getTime() - skewSeconds * 1000)
          .execute()
        const { numInsertedOrUpdatedRows } = await tables
          .insertInto('identity_used_assertion')
          .values({ assertion: once, expires_at: expiresAt })
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirstOrThrow()
        return Number(numInsertedOrUpdatedRows) === 1
      })
      if (!isNew) throw oauthRefused.badAssertion('The assertion has been used already.')
    }
  }

/** MSAL for Python and Terraform pad the thumbprint, against RFC 7515; MSAL for JavaScript doesn't. */
const unpadded = (thumbprint: unknown): string => String(thumbprint ?? '').replace(/=+$/, '')

/** What the assertion says of itself, before anything is proved. */
const named = ({ text, clientId }: Assertion) => {
  if (text.length > maxBytes) throw oauthRefused.badAssertion('It is too long.')
  try {
    // Terraform names the certificate in `kid`, as old libraries did.
    const { alg, kid, x5t = kid, 'x5t#S256': x5tS256 } = decodeProtectedHeader(text)
    const issuer = String(decodeJwt(text).iss ?? '').toLowerCase()
    if (clientId !== undefined && clientId.toLowerCase() !== issuer) throw oauthRefused.assertionForAnother()
    if (alg !== 'RS256' && alg !== 'PS256') throw oauthRefused.badAssertion('It must be signed with RS256 or PS256.')
    const thumbprint = (row: CertificateRow) =>
      x5tS256 ? row.thumbprint === unpadded(x5tS256) : row.thumbprint_sha1 === unpadded(x5t)
    return { clientId: issuer, alg, thumbprint }
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      throw oauthRefused.badAssertion('It is not a JSON Web Token.')
    throw error
  }
}

const verified = async (text: string, certificate: X509Certificate, alg: string, now: Date): Promise<JWTPayload> => {
  try {
    const options = {
      algorithms: [alg],
      currentDate: now,
      clockTolerance: skewSeconds,
      requiredClaims: ['exp', 'iss', 'sub', 'aud'],
    }
    return (await jwtVerify(text, certificate.publicKey, options)).payload
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw oauthRefused.assertionOutOfTime()
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf')
      throw oauthRefused.assertionOutOfTime()
    throw oauthRefused.badAssertion('The signature or a claim is wrong.')
  }
}
