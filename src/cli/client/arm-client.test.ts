import assert from 'node:assert/strict'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Clock } from '#foundation/clock.ts'
import { accessToken } from './access-token.ts'
import { type ArmClient, ArmRefused, armClient } from './arm-client.ts'
import { httpsClient, ServerUnreachable } from './https-client.ts'

interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

/** A server that answers each request by the next reply of its path, and a client whose waiting takes no time. */
const scripted = async (t: TestContext, replies: Record<string, Reply[]>) => {
  const asked: string[] = []
  const sleptMs: number[] = []
  let tokens = 0
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x')
    const key = `${request.method} ${pathname}`
    asked.push(`${key} ${request.headers.authorization ?? ''}`.trim())
    const isSignIn = pathname.endsWith('/token')
    const reply: Reply | undefined = isSignIn
      ? { body: { access_token: `t${++tokens}`, expires_in: 3600 } }
      : replies[key]?.shift()
    if (!reply) return request.socket.destroy()
    response.writeHead(reply.status ?? 200, reply.headers)
    response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const https = httpsClient(undefined)
  t.after(() => {
    https.close()
    server.closeAllConnections()
    server.close()
  })
  const clock: Clock = { now: () => new Date(0), sleep: async ms => void sleptMs.push(ms) }
  const access = { url, tenantId: 'T', subscriptionId: 'S', clientId: 'C', clientSecret: 'x' }
  const arm: ArmClient = armClient({ url, https, token: accessToken(access, https, clock), clock })
  return { arm, url, asked, sleptMs, replies }
}

const operation = (url: string, headers: Record<string, string> = {}) => ({
  'azure-asyncoperation': `${url}/op`,
  location: `${url}/result`,
  ...headers,
})

test('a PUT is followed to its end at the pace the server asks for, and answers with the resource', async t => {
  const { arm, url, replies, sleptMs } = await scripted(t, {})
  replies['PUT /thing'] = [{ status: 201, headers: operation(url, { 'retry-after-ms': '70', 'retry-after': '9' }) }]
  replies['GET /op'] = [
    { headers: { 'retry-after': '2' }, body: { status: 'InProgress', percentComplete: 40 } },
    { body: { status: 'InProgress', percentComplete: 80 } },
    { body: { status: 'Succeeded' } },
  ]
  replies['GET /thing'] = [{ body: { id: '/thing' } }]
  const percentages: unknown[] = []
  const made = await arm.put('/thing', {}, { onPoll: percent => void percentages.push(percent) })
  assert.deepEqual(made, { id: '/thing' })
  assert.deepEqual(sleptMs, [70, 2000, 1000])
  assert.deepEqual(percentages, [40, 80, undefined])
})

test('an action answers with what its Location holds at the end', async t => {
  const { arm, url, replies } = await scripted(t, {})
  replies['POST /disk/beginGetAccess'] = [{ status: 202, headers: operation(url) }]
  replies['GET /op'] = [{ body: { status: 'Succeeded' } }]
  replies['GET /result'] = [{ body: { accessSAS: 'https://signed' } }]
  assert.deepEqual(await arm.act('/disk/beginGetAccess', { access: 'Read' }), { accessSAS: 'https://signed' })
})

test('a failed operation is told with its code and every sentence', async t => {
  const { arm, url, replies } = await scripted(t, {})
  replies['DELETE /thing'] = [{ status: 202, headers: operation(url) }]
  const error = {
    code: 'Conflict',
    message: 'It failed.',
    details: [{ message: 'In eastus.' }, { message: 'It failed.' }],
  }
  replies['GET /op'] = [{ body: { status: 'Failed', error } }]
  await assert.rejects(arm.remove('/thing'), {
    name: 'Failure',
    code: 'Conflict',
    message: 'Conflict: It failed. In eastus.',
  })
})

test('a refusal carries status, code and the request id; a missing resource can be asked for', async t => {
  const missing = {
    status: 404,
    headers: { 'x-ms-request-id': 'r-1' },
    body: { error: { code: 'ResourceNotFound', message: 'Not there.' } },
  }
  const { arm } = await scripted(t, { 'GET /thing': [missing, missing] })
  const refusal = await arm.get('/thing').catch(error => error)
  assert.ok(refusal instanceof ArmRefused)
  assert.deepEqual([refusal.status, refusal.code, refusal.advice], [404, 'ResourceNotFound', 'Request id r-1'])
  assert.equal(await arm.find('/thing'), undefined)
})

test('a token that the server no longer takes is renewed once, and only once', async t => {
  const refused = { status: 401, body: { error: { code: 'ExpiredAuthenticationToken', message: 'Expired.' } } }
  const { arm, asked } = await scripted(t, { 'GET /a': [refused, { body: 1 }], 'GET /b': [refused, refused] })
  assert.equal(await arm.get('/a'), 1)
  assert.deepEqual(asked, [
    'POST /T/oauth2/v2.0/token',
    'GET /a Bearer t1',
    'POST /T/oauth2/v2.0/token',
    'GET /a Bearer t2',
  ])
  await assert.rejects(arm.get('/b'), { code: 'ExpiredAuthenticationToken' })
})

test('throttling is waited out; a line that breaks is tried again for a GET, never for a PUT', async t => {
  const { arm, sleptMs, replies, asked } = await scripted(t, {
    'GET /busy': [{ status: 429, headers: { 'retry-after': '3' }, body: {} }, { body: 'done' }],
  })
  assert.equal(await arm.get('/busy'), 'done')
  assert.deepEqual(sleptMs, [3000])
  await assert.rejects(arm.get('/nobody'), ServerUnreachable)
  assert.equal(asked.filter(line => line.startsWith('GET /nobody')).length, 5)
  replies['PUT /nobody'] = []
  await assert.rejects(arm.put('/nobody', {}), ServerUnreachable)
  assert.equal(asked.filter(line => line.startsWith('PUT /nobody')).length, 1)
})

test('a name with any character stays a name', async t => {
  const { arm, asked } = await scripted(t, { 'GET /a%3Fb%23c%25d%20e': [{ body: 1 }] })
  assert.equal(await arm.get('/a?b#c%d e'), 1, asked.join())
})

test('a list is read page by page', async t => {
  const { arm, url, replies } = await scripted(t, {})
  replies['GET /things'] = [{ body: { value: [1, 2], nextLink: `${url}/things-2` } }]
  replies['GET /things-2'] = [{ body: { value: [3] } }]
  assert.deepEqual(await arm.list('/things'), [1, 2, 3])
})

test('who does not trust the certificate is told of the authority, not to start a server', () => {
  const advice = (code: string) => new ServerUnreachable('https://x', Object.assign(new Error('no'), { code })).advice
  for (const code of ['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID'])
    assert.match(advice(code) ?? '', /OPENGALLERY_CA/)
  assert.match(advice('ECONNREFUSED') ?? '', /opengallery start/)
})
