import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AnswerMetadata } from '../machines.ts'
import { seedPath } from '../provisioning/seed.ts'
import { seedSecret, testGuest, testSpec } from './test-guest.ts'

const document = {
  compute: { name: 'web', osProfile: { adminUsername: 'ann' }, tagsList: [{ name: 'a', value: '1' }], zone: '' },
  network: { interface: [{ macAddress: '000D3A123456', ipv4: { ipAddress: [{ privateIpAddress: '10.0.0.4' }] } }] },
}
const answer: AnswerMetadata = async (_id, { path }) => {
  if (path === '/metadata/instance')
    return { status: 200, contentType: 'application/json', body: JSON.stringify(document) }
  return path === '/metadata/identity/oauth2/token'
    ? { status: 400, contentType: 'application/json', body: '{"error":"invalid_request"}' }
    : undefined
}
const version = 'api-version=2021-02-01'

test('the document, its parts and its leaves, in both formats', async t => {
  const { ask } = await testGuest(t, answer)
  const whole = await ask(`/metadata/instance?${version}`)
  assert.deepEqual([whole.status, whole.type], [200, 'application/json; charset=utf-8'])
  assert.deepEqual(JSON.parse(whole.body), document)
  const part = await ask(`/metadata/instance/network/interface/0/ipv4/?${version}&format=json`)
  assert.deepEqual(JSON.parse(part.body), document.network.interface[0]?.ipv4)
  const texts = {
    '/metadata/instance': 'compute/\nnetwork/',
    '/metadata/instance/compute': 'name\nosProfile/\ntagsList/\nzone',
    '/metadata/instance/network/interface/': '0/',
    '/metadata/instance/Compute/OsProfile/adminUsername': 'ann',
    '/metadata/instance/compute/zone': '',
  }
  for (const [path, text] of Object.entries(texts)) {
    const { status, type, body } = await ask(`${path}?${version}&format=text`)
    assert.deepEqual([path, status, type, body], [path, 200, 'text/plain; charset=utf-8', text])
  }
  for (const path of [
    'compute/nothing',
    'compute/constructor',
    'compute/name/length',
    'network/interface/1',
    'network/interface/length',
  ])
    assert.equal((await ask(`/metadata/instance/${path}?${version}&format=text`)).status, 404, path)
  assert.equal((await ask(`/metadata/instance/compute/name?${version}`)).status, 400, 'A leaf needs format=text.')
  assert.equal((await ask(`/metadata/instance?${version}&format=xml`)).status, 400)
})

test('what Azure demands is demanded', async t => {
  const { ask, asked } = await testGuest(t, answer)
  const without = await ask(`/metadata/instance?${version}`, { headers: {} })
  assert.deepEqual(
    [without.status, JSON.parse(without.body)],
    [400, { error: 'Bad request. Required metadata header not specified' }],
  )
  const forwarded = { Metadata: 'true', 'X-Forwarded-For': '1.2.3.4' }
  assert.equal((await ask(`/metadata/instance?${version}`, { headers: forwarded })).status, 400)
  assert.equal((await ask(`/metadata/instance?${version}`, { method: 'POST', body: '{}' })).status, 405)
  for (const query of ['', '?api-version=2016-01-01', '?api-version=']) {
    const { status, body } = await ask(`/metadata/instance${query}`)
    assert.equal(status, 400)
    assert.deepEqual(JSON.parse(body)['newest-versions'], ['2021-12-13', '2021-11-15', '2021-11-01'])
  }
  assert.deepEqual(asked, [], 'Nothing was asked of the control plane.')
})

