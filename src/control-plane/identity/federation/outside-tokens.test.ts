import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JWTPayload } from 'jose'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openIdentity } from '../identity.ts'
import type { OutsideIssuer, PrincipalRule } from './outside-issuer.ts'
import { startTestIssuer } from './test-issuer.ts'

const audience = 'opengallery'

/** An identity that takes the issuer's tokens, one user, and a token that stands for it. */
const start = async (
  context: { after(work: () => unknown): void },
  given: { principals?: PrincipalRule[]; settings?: Partial<OutsideIssuer> } = {},
) => {
  const outside = await startTestIssuer()
  context.after(() => outside[Symbol.asyncDispose]())
  const clock = new FakeClock()
  const tenantId = systemRandom.uuid()
  const settings: OutsideIssuer = {
    issuer: outside.issuer,
    tenant: tenantId,
    audiences: [audience],
    principals: given.principals ?? [{ claim: 'preferred_username', is: 'userPrincipalName' }],
    federation: false,
    ...given.settings,
  }
  const parts = { database: openSqlite(':memory:'), clock, random: systemRandom, log: silentLog, origins: () => [] }
  const identity = await openIdentity({ ...parts, issuers: [settings] })
  await identity.directory.addTenant({ tenantId, displayName: 'Test' })
  const userPrincipalName = 'ann@test.local'
  const user = { tenantId, userPrincipalName, displayName: 'Ann', password: 'correct horse' }
  const { objectId } = await identity.directory.addUser(user)
  const seconds = () => Math.floor(clock.now().getTime() / 1000)
  const claims = (more: { [claim: string]: unknown } = {}): JWTPayload => ({
    aud: audience,
    sub: 'f:ann',
    preferred_username: userPrincipalName,
    jti: systemRandom.uuid(),
    exp: seconds() + 3600,
    ...more,
  })
  return { outside, clock, identity, objectId, tenantId, claims, seconds }
}

test('a token of a named issuer stands for the principal that its claims name', async context => {
  const { outside, identity, objectId, tenantId, claims } = await start(context)
  const caller = await identity.verifyToken(await outside.sign(claims({ azp: 'web' })))
  assert.deepEqual(
    [caller.objectId, caller.tenantId, caller.kind, caller.clientId, caller.audience],
    [objectId, tenantId, 'User', 'web', audience],
  )
  for (let more = 0; more < 5; more++) await identity.verifyToken(await outside.sign(claims()))
  assert.equal(outside.asked.length, 2, 'discovery and keys are fetched once')
  // Endpoints with tokens of their own never take one that was made elsewhere.
  await assert.rejects(identity.verifyToken(await outside.sign(claims()), [audience]), { name: 'TokenRefused' })
  await identity.directory.setDisabled(objectId, true)
  await assert.rejects(identity.verifyToken(await outside.sign(claims())), { fault: 'principal' })
})

test('what is expired, for another, tampered with, or signed in another way is refused', async context => {
  const { outside, identity, claims, seconds } = await start(context)
  const stranger = await startTestIssuer()
  context.after(() => stranger[Symbol.asyncDispose]())
  const good = await outside.sign(claims())
  const [head, body = '', signature] = good.split('.')
  const other = Buffer.from(body, 'base64url').toString().replace('ann@', 'eve@')
  const jwk = { jku: `${stranger.issuer}/keys`, x5u: `${stranger.issuer}/keys` }
  const bad: readonly (readonly [string, string, string])[] = [
    ['expired', 'expired', await outside.sign(claims({ exp: seconds() - 61 }))],
    ['too early', 'not-yet-valid', await outside.sign(claims({ nbf: seconds() + 120 }))],
    ['another audience', 'audience', await outside.sign(claims({ aud: 'https://elsewhere' }))],
    ['tampered', 'signature', `${head}.${Buffer.from(other).toString('base64url')}.${signature}`],
    ['alg none', 'signature', outside.unsigned(claims())],
    ['HS256 with the public key', 'signature', await outside.signedWithPublicKey(claims())],
    ['unknown kid', 'signature', await outside.sign(claims(), { kid: 'unknown' })],
    ["another's key", 'signature', await outside.forge(claims())],
    ["another's key, by its address", 'signature', await outside.forge(claims(), jwk)],
    ['without an end', 'malformed', await outside.sign(claims({ exp: undefined }))],
    ['another issuer', 'signature', await stranger.sign(claims())],
    ['nobody here', 'principal', await outside.sign(claims({ preferred_username: 'eve@test.local' }))],
    ['no name', 'principal', await outside.sign(claims({ preferred_username: undefined }))],
  ]
  for (const [what, fault, token] of bad)
    await assert.rejects(identity.verifyToken(token), { name: 'TokenRefused', fault }, what)
  assert.deepEqual(stranger.asked, [], 'nothing is fetched from where a token points to')
  await identity.verifyToken(good)
})

