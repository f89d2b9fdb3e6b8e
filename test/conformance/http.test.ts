import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'

let server: TestServer
let subscription: string
before(async () => {
  server = await startTestServer({
    rateLimits: {
      reads: { burst: 1000, perSecond: 100 },
      writes: { burst: 1000, perSecond: 100 },
      deletes: { burst: 3, perSecond: 0.01 },
      strangers: { burst: 100, perSecond: 1 },
    },
  })
  subscription = `/subscriptions/${server.admin.subscriptionId}`
})
after(() => server.stop())

const VERSION = 'api-version=2021-04-01'

test('discovery answers without a token, in each shape that clients ask for', async () => {
  const get = (version: string) =>
    server.fetch('GET', `/metadata/endpoints?api-version=${version}`, { headers: { authorization: '' } })
  const oldest = (await get('2015-01-01')).json
  assert.deepEqual(oldest.authentication, { loginEndpoint: `${server.url}/adfs`, audiences: [server.url] })
  const array = (await get('2019-05-01')).json
  assert.equal(array.length, 1)
  const cloud = (await get('2022-09-01')).json
  assert.deepEqual(array[0], cloud)
  for (const name of [
    'name',
    'resourceManager',
    'graphAudience',
    'microsoftGraphResourceId',
    'vmImageAliasDoc',
    'suffixes',
  ])
    assert.ok(cloud[name], name)
})

test('nothing else is answered without a good token', async () => {
  const paths = ['/subscriptions', subscription, `${subscription}/resourcegroups`, '/opengallery/status', '/nonsense']
  for (const path of paths) {
    const missing = await server.fetch('GET', `${path}?${VERSION}`, { headers: { authorization: '' } })
    assert.deepEqual([missing.status, missing.json.error.code], [401, 'AuthenticationFailed'], path)
    assert.match(missing.headers['www-authenticate'] ?? '', /authorization_uri=/)
  }
  const [head, payload] = server.token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const token of [`${none}.${payload}.`, `${head}.${payload}.AAAA`, 'x.y.z', 'x']) {
    const forged = await server.fetch('GET', `/subscriptions?${VERSION}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.deepEqual([forged.status, forged.json.error.code], [401, 'InvalidAuthenticationToken'])
  }
})

test('every answer carries its ids and what is left of the limits', async () => {
  const { headers } = await server.fetch('GET', `${subscription}/resourcegroups?${VERSION}`, {
    headers: {
      'x-ms-correlation-request-id': 'my-story',
      'x-ms-client-request-id': 'mine',
      'x-ms-return-client-request-id': 'true',
    },
  })
  assert.ok(headers['x-ms-request-id'])
  assert.equal(headers['x-ms-correlation-request-id'], 'my-story')
  assert.equal(headers['x-ms-client-request-id'], 'mine')
  assert.match(headers['x-ms-ratelimit-remaining-subscription-reads'] ?? '', /^\d+$/)
  assert.match(headers['content-type'] ?? '', /^application\/json/)
})

test('any dated api-version is taken, none and nonsense are refused', async () => {
  const get = (query: string) => server.fetch('GET', `${subscription}/resourcegroups${query}`)
  assert.equal((await get('?api-version=2099-12-31-preview')).status, 200)
  assert.equal((await get('')).json.error.code, 'MissingApiVersionParameter')
  for (const version of ['banana', '2014-01-01', '2021-99-01'])
    assert.equal((await get(`?api-version=${version}`)).json.error.code, 'InvalidApiVersionParameter', version)
})

test('a body with an unquoted key and comments is read as az means it', async () => {
  const body = '{"location": "eastus", tags: {\n// why\n"a": "b", /* and */ }}'
  const made = await server.fetch('PUT', `${subscription}/resourcegroups/tolerant?${VERSION}`, { body })
  assert.deepEqual([made.status, made.json.tags], [201, { a: 'b' }])
})

test('what is too large, too deep or no JSON is refused', async () => {
  const put = (body: string, headers: Record<string, string> = {}) =>
    server.fetch('PUT', `${subscription}/resourcegroups/big?${VERSION}`, { body, headers })
  assert.equal((await put('{"location"')).json.error.code, 'InvalidRequestContent')
  assert.equal((await put(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`)).json.error.code, 'InvalidRequestContent')
  const large = await put(`{"a":"${'x'.repeat(5 * 1024 * 1024)}"}`).catch(() => ({ status: 413 }))
  assert.equal(large.status, 413)
  assert.equal((await put('{}', { 'x-long': 'y'.repeat(40_000) })).status, 431)
})