test('the other categories', async t => {
  const { ask, asked } = await testGuest(t, answer)
  const { apiVersions } = JSON.parse((await ask('/metadata/versions')).body)
  assert.ok(apiVersions.includes('2017-08-01') && apiVersions.includes('2021-12-13'))
  const events = await ask('/metadata/scheduledevents?api-version=2020-07-01')
  assert.equal(events.status, 200)
  assert.deepEqual(JSON.parse(events.body), { DocumentIncarnation: 1, Events: [] })
  const token = await ask('/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://x')
  assert.deepEqual([token.status, token.body], [400, '{"error":"invalid_request"}'])
  assert.deepEqual(asked, [
    `${testSpec.id} /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fx`,
  ])
  for (const path of [
    '/metadata/attested/document',
    '/metadata/loadbalancer',
    '/metadata',
    '/',
    '/x',
    '/machine/plugins',
  ])
    assert.equal((await ask(`${path}?${version}`)).status, 404, path)
})

const fabric = { 'x-ms-agent-name': 'WALinuxAgent', 'x-ms-version': '2012-11-30' }
const health = (inner: string, container = testSpec.id) =>
  `<?xml version="1.0" encoding="utf-8"?>\n<Health><GoalStateIncarnation>1</GoalStateIncarnation><Container><ContainerId>${container}</ContainerId>` +
  `<RoleInstanceList><Role><InstanceId>_web-1</InstanceId><Health>\n ${inner} </Health></Role></RoleInstanceList></Container></Health>`

test('a guest is led from the versions to its goal state and the configurations that it names', async t => {
  const { ask } = await testGuest(t, answer)
  assert.match((await ask('/?comp=versions', { headers: {} })).body, /<Supported><Version>2012-11-30</)
  const goal = await ask('/machine/?comp=goalstate', { headers: fabric })
  assert.deepEqual([goal.status, goal.type], [200, 'text/xml; charset=utf-8'])
  assert.match(goal.body, /<ExpectedState>Started<\/ExpectedState>/)
  assert.match(goal.body, /<RoleInstance><InstanceId>_web-1<\/InstanceId>/)
  const urls = [
    ...goal.body.matchAll(/<(HostingEnvironmentConfig|SharedConfig)>http:\/\/168[.]63[.]129[.]16:80([^<]+)/g),
  ]
  assert.equal(urls.length, 2)
  for (const [, , path = ''] of urls) {
    const { status, body } = await ask(path.replaceAll('&amp;', '&'), { headers: fabric })
    assert.equal(status, 200)
    assert.match(body, /<Incarnation number="1" instance="_web-1"/)
  }
  assert.equal((await ask('/machine/?comp=goalstate', { headers: {} })).status, 400, 'x-ms-version is required.')
})

test('a guest’s reports are handed on, in its own words and no more', async t => {
  const { ask, reports } = await testGuest(t, answer)
  const post = (body: string) => ask('/machine?comp=health', { method: 'POST', headers: fabric, body })
  const details =
    '<Details><SubStatus>ProvisioningFailed</SubStatus><Description>no &lt;disc&gt;\n\u001b[31m</Description></Details>'
  assert.equal((await post(health(`<State>NotReady</State>${details}`))).status, 200)
  assert.equal((await post(health('<State>Ready</State>'))).status, 200)
  assert.deepEqual(reports, [
    {
      machineId: testSpec.id,
      health: { kind: 'not ready', subStatus: 'ProvisioningFailed', description: 'no <disc> [31m' },
    },
    { machineId: testSpec.id, health: { kind: 'ready' } },
  ])
  for (const bad of [
    '',
    '<Health>',
    health('<State>Great</State>'),
    health('<State>Ready</State>', 'another'),
    'x'.repeat(60_000),
  ])
    assert.equal((await post(bad)).status, 400)
  assert.equal((await post('x'.repeat(70_000))).status, 413)
  assert.equal(reports.length, 2)
})

