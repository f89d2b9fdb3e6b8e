import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { FetchJson } from './fetch-json.ts'
import type { OutsideIssuer } from './outside-issuer.ts'

/** An issuer's keys can't be had, and so nobody can say whether a token of it is good. */
export class IssuerUnreachable extends Error {
  override readonly name = 'IssuerUnreachable'
}

const freshMs = 3600_000
const staleMs = 24 * 3600_000
const pauseMs = 30_000
const mostKeys = 100
const asymmetric = new Set(['RSA', 'EC', 'OKP'])

export interface IssuerKeysParts {
  readonly clock: Clock
  readonly log: Log
  readonly fetchJson: FetchJson
  readCa(file: string): Promise<string>
}

/**
 * The keys of an issuer, found by its discovery document. They are fetched when they are first needed, once an hour, and when a token names
 * one that is not known, but at most every half minute, whatever strangers send. While the issuer can't be reached, the keys that were
 * known go on for a day.
 */
export const issuerKeys = (issuer: OutsideIssuer, parts: IssuerKeysParts): JWTVerifyGetKey => {
  const { clock, log } = parts
  let keys: { readonly find: ReturnType<typeof createLocalJWKSet>; readonly fetchedMs: number } | undefined
  let triedMs = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined
  const nowMs = () => clock.now().getTime()

  const refresh = (): Promise<void> => {
    underWay ??= fetchKeys(issuer, parts)
      .then(set => {
        keys = { find: createLocalJWKSet(set), fetchedMs: nowMs() }
      })
      .catch(error => log.warn('the keys of an issuer can not be fetched', { issuer: issuer.issuer, error }))
      .finally(() => {
        triedMs = nowMs()
        underWay = undefined
      })
    return underWay
  }
  const mayTry = () => underWay !== undefined || nowMs() - triedMs >= pauseMs
  const usable = () => (keys && nowMs() - keys.fetchedMs < staleMs ? keys : undefined)

  return async (header, token) => {
    const isOld = !keys || nowMs() - keys.fetchedMs >= freshMs
    if (isOld && mayTry()) await refresh()
    const known = usable()
    if (!known) throw new IssuerUnreachable(`The keys of '${issuer.issuer}' can not be fetched just now.`)
    try {
      return await known.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayTry()) throw error
      await refresh()
      return await (usable() ?? known).find(header, token)
    }
  }
}

const fetchKeys = async (issuer: OutsideIssuer, { fetchJson, readCa }: IssuerKeysParts): Promise<JSONWebKeySet> => {
  const ca = issuer.caFile === undefined ? undefined : await readCa(issuer.caFile)
  const set = (await fetchJson(await keysUrl(issuer, ca, fetchJson), ca)) as Partial<JSONWebKeySet> | null
  if (!Array.isArray(set?.keys) || set.keys.length > mostKeys) throw new Error('That is no set of keys.')
  // A symmetric key would let everybody sign who can read the set.
  return { keys: set.keys.filter(key => asymmetric.has(String(key?.kty))) }
}

const keysUrl = async (
  { issuer, keys }: OutsideIssuer,
  ca: string | undefined,
  fetchJson: FetchJson,
): Promise<string> => {
  if (keys !== undefined) return keys
  const url = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
  const document = (await fetchJson(url, ca)) as { issuer?: unknown; jwks_uri?: unknown } | null
  if (document?.issuer !== issuer) throw new Error(`${url} speaks of another issuer.`)
  const found = document.jwks_uri
  if (typeof found === 'string' && URL.canParse(found) && new URL(found).origin === new URL(issuer).origin) return found
  throw new Error(
    `${url} names keys on another host: ${String(found).slice(0, 200)}. If that is right, name them as 'keys' in the settings of the issuer.`,
  )
}
