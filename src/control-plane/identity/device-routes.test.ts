import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { startTestServer } from './test-server.ts'

const az = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
const page = '/adfs/oauth2/deviceauth'
const user = { username: 'alice@local', password: 'correct horse' }
const clock = new FakeClock()
let server: Awaited<ReturnType<typeof startTestServer>>

before(async () => {
  server = await startTestServer(clock)
  const { tenantId } = server.admin
  const { username: userPrincipalName, password } = user
  await server.identity.directory.addUser({ tenantId, userPrincipalName, password, displayName: 'Alice' })
})
after(() => server[Symbol.asyncDispose]())

const begin = async () => {
  const scope = `${server.origin}/.default offline_access openid profile`
  const { status, body } = await server.post('/adfs/oauth2/devicecode', { client_id: az, scope })
  assert.equal(status, 200)
  return body
}

const poll = async (device_code: unknown) => {
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const form = { client_id: az, grant_type, device_code: String(device_code) }
  const { body } = await server.post('/adfs/oauth2/token', form)
  return body
}

const open = async () => {
  const { headers, body, statusCode } = await server.app.inject({ url: page })
  const proof = /name="proof" value="([^"]+)"/.exec(body)?.[1] as string
  return { headers, html: body, statusCode, proof, cookie: String(headers['set-cookie']).split(';')[0] as string }
}

const enter = async (form: Record<string, string>, headers: Record<string, string>) => {
  const all = { 'content-type': 'application/x-www-form-urlencoded', host: new URL(server.origin).host, ...headers }
  const payload = new URLSearchParams(form).toString()
  const { statusCode, body } = await server.app.inject({ method: 'POST', url: page, headers: all, payload })
  return { status: statusCode, html: body }
}

test('a device waits until a person lets it in, and gets its tokens once', async () => {
  const { device_code, user_code, interval, expires_in, verification_uri, message } = await begin()
  assert.deepEqual([interval, expires_in, verification_uri], [5, 900, `${server.origin}${page}`])
  assert.match(String(user_code), /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  assert.ok(String(message).includes(String(user_code)))
  assert.equal((await poll(device_code)).error, 'authorization_pending')
  assert.equal((await poll(device_code)).error, 'slow_down')
  clock.advance(5000)
  assert.equal((await poll(device_code)).error, 'authorization_pending')

  const { proof, cookie } = await open()
  const form = { user_code: ` ${String(user_code).toLowerCase()} `, ...user, proof }
  const headers = { cookie, origin: server.origin, 'sec-fetch-site': 'same-origin' }
  const { status, html } = await enter(form, headers)
  assert.equal(status, 200)
  assert.match(html, /Microsoft Azure CLI can go on now/)
  const tokens = await poll(device_code)
  assert.equal((await server.identity.verifyToken(String(tokens.access_token))).userPrincipalName, 'alice@local')
  assert.ok(tokens.refresh_token && tokens.id_token)
  assert.equal((await poll(device_code)).error, 'invalid_grant')
  assert.equal((await enter(form, headers)).status, 400, 'the code works once')
})

test('a code ends after a quarter of an hour', async () => {
  const { device_code, user_code } = await begin()
  clock.advance(900_000)
  assert.equal((await poll(device_code)).error, 'expired_token')
  const { proof, cookie } = await open()
  const { status, html } = await enter({ user_code: String(user_code), ...user, proof }, { cookie })
  assert.equal(status, 400)
  assert.match(html, /role="alert">That code is not known, was used, or is too old/)
})

test('the form is refused unless this page made it and this site sent it', async () => {
  const { user_code, device_code } = await begin()
  const { proof, cookie } = await open()
  const form = { user_code: String(user_code), ...user, proof }
  const strange: [Record<string, string>, Record<string, string>][] = [
    [form, {}],
    [form, { cookie: `${cookie}x` }],
    [{ ...form, proof: '' }, { cookie }],
    [form, { cookie, origin: 'https://evil.example' }],
    [form, { cookie, 'sec-fetch-site': 'cross-site' }],
  ]
  for (const [fields, headers] of strange) assert.equal((await enter(fields, headers)).status, 403)
  assert.equal((await poll(device_code)).error, 'authorization_pending')
})

test('a wrong password is refused and lets nothing in; what was typed stays, harmless', async () => {
  const { user_code, device_code } = await begin()
  const { proof, cookie } = await open()
  const typed = { user_code: String(user_code), username: '"><script>x</script>', password: 'wrong', proof }
  const { status, html } = await enter(typed, { cookie })
  assert.equal(status, 400)
  assert.ok(html.includes(`value="${user_code}"`) && html.includes('&lt;script&gt;') && !html.includes('<script'))
  assert.equal((await poll(device_code)).error, 'authorization_pending')
})

test('the page is for people with any reader, in light and dark, and for no other site', async () => {
  const { headers, html } = await open()
  for (const name of ['user_code', 'username', 'password']) {
    assert.ok(html.includes(`<label for="${name}">`) && html.includes(`id="${name}" name="${name}"`), name)
  }
  assert.match(html, /<html lang="en">/)
  assert.match(html, /prefers-color-scheme: dark/)
  assert.doesNotMatch(html, /(?:src|href)=|@import|url\(/)
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
  assert.match(String(headers['set-cookie']), /Secure; HttpOnly; SameSite=Strict/)
})

test('one network keeps only its newest fifty codes', async () => {
  const { device_code } = await begin()
  for (let n = 0; n < 50; n++) {
    clock.advance(1)
    await begin()
  }
  assert.equal((await poll(device_code)).error, 'invalid_grant')
})