test('the seed lies where only the firmware says, and loses its password when the guest is ready', async t => {
  const guest = await testGuest(t, answer)
  const at = seedPath(seedSecret, testSpec)
  const vendorData = async () => (await guest.ask(`${at}vendor-data`, { headers: {} })).body
  const config = (text: string) => Buffer.from(text.split('\n\n')[2] ?? '', 'base64').toString()
  assert.equal((await guest.ask(`${at}user-data`, { headers: {} })).body, 'custom')
  assert.match(config(await vendorData()), /Secret 1/)
  for (const path of ['/seed/', `/seed/${'0'.repeat(32)}/user-data`, `${at}nothing`, at])
    assert.equal((await guest.ask(path, { headers: fabric })).status, 404, path)
  await guest.ask('/machine?comp=health', { method: 'POST', headers: fabric, body: health('<State>Ready</State>') })
  assert.match(config(await vendorData()), /"name":"ann"/)
  assert.doesNotMatch(config(await vendorData()), /Secret 1/)
  await guest.metadata.serve({ spec: testSpec, isReady: true, socketFile: guest.socketFile })
  assert.doesNotMatch(config(await vendorData()), /Secret 1/)
})

test('a machine is served again where its socket went, under its new description, and no longer once it is forgotten', async t => {
  const guest = await testGuest(t, answer)
  await fs.rm(guest.socketFile)
  const renamed = { ...testSpec, identity: { ...testSpec.identity, hostname: 'other' } }
  await guest.metadata.serve({ spec: renamed, isReady: false, socketFile: guest.socketFile })
  assert.match((await guest.ask('/machine?comp=goalstate', { headers: fabric })).body, /_other/)
  await guest.metadata.forget(testSpec.id)
  await assert.rejects(guest.ask('/metadata/versions'), { code: 'ENOENT' })
})

test('a control plane that fails is not shown to the guest', async t => {
  const { ask } = await testGuest(t, async () => {
    throw new Error('secret detail')
  })
  const { status, body } = await ask(`/metadata/instance?${version}`)
  assert.deepEqual([status, body], [500, '{"error":"Internal server error"}'])
})

test('hostile bytes are answered with a refusal or not at all, and the next request as ever', async t => {
  const { raw, ask } = await testGuest(t, answer)
  const get = (target: string, more = '') =>
    `GET ${target} HTTP/1.1\r\nHost: x\r\nMetadata: true\r\nConnection: close\r\n${more}\r\n`
  const hostile = [
    '',
    'GET',
    '\r\n\r\n',
    '\u0000'.repeat(100),
    get('http://169.254.169.254/metadata/instance'),
    get('//evil/metadata/instance'),
    get('/metadata/instance/../../seed/'),
    get('/metadata/instance/%2e%2e/x'),
    get(`/${'a'.repeat(3000)}`),
    get('/', `X: ${'a'.repeat(9000)}\r\n`),
    get('/metadata/instance?api-version=2021-02-01&format=__proto__'),
    get('/metadata/instance/__proto__?api-version=2021-02-01'),
    `POST /machine?comp=health HTTP/1.1\r\nHost: x\r\nx-ms-version: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /machine?comp=health HTTP/1.1\r\nHost: x\r\nx-ms-version: 1\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n${'x'.repeat(66_000)}`,
    'CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ]
  for (const bytes of hostile) {
    const status = /^HTTP\/1[.]1 (\d+)/.exec(await raw(bytes))?.[1]
    assert.ok(status === undefined || /^4\d\d$/.test(status), `${bytes.slice(0, 80)}: ${status}`)
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
      assert.doesNotMatch(await raw(bytes), /^HTTP\/1[.]1 [25]/)
    }),
    { numRuns: 30 },
  )
  const word = fc.string({ maxLength: 8 }).map(encodeURIComponent)
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 4 }), word, async (path, query) => {
      assert.doesNotMatch(await raw(get(`/metadata/${path.join('/')}?${version}&${query}`)), /^HTTP\/1[.]1 5/)
    }),
    { numRuns: 30 },
  )
  assert.equal((await ask(`/metadata/instance?${version}`)).status, 200)
})