test('paths that are none are refused, unknown types and methods told apart', async () => {
  const code = async (method: string, path: string) =>
    (await server.fetch(method, `${path}?${VERSION}`)).json.error.code
  assert.equal(await code('GET', '/subscriptions/%zz'), 'InvalidRequestUri')
  assert.equal(await code('GET', `${subscription}/providers/Nobody.Knows/things`), 'InvalidResourceNamespace')
  assert.equal(await code('GET', `${subscription}/providers/Microsoft.Compute/things`), 'InvalidResourceType')
  assert.equal(await code('PUT', `${subscription}/locations`), 'MethodNotAllowed')
  assert.equal(
    await code('GET', '/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups'),
    'SubscriptionNotFound',
  )
})

test('a bucket that is empty answers 429 and says when to come again', async () => {
  let last = await server.fetch('DELETE', `${subscription}/resourcegroups/none?${VERSION}`)
  for (let count = 0; count < 4 && last.status !== 429; count++)
    last = await server.fetch('DELETE', `${subscription}/resourcegroups/none?${VERSION}`)
  assert.deepEqual([last.status, last.json.error.code], [429, 'TooManyRequests'])
  assert.ok(Number(last.headers['retry-after']) >= 1)
})

test('the installation is shown to its owner', async () => {
  const status = (await server.fetch('GET', '/opengallery/status')).json
  assert.ok(status.regions.length > 5)
  assert.ok(status.resources['Microsoft.Resources/subscriptions'] === 1)
  const planned = await server.fetch('POST', '/opengallery/gc?region=eastus&dryRun=true')
  assert.equal(planned.json.freedBytes, 0)
  assert.equal((await server.fetch('POST', '/opengallery/gc?region=atlantis')).status, 400)
})

test('what providers say to each other alone can not be said over HTTP, nor can it be told from what there is not', async () => {
  const network = `${subscription}/resourceGroups/within/providers/Microsoft.Network`
  const put = async (path: string, body: object) => {
    const { status, text } = await server.fetch('PUT', `${path}?${VERSION}`, { body: JSON.stringify(body) })
    assert.ok(status === 200 || status === 201, text)
  }
  await put(`${subscription}/resourceGroups/within`, { location: 'eastus' })
  await put(`${network}/virtualNetworks/v`, {
    location: 'eastus',
    properties: {
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      subnets: [{ name: 's', properties: { addressPrefix: '10.0.0.0/24' } }],
    },
  })
  const nic = `${network}/networkInterfaces/n`
  const subnet = { id: `${network}/virtualNetworks/v/subnets/s` }
  await put(nic, { location: 'eastus', properties: { ipConfigurations: [{ name: 'c', properties: { subnet } }] } })
  const machine = { id: `${subscription}/resourceGroups/within/providers/Microsoft.Compute/virtualMachines/m` }
  const post = async (action: string) => {
    const { status, json } = await server.fetch('POST', `${nic}/${action}?${VERSION}`, {
      body: JSON.stringify({ virtualMachine: machine }),
    })
    return { status, code: json.error.code, message: json.error.message.replaceAll(action, 'X') }
  }
  const answer = await post('join')
  assert.ok(answer.status >= 400)
  assert.deepEqual(answer, await post('jion'))
  assert.equal((await server.fetch('GET', `${nic}?${VERSION}`)).json.properties.virtualMachine, undefined)
})
