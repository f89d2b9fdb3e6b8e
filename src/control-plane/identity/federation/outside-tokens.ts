import { hash } from 'node:crypto'
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Clock } from '#foundation/clock.ts'
import type { Directory, Known } from '../directory.ts'
import { RecentMap } from '../recent-map.ts'
import { TokenRefused } from '../token-refused.ts'
import type { Caller } from '../tokens.ts'
import { type IssuerKeysParts, IssuerUnreachable, issuerKeys } from './issuer-keys.ts'
import type { OutsideIssuer } from './outside-issuer.ts'

/** What is signed elsewhere, and who that is here. */
export interface OutsideTokens {
  /** Whether a token says that it is of one of the issuers; nothing is proved by that. */
  claims(token: string): boolean
  /** The principal that a token of one of the issuers stands for; throws `TokenRefused`. */
  verify(token: string): Promise<Caller>
  /** Whether programs of the tenant may trust tokens of the issuer. */
  federates(issuer: string, tenantId: string): boolean
  /** What a token of an issuer that may be trusted says; throws jose's errors and `IssuerUnreachable`. */
  verifyFederated(token: string, issuer: string): Promise<JWTPayload>
}

export interface OutsideTokensParts extends IssuerKeysParts {
  readonly clock: Clock
  readonly directory: Directory
  readonly issuers: readonly OutsideIssuer[]
}

/** With a public key anybody could sign by the symmetric ones; `none` signs nothing. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const skewSeconds = 60
const rememberMs = 60_000
const maxTokenBytes = 16 * 1024

interface Verified {
  readonly claims: JWTPayload
  readonly settings: OutsideIssuer
  readonly untilMs: number
}

export const openOutsideTokens = (parts: OutsideTokensParts): OutsideTokens => {
  const { clock, directory } = parts
  const byIssuer = new Map(parts.issuers.map(settings => [settings.issuer, settings]))
  const keysOf = new Map(parts.issuers.map(settings => [settings.issuer, issuerKeys(settings, parts)]))
  const remembered = new RecentMap<Verified>(5000)
  const nowMs = () => clock.now().getTime()

  const read = async (token: string): Promise<Verified> => {
    const issuer = issuerOf(token)
    const settings = byIssuer.get(issuer ?? '')
    if (!settings || settings.audiences.length === 0)
      throw new TokenRefused('issuer', `The issuer is '${String(issuer).slice(0, 200)}'.`)
    const claims = await verified(token, keysOf.get(settings.issuer) as JWTVerifyGetKey, settings, clock.now())
    return { claims, settings, untilMs: nowMs() + rememberMs }
  }

  return {
    claims: token => byIssuer.size > 0 && byIssuer.has(issuerOf(token) ?? ''),
    async verify(token) {
      if (token.length > maxTokenBytes) throw new TokenRefused('malformed', 'It is too long.')
      const print = hash('sha256', token, 'base64')
      const seen = remembered.get(print)
      const entry = seen && seen.untilMs > nowMs() ? seen : await read(token)
      if (entry !== seen) remembered.set(print, entry)
      const { claims, settings } = entry
      const endMs = (claims.exp as number) * 1000
      if (nowMs() >= endMs + skewSeconds * 1000) throw new TokenRefused('expired', new Date(endMs).toISOString())
      const known = await principalOf(claims, settings, directory)
      return callerOf(known, claims, print)
    },
    federates(issuer, tenantId) {
      const settings = byIssuer.get(issuer)
      return settings?.federation === true && (settings.tenant === undefined || settings.tenant === tenantId)
    },
    async verifyFederated(token, issuer) {
      const options = { algorithms, issuer, currentDate: clock.now(), clockTolerance: skewSeconds, requiredClaims }
      const { payload } = await jwtVerify(token, keysOf.get(issuer) as JWTVerifyGetKey, options)
      return payload
    },
  }
}

const requiredClaims = ['iss', 'sub', 'aud', 'exp']

const issuerOf = (token: string): string | undefined => {
  try {
    return decodeJwt(token.slice(0, maxTokenBytes)).iss
  } catch {
    return undefined
  }
}

const verified = async (
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audiences }: OutsideIssuer,
  now: Date,
): Promise<JWTPayload> => {
  const options = { algorithms, issuer, currentDate: now, clockTolerance: skewSeconds, requiredClaims }
  try {
    const { payload } = await jwtVerify(token, keys, { ...options, audience: [...audiences] })
    return payload
  } catch (error) {
    throw refusal(error)
  }
}

const refusal = (error: unknown): unknown => {
  if (error instanceof IssuerUnreachable) return new TokenRefused('issuer', error.message, error)
  if (error instanceof errors.JWTExpired)
    return new TokenRefused('expired', new Date((error.payload.exp ?? 0) * 1000).toISOString(), error)
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return new TokenRefused('audience', String(error.payload.aud).slice(0, 200), error)
    if (error.claim === 'nbf') return new TokenRefused('not-yet-valid', 'Its time has not come yet.', error)
    return new TokenRefused('malformed', `The claim '${error.claim}' is missing or wrong.`, error)
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return new TokenRefused('signature', 'It is not signed by an algorithm that is taken.', error)
  if (error instanceof errors.JOSEError)
    return new TokenRefused('signature', 'The signature does not fit, or its key is not known.', error)
  return error
}

/** The principal that the rules make of a token: the first claim that is there decides, found or not. */
const principalOf = async (claims: JWTPayload, settings: OutsideIssuer, directory: Directory): Promise<Known> => {
  for (const rule of settings.principals) {
    const value = claims[rule.claim]
    if (typeof value !== 'string' || value === '') continue
    // Whoever may write any address into a profile would be anybody.
    if (rule.claim === 'email' && claims.email_verified !== true) continue
    const known = await byRule(rule, value, directory)
    if (known && known.principal.tenantId === settings.tenant && !known.disabled) return known
    throw new TokenRefused('principal', `Nobody here is '${value.slice(0, 200)}' of ${settings.issuer}.`)
  }
  throw new TokenRefused('principal', `No claim of the token says who it is here.`)
}

const byRule = async (rule: OutsideIssuer['principals'][number], value: string, directory: Directory) => {
  if ('is' in rule) return directory.find({ [rule.is]: value } as Parameters<Directory['find']>[0])
  const objectId = Object.hasOwn(rule.objectIds, value) ? rule.objectIds[value] : undefined
  return objectId === undefined ? undefined : directory.find({ objectId })
}

const callerOf = ({ principal }: Known, claims: JWTPayload, print: string): Caller => {
  const client = [claims.azp, claims.appid, claims.client_id].find(value => typeof value === 'string')
  return {
    ...principal,
    clientId: principal.appId ?? String(client ?? claims.iss),
    audience: String([claims.aud].flat()[0]),
    tokenId: typeof claims.jti === 'string' ? claims.jti.slice(0, 200) : print,
    expiresAt: new Date((claims.exp as number) * 1000),
  }
}