test('a new key is taken up, and unknown ones do not make us ask the issuer again and again', async context => {
  const { outside, identity, clock, claims } = await start(context)
  await identity.verifyToken(await outside.sign(claims()))
  outside.rotate('second')
  clock.advance(31_000)
  await identity.verifyToken(await outside.sign(claims()))
  const before = outside.asked.length
  for (let more = 0; more < 20; more++)
    await assert.rejects(identity.verifyToken(await outside.sign(claims(), { kid: `made up ${more}` })))
  assert.equal(outside.asked.length, before)
})

test('known keys go on for a day when the issuer is away, and no longer', async context => {
  const { outside, identity, clock, claims } = await start(context)
  await identity.verifyToken(await outside.sign(claims()))
  delete outside.answers[outside.jwks]
  clock.advance(2 * 3600_000)
  await identity.verifyToken(await outside.sign(claims()))
  clock.advance(23 * 3600_000)
  await assert.rejects(identity.verifyToken(await outside.sign(claims())), { fault: 'issuer' })
})

test('keys are fetched from the issuer alone: no other host, no redirect, no other name, no end of bytes', async context => {
  const answers: readonly ((issuer: string) => unknown)[] = [
    () => ({ issuer: 'https://other.example', jwks_uri: 'https://other.example/keys' }),
    issuer => ({ issuer, jwks_uri: 'http://127.0.0.1:9/keys' }),
    issuer => `${issuer}/keys`,
    () => ({ keys: 'x'.repeat(600_000) }),
    () => null,
  ]
  for (const answer of answers) {
    const { outside, identity, claims } = await start(context)
    outside.answers[outside.discovery] = () => answer(outside.issuer)
    await assert.rejects(identity.verifyToken(await outside.sign(claims())), { fault: 'issuer' })
    assert.deepEqual(outside.asked, [outside.discovery])
  }
})

test('rules: a list of subjects, an unproven address, a principal of another tenant', async context => {
  const listed = await start(context, { principals: [{ claim: 'sub', objectIds: {} }] })
  await assert.rejects(listed.identity.verifyToken(await listed.outside.sign(listed.claims({ sub: '__proto__' }))), {
    fault: 'principal',
  })
  const byMail = await start(context, { principals: [{ claim: 'email', is: 'userPrincipalName' }] })
  const mail = { email: 'ann@test.local' }
  await assert.rejects(byMail.identity.verifyToken(await byMail.outside.sign(byMail.claims(mail))))
  const proven = byMail.claims({ ...mail, email_verified: true })
  assert.equal((await byMail.identity.verifyToken(await byMail.outside.sign(proven))).objectId, byMail.objectId)
  const elsewhere = await start(context, { settings: { tenant: systemRandom.uuid() } })
  await assert.rejects(elsewhere.identity.verifyToken(await elsewhere.outside.sign(elsewhere.claims())), {
    fault: 'principal',
  })
})
