import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openIdentity } from './identity.ts'

const origin = 'https://here:8443'

const start = async (database = openSqlite(':memory:'), clock = new FakeClock()) => {
  const identity = await openIdentity({
    database,
    clock,
    random: systemRandom,
    log: silentLog,
    origins: () => [origin],
  })
  const [tenant = await identity.directory.addTenant({ displayName: 'Test' })] = await identity.directory.tenants()
  const { tenantId } = tenant
  const principal = await identity.directory.addServicePrincipal({ tenantId, displayName: 'Robot' })
  const grant = { principal, clientId: principal.appId as string, proof: 'secret' as const, issuer: `${origin}/adfs` }
  const token = async (audience = origin) => (await identity.tokens.accessToken(grant, audience)).token
  const signed = async (claims: object, header: object = {}) => {
    const key = await identity.keys.current()
    const payload = { ...decodeJwt(await token()), ...claims }
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: key.kid, ...header }).sign(key.privateKey)
  }
  return { identity, clock, database, principal, grant, token, signed }
}

test('a token carries Azure’s claims and says who sent it', async () => {
  const { identity, principal, token, clock } = await start()
  const text = await token()
  const { uti, ...claims } = decodeJwt(text) as Record<string, unknown>
  const seconds = clock.now().getTime() / 1000
  assert.deepEqual(claims, {
    aud: origin,
    iss: `${origin}/adfs`,
    iat: seconds,
    nbf: seconds,
    exp: seconds + 3600,
    tid: principal.tenantId,
    oid: principal.objectId,
    sub: principal.objectId,
    appid: principal.appId,
    azp: principal.appId,
    appidacr: '1',
    idtyp: 'app',
    name: 'Robot',
    ver: '1.0',
  })
  assert.deepEqual(await identity.verifyToken(text), {
    ...principal,
    clientId: principal.appId,
    audience: origin,
    tokenId: uti,
    expiresAt: new Date((seconds + 3600) * 1000),
  })
  const { payload } = await jwtVerify(text, createLocalJWKSet(identity.keys.published() as JSONWebKeySet), {
    currentDate: clock.now(),
  })
  assert.equal(payload.oid, principal.objectId)
})

test('ARM’s audiences are accepted in each way that clients write them, others are not', async () => {
  const { identity, token } = await start()
  const fine = [
    origin,
    `${origin}/`,
    'HTTPS://HERE:8443',
    'https://management.azure.com/',
    'https://management.core.windows.net/',
  ]
  for (const audience of fine) assert.equal((await identity.verifyToken(await token(audience))).audience, audience)
  for (const audience of [`${origin}/msgraph`, 'https://graph.microsoft.com', 'https://here', 'https://here:84433'])
    await assert.rejects(identity.verifyToken(await token(audience)), { fault: 'audience', detail: audience })
})

