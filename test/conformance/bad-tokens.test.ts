import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { SignJWT } from 'jose'
import { JumpableClock } from '#foundation/clock.ts'
import { startTestIssuer } from '#identity/federation/test-issuer.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const clock = new JumpableClock()
let server: TestServer
let outside: Awaited<ReturnType<typeof startTestIssuer>>
before(async () => {
  outside = await startTestIssuer()
  const claim = { claim: 'sub', objectIds: {} }
  const settings = { issuer: outside.issuer, tenant: 'any', audiences: ['gallery'], principals: [claim] }
  server = await startTestServer({ clock, issuers: [{ ...settings, federation: false }] })
})
after(async () => {
  await server.stop()
  await outside[Symbol.asyncDispose]()
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString())

/** What each endpoint that takes tokens says of one. */
const answersTo = async (token: string) => {
  const headers = { authorization: `Bearer ${token}` }
  const paths = ['/subscriptions?api-version=2022-12-01', '/opengallery/status', '/opengallery/image?id=x']
  const answers = await Promise.all(paths.map(path => server.fetch('GET', path, { headers })))
  const codes = answers.map(({ status, json }) => `${status} ${json.error.code}`)
  const graph = await server.fetch('GET', '/msgraph/v1.0/users', { headers })
  assert.deepEqual([graph.status, graph.json.error.code], [401, 'InvalidAuthenticationToken'])
  assert.match(String(answers[0]?.headers['www-authenticate']), /^Bearer /)
  assert.equal(new Set(codes).size, 1, codes.join(', '))
  return codes[0]
}

/** A token of the administrator for another audience. */
const tokenFor = async (audience: string) => {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: server.admin.clientId,
    client_secret: server.admin.clientSecret ?? '',
    scope: `${audience}/.default`,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await server.fetch('POST', '/adfs/oauth2/token', { headers, body: `${form}` })).json.access_token as string
}

test('every forged, foreign or stale token is a 401 of its own kind, at every endpoint', async () => {
  const [head = '', body = '', signature = ''] = server.token.split('.')
  const [header, claims] = [read(head), read(body)]
  const { keys } = (await server.fetch('GET', '/adfs/discovery/keys')).json
  const pem = createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const asSecret = `${part({ ...header, alg: 'HS256' })}.${body}`
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const forged = (more: object, changed: object = {}) =>
    new SignJWT({ ...claims, ...changed }).setProtectedHeader({ ...header, ...more }).sign(own.privateKey)
  const address = `${outside.issuer}/keys`
  const bad: Record<string, string> = {
    'changed claims': `${head}.${part({ ...claims, oid: '00000000-0000-4000-8000-000000000001' })}.${signature}`,
    'changed signature': `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`,
    'no signature': `${part({ ...header, alg: 'none' })}.${body}.`,
    'no signature, oddly spelt': `${part({ ...header, alg: 'nOnE' })}.${body}.${signature}`,
    'the public key as a secret': `${asSecret}.${createHmac('sha256', pem).update(asSecret).digest('base64url')}`,
    "another's key": await forged({}),
    'an unknown key': await forged({ kid: 'unknown' }),
    'a key by its address': await forged({ jku: address, x5u: address }),
    'a key in the token': await forged({ jwk: own.publicKey.export({ format: 'jwk' }) as never }),
    'an unknown issuer': await forged({}, { iss: 'https://elsewhere.example/' }),
    'a known issuer, another key': await outside.forge({ sub: 'x', aud: 'gallery', exp: 4e9 }),
    'a known issuer, nobody here': await outside.sign({ sub: 'x', aud: 'gallery', exp: 4e9 }),
    'no token': 'x',
    'too long': `${'x'.repeat(17_000)}.y.z`,
  }
  const asked = outside.asked.length
  for (const [what, token] of Object.entries(bad))
    assert.equal(await answersTo(token), '401 InvalidAuthenticationToken', what)
  assert.ok(outside.asked.length - asked <= 2, 'no address of a token is fetched')
  const audience = '401 InvalidAuthenticationTokenAudience'
  const forGallery = await outside.sign({ sub: 'x', aud: 'elsewhere', exp: 4e9 })
  assert.equal(await answersTo(forGallery), audience)
  const forGraph = { authorization: `Bearer ${await tokenFor(`${server.url}/msgraph`)}` }
  const stolen = await server.fetch('GET', '/subscriptions?api-version=2022-12-01', { headers: forGraph })
  assert.equal(`${stolen.status} ${stolen.json.error.code}`, audience)
  assert.equal((await server.fetch('GET', '/msgraph/v1.0/users', { headers: forGraph })).status, 200)
  assert.equal((await server.fetch('GET', '/subscriptions?api-version=2022-12-01')).status, 200)
  clock.jump(3600_000 + 61_000)
  assert.equal(await answersTo(server.token), '401 ExpiredAuthenticationToken')
})
