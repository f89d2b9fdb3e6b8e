import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { FakeClock } from '#foundation/clock.ts'
import { startTestServer } from './test-server.ts'

const az = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
const user = { username: 'alice@local', password: 'correct horse' }
const redirectUri = 'http://localhost:8400'
const verifier = 'a word that only the program knows, long enough'
const clock = new FakeClock()
let server: Awaited<ReturnType<typeof startTestServer>>

before(async () => {
  server = await startTestServer(clock)
  const { tenantId } = server.admin
  const { username: userPrincipalName, password } = user
  await server.identity.directory.addUser({ tenantId, userPrincipalName, password, displayName: 'Alice' })
})
after(() => server[Symbol.asyncDispose]())

const queryOf = (changed: Record<string, string> = {}) =>
  new URLSearchParams({
    client_id: az,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: `${server.origin}/.default offline_access openid profile`,
    state: 'state <1>',
    nonce: 'nonce',
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
    ...changed,
  }).toString()

const unescaped = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

const hiddenIn = (html: string) =>
  Object.fromEntries(
    [...html.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name,
      unescaped(value as string),
    ]),
  )

const path = '/adfs/oauth2/authorize'
const open = async (query: string, url = path) => {
  const { statusCode, headers, body } = await server.app.inject({ url: `${url}?${query}` })
  const cookie = String(headers['set-cookie']).split(';')[0] as string
  return { status: statusCode, headers, html: body, hidden: hiddenIn(body) as Record<string, string>, cookie }
}

const submit = async (form: Record<string, string>, cookie: string, url = path) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', host: new URL(server.origin).host, cookie }
  const payload = new URLSearchParams(form).toString()
  const answer = await server.app.inject({ method: 'POST', url, headers, payload })
  return { status: answer.statusCode, headers: answer.headers, html: answer.body }
}

/** Signs in on the page, and returns where the browser is sent. */
const signIn = async (query: string, url = path) => {
  const { hidden, cookie } = await open(query, url)
  const { status, headers } = await submit({ ...hidden, ...user }, cookie, url)
  assert.equal(status, 303)
  return new URL(String(headers.location))
}

const redeem = (code: string, changed: Record<string, string> = {}) =>
  server.token({
    grant_type: 'authorization_code',
    client_id: az,
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...changed,
  })

test('a person signs in on the page, and the program on the same machine gets the tokens, once', async () => {
  const { origin, searchParams } = await signIn(queryOf())
  assert.deepEqual([origin, searchParams.get('state')], [redirectUri, 'state <1>'])
  const code = searchParams.get('code') as string
  const { status, body } = await redeem(code)
  assert.equal(status, 200)
  assert.equal((await server.identity.verifyToken(body.access_token)).userPrincipalName, user.username)
  assert.equal(decodeJwt(body.id_token).nonce, 'nonce')
  assert.ok(body.refresh_token)
  assert.deepEqual((await redeem(code)).body.error_codes, [70000])
  assert.equal(server.lines.join('').includes(code), false)
})

test('the same for the tenant’s own address, and with the other ways back', async () => {
  const url = `/${server.admin.tenantId}/oauth2/v2.0/authorize`
  assert.ok((await signIn(queryOf(), url)).searchParams.get('code'))
  const fragment = await signIn(queryOf({ response_mode: 'fragment' }))
  assert.ok(new URLSearchParams(fragment.hash.slice(1)).get('code'))

  const { hidden, cookie } = await open(queryOf({ response_mode: 'form_post' }))
  const { status, html, headers } = await submit({ ...hidden, ...user }, cookie)
  assert.equal(status, 200)
  assert.ok(html.includes(`<form method="post" action="${redirectUri}">`))
  const { code = '', state } = hiddenIn(html) as Record<string, string>
  assert.equal(state, 'state <1>')
  assert.match(
    String(headers['content-security-policy']),
    /script-src 'sha256-.*form-action 'self' http:\/\/localhost:8400;/,
  )
  assert.equal((await redeem(code)).status, 200)
})

test('a code is worth nothing to another program, without the word, at another address, or later', async () => {
  const codes = async () => (await signIn(queryOf())).searchParams.get('code') as string
  const flaws: [Record<string, string>, number][] = [
    [{ code_verifier: 'a guess' }, 501481],
    [{ redirect_uri: 'http://localhost:1' }, 70000],
    [{ client_id: '1950a258-227b-4e31-a9cf-717495945fc2' }, 70000],
  ]
  for (const [changed, expected] of flaws) {
    const code = await codes()
    assert.deepEqual((await redeem(code, changed)).body.error_codes, [expected])
    assert.deepEqual((await redeem(code)).body.error_codes, [70000], 'a wrong use uses it up')
  }
  const late = await codes()
  clock.advance(300_000)
  assert.deepEqual((await redeem(late)).body.error_codes, [70008])
})

test('nobody is sent to an address that is not on their own machine', async () => {
  const bad = [
    'https://evil.example',
    'http://localhost.evil.example',
    'http://127.0.0.1@evil.example',
    'http://user@localhost',
    'https://localhost',
    'javascript:alert(1)',
    'rubbish',
  ]
  for (const redirect_uri of bad) {
    const { status, html, headers } = await open(queryOf({ redirect_uri }))
    assert.deepEqual([status, headers.location], [400, undefined], redirect_uri)
    assert.match(html, /AADSTS50011/)
  }
  const { hidden, cookie } = await open(queryOf())
  const query = queryOf({ redirect_uri: 'https://evil.example' })
  assert.match((await submit({ ...hidden, ...user, query }, cookie)).html, /AADSTS50011/)
})

test('what else is wrong with a request is said on a page', async () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{ client_id: server.admin.clientId }, /AADSTS50011/],
    [{ client_id: '<b>' }, /AADSTS700016: .*&lt;b&gt;/],
    [{ response_type: 'token' }, /AADSTS700054/],
    [{ code_challenge: '' }, /AADSTS9002325/],
    [{ code_challenge_method: 'plain' }, /AADSTS9002325/],
    [{ scope: 'https://elsewhere.example/.default' }, /AADSTS500011/],
  ]
  for (const [changed, expected] of wrong) {
    const { status, html } = await open(queryOf(changed))
    assert.equal(status, 400)
    assert.match(html, expected)
  }
})

test('a wrong password asks again; a form of another site is refused; a person may say no', async () => {
  const { hidden, cookie } = await open(queryOf())
  const wrong = await submit({ ...hidden, username: user.username, password: 'wrong' }, cookie)
  assert.equal(wrong.status, 400)
  assert.match(wrong.html, /role="alert">Error validating credentials/)
  assert.equal((await submit({ ...hidden, ...user, proof: 'x' }, cookie)).status, 403)
  assert.equal((await submit({ ...hidden, ...user }, '')).status, 403)
  const no = await submit({ ...hidden, cancel: '1' }, cookie)
  assert.equal(new URL(String(no.headers.location)).searchParams.get('error'), 'access_denied')
})

test('a program that wants no page to be shown is told that a person must sign in', async () => {
  const { status, headers } = await open(queryOf({ prompt: 'none' }))
  assert.equal(status, 303)
  assert.equal(new URL(String(headers.location)).searchParams.get('error'), 'login_required')
})