test('a token is refused when anything in it is not as this server signed it', async () => {
  const { identity, token, signed, principal } = await start()
  const text = await token()
  const [header = '', payload = '', signature = ''] = text.split('.')
  const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const publicPem = (await identity.keys.current()).publicKey.export({ type: 'spki', format: 'pem' })
  const hmac = await new SignJWT(decodeJwt(text))
    .setProtectedHeader({ alg: 'HS256', kid: decodeProtectedHeader(text).kid as string })
    .sign(Buffer.from(publicPem))
  const stranger = await start()
  const refused: [string, string, string][] = [
    ['other claims', `${header}.${json({ ...decodeJwt(text), oid: 'x' })}.${signature}`, 'signature'],
    ['a bent signature', `${header}.${payload}.${signature.slice(0, -4)}AAAA`, 'signature'],
    ['no signature', `${header}.${payload}.`, 'signature'],
    ['alg none', `${json({ alg: 'none', kid: decodeProtectedHeader(text).kid })}.${payload}.`, 'malformed'],
    ['the public key as an HMAC secret', hmac, 'malformed'],
    ['an unknown key', await signed({}, { kid: 'other' }), 'signature'],
    ['another server’s key', await stranger.token(), 'signature'],
    ['another issuer', await signed({ iss: 'https://elsewhere/adfs' }), 'issuer'],
    ['another tenant', await signed({ tid: stranger.principal.tenantId }), 'principal'],
    ['nobody', await signed({ oid: stranger.principal.objectId }), 'principal'],
    ['several audiences', await signed({ aud: [origin, 'https://x'] }), 'malformed'],
    ['a claim missing', await signed({ uti: undefined }), 'malformed'],
    ['a claim of another type', await signed({ oid: { $ne: '' } }), 'malformed'],
    [
      'an unknown critical header',
      await signed({}, {}).then(
        t =>
          `${json({ alg: 'RS256', kid: decodeProtectedHeader(t).kid, crit: ['x'], x: 1 })}.${t.split('.')[1]}.${t.split('.')[2]}`,
      ),
      'malformed',
    ],
    ['rubbish', 'rubbish', 'malformed'],
    ['nothing', '', 'malformed'],
    ['too much', 'a'.repeat(20_000), 'malformed'],
  ]
  assert.equal((await identity.verifyToken(text)).objectId, principal.objectId)
  for (const [what, bad, fault] of refused)
    await assert.rejects(identity.verifyToken(bad), { name: 'TokenRefused', fault }, what)
})

test('an id token opens nothing', async () => {
  const { identity, grant } = await start()
  const idToken = await identity.tokens.idToken(grant)
  await assert.rejects(identity.tokens.verify(idToken, [grant.clientId]), { fault: 'malformed' })
})

test('a token is accepted in its time only, and a minute around it, seen before or not', async () => {
  const { identity, clock, token, signed } = await start()
  const [seen, unseen] = [await token(), await token()]
  const early = await signed({ nbf: clock.now().getTime() / 1000 + 120 })
  await assert.rejects(identity.verifyToken(early), { fault: 'not-yet-valid' })
  await identity.verifyToken(seen)
  clock.advance(3600_000 + 59_000)
  await identity.verifyToken(seen)
  clock.advance(1_000)
  const expired = { fault: 'expired', detail: '2026-01-01T01:00:00.000Z' }
  await assert.rejects(identity.verifyToken(seen), expired)
  await assert.rejects(identity.verifyToken(unseen), expired)
})

test('a principal that is disabled or removed is refused at once, though its token was seen before', async () => {
  const { identity, principal, token } = await start()
  const text = await token()
  await identity.verifyToken(text)
  await identity.directory.setDisabled(principal.objectId, true)
  await assert.rejects(identity.verifyToken(text), { fault: 'principal' })
  await identity.directory.setDisabled(principal.objectId, false)
  await identity.verifyToken(text)
  await identity.directory.removePrincipal(principal.objectId)
  await assert.rejects(identity.verifyToken(text), { fault: 'principal' })
})

test('keys rotate: old tokens stay good until they end, then their key is gone', async () => {
  const { identity, clock, token } = await start()
  const old = await token()
  await identity.rotateKeys()
  const young = await token()
  assert.notEqual(decodeProtectedHeader(old).kid, decodeProtectedHeader(young).kid)
  assert.equal(identity.keys.published().keys.length, 2)
  await identity.verifyToken(old)
  await identity.verifyToken(young)
  clock.advance(3600_000 + 60_000)
  assert.deepEqual(
    identity.keys.published().keys.map(key => key.kid),
    [decodeProtectedHeader(young).kid],
  )
})

test('the keys survive a restart, and a month-old one is replaced', async () => {
  const before = await start()
  const text = await before.token()
  const after = await start(before.database, before.clock)
  assert.equal((await after.identity.verifyToken(text)).objectId, before.principal.objectId)
  before.clock.advance(31 * 24 * 3600_000)
  assert.notEqual(decodeProtectedHeader(await after.token()).kid, decodeProtectedHeader(text).kid)
  const known = JSON.stringify(after.identity.keys.published())
  for (const secret of ['"d"', '"p"', '"q"', '"dp"', '"dq"', '"qi"']) assert.equal(known.includes(secret), false)
})
