import { hash } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '#foundation/clock.ts'
import type { Random } from '#foundation/random.ts'
import { sameAudience } from './audiences.ts'
import type { Directory } from './directory.ts'
import type { Principal } from './principal.ts'
import { RecentMap } from './recent-map.ts'
import type { SigningKeys } from './signing-keys.ts'
import { TokenRefused } from './token-refused.ts'

/** Who sent a request, as its access token proves. */
export interface Caller extends Principal {
  /** The program that the principal signed in with; its own for a service principal. */
  readonly clientId: string
  readonly audience: string
  readonly tokenId: string
  readonly expiresAt: Date
}

/** How the client proved itself: Azure's `appidacr`. */
export type ClientProof = 'none' | 'secret' | 'certificate'

export interface Grant {
  readonly principal: Principal
  readonly clientId: string
  readonly proof: ClientProof
  readonly issuer: string
  /** The resource that a managed identity belongs to. */
  readonly resourceId?: string
}

/** Signs and checks tokens. */
export interface Tokens {
  accessToken(grant: Grant, audience: string): Promise<{ token: string; expiresInSeconds: number }>
  /** Tells the client who signed in; it opens nothing. */
  idToken(grant: Grant, nonce?: string): Promise<string>
  /** Throws `TokenRefused` unless the token is ours, in time, for one of the audiences, and its principal may still sign in. */
  verify(token: string, audiences: readonly string[]): Promise<Caller>
}

export interface TokensParts {
  readonly clock: Clock
  readonly random: Random
  readonly directory: Directory
  readonly keys: SigningKeys
  /** Whose tokens are ours: the issuers of a tenant under each of this server's names. */
  readonly issuersOf: (tenantId: string) => readonly string[]
}

export const tokenLifeMs = 3600_000
export const clockSkewMs = 60_000
const maxTokenBytes = 16 * 1024
const maxRemembered = 10_000
const recheckMs = 5_000
const textClaims = ['iss', 'aud', 'oid', 'tid', 'appid', 'uti']
const required = [...textClaims, 'iat', 'nbf', 'exp']

interface Remembered {
  readonly caller: Caller
  readonly kid: string
  readonly notBeforeMs: number
  readonly revision: number
  readonly checkedAtMs: number
}

/** Tokens in the form of Azure's version 1.0 access tokens, which is the form that Azure Resource Manager gets. */
export const openTokens = ({ clock, random, directory, keys, issuersOf }: TokensParts): Tokens => {
  const remembered = new RecentMap<Remembered>(maxRemembered)
  const nowMs = () => clock.now().getTime()

  const sign = async (issuer: string, audience: string, claims: JWTPayload): Promise<string> => {
    const key = await keys.current()
    const nowSeconds = Math.floor(nowMs() / 1000)
    return new SignJWT({ ...claims, uti: random.bytes(16).toString('base64url') })
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + tokenLifeMs / 1000)
      .sign(key.privateKey)
  }

  /** Everything that doesn't change while the token lives: form, signature, issuer. */
  const read = async (token: string): Promise<Omit<Remembered, 'revision' | 'checkedAtMs'>> => {
    const kid = kidOf(token)
    const key = keys.find(kid)
    if (!key) throw new TokenRefused('signature', 'It is not signed by a key of this server.')
    const claims = await verified(token, key.publicKey, clock.now())
    const { tid, iss, aud, oid, appid, uti } = claims as Record<string, string>
    if (!issuersOf(tid as string).includes(iss as string)) throw new TokenRefused('issuer', `The issuer is '${iss}'.`)
    const known = await directory.find({ objectId: oid as string })
    if (!known || known.disabled || known.principal.tenantId !== tid) throw gone(oid as string)
    return {
      kid,
      notBeforeMs: (claims.nbf as number) * 1000,
      caller: {
        ...known.principal,
        clientId: appid as string,
        audience: aud as string,
        tokenId: uti as string,
        expiresAt: new Date((claims.exp as number) * 1000),
      },
    }
  }

  /** The principal may have been disabled or removed since the token was last seen. */
  const recheck = async (known: Remembered): Promise<Remembered> => {
    const isFresh = known.revision === directory.revision() && nowMs() - known.checkedAtMs < recheckMs
    if (isFresh && nowMs() >= known.checkedAtMs) return known
    const revision = directory.revision()
    const found = await directory.find({ objectId: known.caller.objectId })
    if (!found || found.disabled) throw gone(known.caller.objectId)
    return { ...known, caller: { ...known.caller, ...found.principal }, revision, checkedAtMs: nowMs() }
  }

  return {
    async accessToken({ principal, clientId, proof, issuer, resourceId }, audience) {
      const ofResource = resourceId === undefined ? {} : { xms_mirid: resourceId }
      const who = { ...subjectClaims(principal), ...clientClaims(principal, clientId, proof) }
      const claims = { ...who, ...ofResource, ver: '1.0' }
      return { token: await sign(issuer, audience, claims), expiresInSeconds: tokenLifeMs / 1000 }
    },
    idToken: ({ principal, clientId, issuer }, nonce) =>
      sign(issuer, clientId, { ...subjectClaims(principal), ver: '2.0', ...(nonce && { nonce }) }),
    async verify(token, audiences) {
      if (token.length > maxTokenBytes) throw new TokenRefused('malformed', 'It is too long.')
      const print = hash('sha256', token, 'base64')
      const revision = directory.revision()
      const seen = remembered.get(print)
      const entry = seen ? await recheck(seen) : { ...(await read(token)), revision, checkedAtMs: nowMs() }
      if (entry !== seen) remembered.set(print, entry)
      requireTime(entry, nowMs())
      if (!keys.find(entry.kid)) throw new TokenRefused('signature', 'It is signed by a key that is no longer used.')
      const { audience } = entry.caller
      if (!audiences.some(accepted => sameAudience(accepted, audience))) throw new TokenRefused('audience', audience)
      return entry.caller
    },
  }
}

