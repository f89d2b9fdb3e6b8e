import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { FakeClock } from '#foundation/clock.ts'
import { jwtBearer } from './client-assertion.ts'
import type { Principal } from './principal.ts'
import { testClientCertificate } from './test-client-certificate.ts'
import { startTestServer } from './test-server.ts'

const az = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
const password = 'correct horse'
const clock = new FakeClock()
let server: Awaited<ReturnType<typeof startTestServer>>
let alice: Principal

before(async () => {
  server = await startTestServer(clock)
  const user = { userPrincipalName: 'Alice@local', displayName: 'Alice', password }
  alice = await server.identity.directory.addUser({ tenantId: server.admin.tenantId, ...user })
})
after(() => server[Symbol.asyncDispose]())

const secretForm = () => {
  const { clientId, clientSecret } = server.admin
  return { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
}
const passwordForm = () => ({
  grant_type: 'password',
  client_id: az,
  username: 'alice@LOCAL',
  password,
  scope: `${server.origin}/.default offline_access openid profile`,
  client_info: '1',
})
const refreshForm = (refresh_token: string, client_id = az) => ({
  grant_type: 'refresh_token',
  client_id,
  refresh_token,
})

const refused = async (form: Record<string, string>, code: number, error: string, status = 400) => {
  const answer = await server.token(form)
  assert.deepEqual([answer.status, answer.body.error, answer.body.error_codes], [status, error, [code]])
  return answer.body
}

test('a client with its secret gets a token in every form of the endpoint', async () => {
  const { tenantId } = server.admin
  const scope = { scope: `${server.origin}//.default` }
  const resource = { resource: `${server.origin}/` }
  const forms: [string, Record<string, string>, string][] = [
    ['/adfs/oauth2/token', scope, `${server.origin}/adfs`],
    ['/adfs/oauth2/token/', resource, `${server.origin}/adfs`],
    [`/${tenantId}/oauth2/v2.0/token`, scope, `${server.origin}/${tenantId}/v2.0`],
    [`/${tenantId.toUpperCase()}/oauth2/token`, resource, `${server.origin}/${tenantId}/`],
    [`/adfs/${tenantId}/oauth2/v2.0/token`, scope, `${server.origin}/${tenantId}/v2.0`],
    ['/common/oauth2/v2.0/token/', scope, `${server.origin}/${tenantId}/v2.0`],
  ]
  for (const [url, wanted, issuer] of forms) {
    const { status, body } = await server.post(
      url,
      { ...secretForm(), ...wanted },
      { host: new URL(server.origin).host },
    )
    assert.equal(status, 200, url)
    assert.deepEqual([body.token_type, body.expires_in, body.ext_expires_in], ['Bearer', 3600, 3600])
    assert.equal('scope' in body || 'refresh_token' in body || 'id_token' in body, false)
    const { iss, aud } = decodeJwt(body.access_token)
    assert.deepEqual([iss, aud], [issuer, `${server.origin}/`])
    assert.equal((await server.identity.verifyToken(body.access_token)).clientId, server.admin.clientId)
  }
})

test('a client may send its secret in the Authorization header', async () => {
  const { clientId, clientSecret } = server.admin
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const form = { grant_type: 'client_credentials', scope: `${server.origin}/.default` }
  assert.equal((await server.post('/adfs/oauth2/token', form, { authorization })).status, 200)
})

test('an error has Azure’s shape', async () => {
  const form = { ...secretForm(), client_secret: 'wrong', scope: 'https://management.azure.com/.default' }
  const correlation = '7d0e0c4c-3b6a-4a52-8e54-6b8b6a3f0f11'
  const { status, body } = await server.post(`/adfs/oauth2/token?client-request-id=${correlation}`, form)
  assert.equal(status, 401)
  const { error_description, trace_id, ...others } = body
  assert.deepEqual(others, {
    error: 'invalid_client',
    error_codes: [7000215],
    timestamp: '2026-01-01 00:00:00Z',
    correlation_id: correlation,
  })
  assert.match(error_description, /^AADSTS7000215: Invalid client secret provided\. .* Trace ID: [0-9a-f-]{36} /)
  assert.ok(error_description.includes(trace_id))
})

test('each mistake has its error', async () => {
  const { clientId } = server.admin
  const other = '11111111-1111-1111-1111-111111111111'
  await refused({}, 90014, 'invalid_request')
  await refused({ grant_type: 'magic' }, 70003, 'unsupported_grant_type')
  await refused({ grant_type: 'client_credentials', client_id: clientId }, 7000218, 'invalid_client', 401)
  await refused({ ...secretForm(), client_id: other }, 7000215, 'invalid_client', 401)
  await refused({ ...secretForm(), scope: 'openid' }, 70011, 'invalid_scope')
  await refused({ ...secretForm(), scope: '' }, 90014, 'invalid_request')
  await refused(
    { ...secretForm(), scope: `${server.origin}/.default https://graph.microsoft.com/.default` },
    70011,
    'invalid_scope',
  )
  await refused({ ...secretForm(), scope: 'https://elsewhere.example/.default' }, 500011, 'invalid_resource')
  await refused({ ...passwordForm(), password: 'wrong' }, 50126, 'invalid_grant')
  await refused({ ...passwordForm(), username: 'nobody@local' }, 50126, 'invalid_grant')
  await refused({ ...passwordForm(), client_id: other }, 700016, 'unauthorized_client')
  await refused({ ...passwordForm(), client_id: clientId }, 7000218, 'invalid_client', 401)
  await refused(refreshForm('made-up'), 70000, 'invalid_grant')
  await refused({ grant_type: 'device_code', client_id: az, device_code: 'made-up' }, 70000, 'invalid_grant')
  const tenant = await server.post(`/${other}/oauth2/v2.0/token`, {
    ...secretForm(),
    scope: `${server.origin}/.default`,
  })
  assert.deepEqual(tenant.body.error_codes, [90002])
})

test('a client of another tenant is unknown in this one', async () => {
  const { directory } = server.identity
  const { tenantId } = await directory.addTenant({ displayName: 'Other' })
  const form = { ...secretForm(), scope: `${server.origin}/.default` }
  const { body } = await server.post(`/${tenantId}/oauth2/v2.0/token`, form)
  assert.deepEqual(body.error_codes, [7000215])
})

test('what is not a form is refused in the same shape', async () => {
  const raw = async (payload: string, type = 'application/x-www-form-urlencoded') => {
    const headers = { 'content-type': type }
    const { statusCode, body } = await server.app.inject({
      method: 'POST',
      url: '/adfs/oauth2/token',
      headers,
      payload,
    })
    return [statusCode, JSON.parse(body).error_codes]
  }
  assert.deepEqual(await raw('scope=a&scope=b'), [400, [9000411]])
  assert.deepEqual(await raw('{}', 'application/json'), [400, [9002313]])
  assert.deepEqual(await raw('x'.repeat(70_000)), [400, [9002313]])
  assert.deepEqual(await raw(Array.from({ length: 100 }, (_, n) => `a${n}=b`).join('&')), [400, [9002313]])
})

test('a person signs in with a password, and the client learns who it is', async () => {
  const { status, body } = await server.token(passwordForm())
  assert.equal(status, 200)
  const access = decodeJwt(body.access_token)
  assert.deepEqual([access.idtyp, access.upn, access.scp], ['user', 'alice@local', 'user_impersonation'])
  const id = decodeJwt(body.id_token)
  assert.deepEqual([id.aud, id.oid, id.preferred_username], [az, alice.objectId, 'alice@local'])
  const info = JSON.parse(Buffer.from(body.client_info, 'base64url').toString())
  assert.deepEqual(info, { uid: alice.objectId, utid: alice.tenantId })
  assert.equal(typeof body.scope, 'string')
})

test('a refresh token works once, for its client; two at once are forgiven, a later use ends the family', async () => {
  const { body } = await server.token(passwordForm())
  const first = body.refresh_token
  await refused(refreshForm(first, '1950a258-227b-4e31-a9cf-717495945fc2'), 70000, 'invalid_grant')
  const second = await server.token(refreshForm(first))
  assert.equal(second.status, 200)
  assert.notEqual(second.body.refresh_token, first)
  assert.equal((await server.token(refreshForm(first))).status, 200)
  clock.advance(60_001)
  await refused(refreshForm(first), 50173, 'invalid_grant')
  await refused(refreshForm(second.body.refresh_token), 70000, 'invalid_grant')
})

test('a refresh token ends after ninety days, and with a new password', async () => {
  const old = (await server.token(passwordForm())).body.refresh_token
  clock.advance(90 * 24 * 3600_000)
  await refused(refreshForm(old), 700082, 'invalid_grant')
  const revoked = (await server.token(passwordForm())).body.refresh_token
  await server.identity.directory.setPassword(alice.objectId, password)
  await refused(refreshForm(revoked), 70000, 'invalid_grant')
})

test('a disabled person is told so, but only with the right password', async () => {
  const { directory } = server.identity
  const { body } = await server.token(passwordForm())
  await directory.setDisabled(alice.objectId, true)
  await refused(passwordForm(), 50057, 'invalid_grant')
  await refused({ ...passwordForm(), password: 'wrong' }, 50126, 'invalid_grant')
  await directory.setDisabled(alice.objectId, false)
  await refused(refreshForm(body.refresh_token), 70000, 'invalid_grant')
})

test('a certificate assertion buys one token for each resource, and every flaw is refused', async () => {
  const { identity, origin, admin } = server
  const mine = testClientCertificate()
  const strange = testClientCertificate()
  await identity.directory.replaceCertificates(admin.objectId, [{ pem: mine.pem }])
  const now = Math.floor(clock.now().getTime() / 1000)
  let count = 0
  const claims = (changed: object = {}) => ({
    iss: admin.clientId,
    sub: admin.clientId,
    aud: `${origin}/adfs/oauth2/token`,
    nbf: now,
    exp: now + 600,
    jti: `jti ${count++}`,
    ...changed,
  })
  const form = (client_assertion: string) => ({
    grant_type: 'client_credentials',
    client_id: admin.clientId,
    client_assertion_type: jwtBearer,
    client_assertion,
  })
  const good = await mine.assertion(claims())
  assert.equal((await server.token(form(good))).status, 200)
  const graph = { scope: `${origin}/msgraph/.default` }
  assert.equal((await server.token({ ...form(good), ...graph })).status, 200)
  await refused(form(good), 700027, 'invalid_client', 401)
  await refused({ ...form(good), ...graph }, 700027, 'invalid_client', 401)
  const older = await mine.assertion(claims({ aud: `${origin}/${admin.tenantId}/oauth2/v2.0/token` }), 'RS256', {
    x5t: `${mine.x5t}=`, // as MSAL for Python writes it
  })
  const { body } = await server.token(form(older))
  assert.equal(decodeJwt(body.access_token).appidacr, '2')

  const terraform = claims({ aud: `${origin}/adfs/${admin.tenantId}/oauth2/v2.0/token`, exp: now + 3600 })
  const named = await mine.assertion(terraform, 'RS256', { kid: `${mine.x5t}=` })
  assert.equal((await server.token(form(named))).status, 200)

  const flaws: [string, Promise<string>, number][] = [
    ['an unknown certificate', strange.assertion(claims()), 700027],
    ['a known name, but another key', strange.assertion(claims(), 'PS256', { x5t: mine.x5t }), 700027],
    ['no name of a certificate', mine.assertion(claims(), 'PS256', {}), 700027],
    ['another algorithm', mine.assertion(claims(), 'RS512', { x5t: mine.x5t }), 700027],
    ['another server', mine.assertion(claims({ aud: 'https://elsewhere/adfs/oauth2/token' })), 700023],
    ['another client', mine.assertion(claims({ iss: 'someone', sub: 'someone' })), 700021],
    ['another subject', mine.assertion(claims({ sub: 'someone' })), 700021],
    ['over', mine.assertion(claims({ exp: now - 61 })), 700024],
    ['not begun', mine.assertion(claims({ nbf: now + 300 })), 700024],
    ['too long a life', mine.assertion(claims({ exp: now + 3 * 24 * 3600 })), 700024],
    ['no end', mine.assertion(claims({ exp: undefined })), 700027],
    ['rubbish', Promise.resolve('rubbish'), 700027],
  ]
  for (const [what, text, code] of flaws) {
    const answer = await server.token(form(await text))
    assert.deepEqual([answer.status, answer.body.error_codes], [401, [code]], what)
  }
})

test('a certificate counts from its start', async () => {
  const { identity, origin, admin } = server
  const key = testClientCertificate()
  const startsAt = new Date(clock.now().getTime() + 3600_000)
  await identity.directory.replaceCertificates(admin.objectId, [{ pem: key.pem, startsAt }])
  const form = async () => {
    const aud = `${origin}/adfs/oauth2/token`
    const exp = Math.floor(clock.now().getTime() / 1000) + 600
    return {
      grant_type: 'client_credentials',
      client_id: admin.clientId,
      client_assertion_type: jwtBearer,
      client_assertion: await key.assertion({ iss: admin.clientId, sub: admin.clientId, aud, exp }),
    }
  }
  await refused(await form(), 700027, 'invalid_client', 401)
  clock.advance(3600_000)
  assert.equal((await server.token(await form())).status, 200)
})

test('the documents that clients discover the endpoints by', async () => {
  const get = async (url: string, host = new URL(server.origin).host) =>
    (await server.app.inject({ url, headers: { host } })).json()
  const { origin } = server
  const adfs = await get('/adfs/.well-known/openid-configuration')
  assert.deepEqual(
    [adfs.issuer, adfs.token_endpoint, adfs.device_authorization_endpoint, adfs.jwks_uri],
    [
      `${origin}/adfs`,
      `${origin}/adfs/oauth2/token`,
      `${origin}/adfs/oauth2/devicecode`,
      `${origin}/adfs/discovery/keys`,
    ],
  )
  const v2 = await get(`/${server.admin.tenantId}/v2.0/.well-known/openid-configuration`, 'evil.example')
  assert.equal(v2.token_endpoint, `${origin}/${server.admin.tenantId}/oauth2/v2.0/token`)
  for (const { jwks_uri } of [adfs, v2])
    assert.deepEqual(await get(new URL(jwks_uri).pathname), server.identity.keys.published())
  const { tenant_discovery_endpoint } = await get('/common/discovery/instance?api-version=1.1')
  assert.equal(
    (await get(new URL(tenant_discovery_endpoint).pathname)).jwks_uri,
    `${origin}/common/discovery/v2.0/keys`,
  )
})

test('no line of the log holds a secret or a token', async () => {
  const { body } = await server.token(passwordForm())
  await server.token(secretForm())
  await server.token(refreshForm(body.refresh_token))
  const log = server.lines.join('')
  assert.ok(log.includes('sign-in answered') && log.includes('sign-in refused'))
  for (const secret of [password, server.admin.clientSecret, body.refresh_token, body.access_token, 'eyJ'])
    assert.equal(log.includes(secret), false)
})
