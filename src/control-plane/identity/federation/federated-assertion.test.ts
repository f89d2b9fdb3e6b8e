import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JWTPayload } from 'jose'
import { systemClock } from '#foundation/clock.ts'
import { systemRandom } from '#foundation/random.ts'
import { namedApplication } from '../applications.ts'
import { startTestServer } from '../test-server.ts'
import { startTestIssuer } from './test-issuer.ts'

const audience = 'api://AzureADTokenExchange'
const subject = 'repo:acme/images:ref:refs/heads/main'

let outside: Awaited<ReturnType<typeof startTestIssuer>>
let server: Awaited<ReturnType<typeof startTestServer>>
let appId: string
before(async () => {
  outside = await startTestIssuer()
  const settings = { issuer: outside.issuer, audiences: [], principals: [], federation: true }
  server = await startTestServer(systemClock, { issuers: [settings] })
  const { directory, applications, federatedCredentials } = server.identity
  const { tenantId } = server.admin
  const application = await applications.add(tenantId, namedApplication('pipeline'))
  await directory.addServicePrincipal({ tenantId, displayName: 'pipeline', appId: application.appId })
  const words = { name: 'main-branch', issuer: outside.issuer, subject, audience, description: null }
  await federatedCredentials.put(application.objectId, words)
  appId = application.appId
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await outside[Symbol.asyncDispose]()
})

const claims = (more: JWTPayload = {}): JWTPayload => ({
  sub: subject,
  aud: audience,
  exp: Math.floor(Date.now() / 1000) + 300,
  ...more,
})
const exchange = async (assertion: string, clientId = appId) => {
  const { status, body } = await server.token({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
  return { status, code: body.error_codes?.[0], token: body.access_token }
}

test("a CI job's token is exchanged for one of ours, for each resource that the job needs", async () => {
  const assertion = await outside.sign(claims())
  for (let twice = 0; twice < 2; twice++) {
    const { status, token } = await exchange(assertion)
    assert.equal(status, 200)
    assert.equal((await server.identity.verifyToken(token)).appId, appId)
  }
})

test('issuer, subject and audience must be exactly what the program trusts', async () => {
  const stranger = await startTestIssuer()
  try {
    const refused: readonly (readonly [number, string, string?])[] = [
      [700213, await outside.sign(claims({ sub: 'repo:acme/images:ref:refs/heads/other' }))],
      [700213, await outside.sign(claims({ sub: subject.toUpperCase() }))],
      [700212, await outside.sign(claims({ aud: 'https://github.com/acme' }))],
      [700211, await stranger.sign(claims())],
      [700211, await outside.sign(claims()), server.admin.clientId],
      [700211, await outside.sign(claims()), systemRandom.uuid()],
      [700024, await outside.sign(claims({ exp: Math.floor(Date.now() / 1000) - 100 }))],
      [50013, await outside.forge(claims())],
      [50013, outside.unsigned(claims())],
      [50013, await outside.signedWithPublicKey(claims())],
      [50013, await outside.forge(claims(), { jku: `${stranger.issuer}/keys` })],
    ]
    for (const [code, assertion, clientId] of refused) {
      const answer = await exchange(assertion, clientId)
      assert.deepEqual([answer.status, answer.code], [401, code])
    }
    assert.deepEqual(stranger.asked, [], 'an issuer that the operator has not named is never asked for its keys')
  } finally {
    await stranger[Symbol.asyncDispose]()
  }
})

test('a managed identity is proved so too, and by nothing else', async () => {
  const { directory, federatedCredentials } = server.identity
  const managed = {
    tenantId: server.admin.tenantId,
    principalId: systemRandom.uuid(),
    clientId: systemRandom.uuid(),
    displayName: 'robot',
  }
  const words = { name: 'job', issuer: outside.issuer, subject, audience, description: null }
  await server.database.transact(async transaction => {
    await directory.addManaged(transaction, managed)
    await federatedCredentials.put(managed.principalId, words, transaction)
  })
  const assertion = await outside.sign(claims())
  assert.equal((await exchange(assertion, managed.clientId)).status, 200)
  await server.database.transact(transaction => directory.removeManaged(transaction, managed.principalId))
  assert.equal((await exchange(assertion, managed.clientId)).code, 700211)
  assert.deepEqual(await federatedCredentials.of(managed.principalId), [])
})