const gone = (objectId: string) =>
  new TokenRefused('principal', `The principal '${objectId}' does not exist or is disabled.`)

const kidOf = (token: string): string => {
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    if (alg === 'RS256' && kid) return kid
  } catch (cause) {
    throw new TokenRefused('malformed', 'It is not a JSON Web Token.', cause)
  }
  throw new TokenRefused('malformed', 'It is not signed with RS256 by a named key.')
}

const verified = async (token: string, key: Parameters<typeof jwtVerify>[1], now: Date): Promise<JWTPayload> => {
  try {
    const options = {
      algorithms: ['RS256'],
      currentDate: now,
      clockTolerance: clockSkewMs / 1000,
      requiredClaims: required,
    }
    const { payload } = await jwtVerify(token, key as never, options)
    if (textClaims.every(name => typeof payload[name] === 'string')) return payload
  } catch (error) {
    throw refusal(error)
  }
  throw new TokenRefused('malformed', 'A claim is missing or not a text.')
}

const refusal = (error: unknown): unknown => {
  if (error instanceof errors.JWTExpired)
    return new TokenRefused('expired', new Date((error.payload.exp ?? 0) * 1000).toISOString(), error)
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'nbf'
      ? new TokenRefused('not-yet-valid', 'Its time has not come yet.', error)
      : new TokenRefused('malformed', `The claim '${error.claim}' is missing or wrong.`, error)
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new TokenRefused('signature', 'The signature does not fit.', error)
  if (error instanceof errors.JOSEError)
    return new TokenRefused('malformed', 'It is not a valid JSON Web Token.', error)
  return error
}

const requireTime = ({ caller, notBeforeMs }: Remembered, nowMs: number): void => {
  if (nowMs >= caller.expiresAt.getTime() + clockSkewMs)
    throw new TokenRefused('expired', caller.expiresAt.toISOString())
  if (nowMs < notBeforeMs - clockSkewMs) throw new TokenRefused('not-yet-valid', new Date(notBeforeMs).toISOString())
}

const subjectClaims = (principal: Principal): JWTPayload => ({
  tid: principal.tenantId,
  oid: principal.objectId,
  sub: principal.objectId,
  name: principal.displayName,
  ...(principal.userPrincipalName && {
    upn: principal.userPrincipalName,
    unique_name: principal.userPrincipalName,
    preferred_username: principal.userPrincipalName,
  }),
})

const clientClaims = (principal: Principal, clientId: string, proof: ClientProof): JWTPayload => ({
  appid: clientId,
  azp: clientId,
  appidacr: { none: '0', secret: '1', certificate: '2' }[proof],
  ...(principal.kind === 'User' ? { idtyp: 'user', scp: 'user_impersonation' } : { idtyp: 'app' }),
})
