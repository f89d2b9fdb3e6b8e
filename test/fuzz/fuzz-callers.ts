import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose'
import type { Database } from '#foundation/database.ts'

interface Tables {
  identity_signing_key: { kid: string; private_pem: string; retired_at: number | null }
  identity_principal: {
    object_id: string
    tenant_id: string
    kind: string
    app_id: string
    user_principal_name: null
    display_name: string
    disabled: number
    created_at: number
  }
}

/** Somebody who is to be told nothing, and the Authorization header that they send. */
export interface FuzzCaller {
  readonly name: string
  readonly authorization: string | undefined
  /** The token is a good one; it is its principal that may do nothing. */
  readonly isKnown: boolean
  /** May see what there is, and change nothing. */
  readonly isReader?: true
}

/**
 * Everybody who tries: without a token, with half of one, with one that is signed by another or by nobody, that has ended, that is for
 * something else, of a principal that is not there or of another tenant, all of them signed with the server's own key where they
 * could be; and with a good token of a principal that has no role, or may only read. `makeReader` gives that one its role.
 */
export const fuzzCallers = async (
  database: Database,
  good: string,
  makeReader: (objectId: string) => Promise<void>,
): Promise<readonly FuzzCaller[]> => {
  const { kid = '' } = decodeProtectedHeader(good)
  const claims = decodeJwt(good)
  const row = await database
    .as<Tables>()
    .selectFrom('identity_signing_key')
    .selectAll()
    .where('kid', '=', kid)
    .executeTakeFirstOrThrow()
  const ownKey = createPrivateKey(row.private_pem)
  const strange = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const signed = (change: JWTPayload, key = ownKey, header: { kid?: string } = { kid }) =>
    new SignJWT({ ...claims, ...change }).setProtectedHeader({ typ: 'JWT', alg: 'RS256', ...header }).sign(key)
  const nobody = await addPrincipal(database, String(claims.tid))
  const reader = await addPrincipal(database, String(claims.tid))
  await makeReader(reader.objectId)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const [head = '', payload = '', signature = ''] = good.split('.')
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const unsigned = (header: string) => `${Buffer.from(header).toString('base64url')}.${payload}.`
  const of = ({ objectId, appId }: typeof nobody): JWTPayload => ({
    oid: objectId,
    sub: objectId,
    appid: appId,
    azp: appId,
  })
  const tokens: Record<string, string> = {
    garbage: 'x.y.z',
    'half a token': `${head}.${payload}`,
    'another signature': `${head}.${payload}.${flipped}`,
    'another payload': `${head}.${Buffer.from(JSON.stringify({ ...claims, oid: randomUUID() })).toString('base64url')}.${signature}`,
    'no algorithm': unsigned('{"alg":"none"}'),
    'no algorithm, a known key': unsigned(JSON.stringify({ alg: 'none', kid })),
    'the public key as a secret': unsigned(JSON.stringify({ alg: 'HS256', kid })),
    'a header that is none': unsigned('"'),
    'a key id that breaks lines': unsigned('{"alg":"RS256","kid":"\\r\\nx-fuzz: 1"}'),
    'another key': await signed({}, strange),
    'another key of no name': await signed({}, strange, {}),
    expired: await signed({ exp: nowSeconds - 3600, nbf: nowSeconds - 7200, iat: nowSeconds - 7200 }),
    'not yet': await signed({ nbf: nowSeconds + 3600 }),
    'another audience': await signed({ aud: 'https://storage.example/' }),
    'another issuer': await signed({ iss: 'https://sts.example/' }),
    'another tenant': await signed({ tid: randomUUID() }),
    'nobody there': await signed({ oid: randomUUID() }),
    'no claims': await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid }).sign(ownKey),
  }
  return [
    { name: 'no token', authorization: undefined, isKnown: false },
    { name: 'nothing', authorization: '', isKnown: false },
    { name: 'half a header', authorization: 'Bearer ', isKnown: false },
    { name: 'basic', authorization: 'Basic YTpi', isKnown: false },
    { name: 'bytes', authorization: 'Bearer \u00ff', isKnown: false },
    ...Object.entries(tokens).map(([name, token]) => ({ name, authorization: `Bearer ${token}`, isKnown: false })),
    { name: 'no role', authorization: `Bearer ${await signed(of(nobody))}`, isKnown: true },
    { name: 'reader', authorization: `Bearer ${await signed(of(reader))}`, isKnown: true, isReader: true },
  ]
}

const addPrincipal = async (database: Database, tenantId: string) => {
  const [objectId, appId] = [randomUUID(), randomUUID()]
  await database
    .as<Tables>()
    .insertInto('identity_principal')
    .values({
      object_id: objectId,
      tenant_id: tenantId,
      kind: 'ServicePrincipal',
      app_id: appId,
      user_principal_name: null,
      display_name: 'nobody',
      disabled: 0,
      created_at: Date.now(),
    })
    .execute()
  return { objectId, appId }
}
