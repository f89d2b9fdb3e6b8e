import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobSASPermissions,
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import {
  accountName,
  type RawAnswer,
  rawRequest,
  secrets,
  startTestEndpoint,
  type TestEndpoint,
} from './test-endpoint.ts'

const credential = new StorageSharedKeyCredential(accountName, secrets.accountKey)
const serviceOf = (endpoint: TestEndpoint) =>
  new BlobServiceClient(endpoint.url(), credential, { retryOptions: { maxTries: 1 } })

let endpoint: TestEndpoint
let container: string
before(async () => {
  endpoint = await startTestEndpoint()
  const client = serviceOf(endpoint).getContainerClient('con')
  await client.create()
  await client.getBlockBlobClient('there').upload('hello', 5)
  await client.getPageBlobClient('pages').create(1024)
  container = client.url
})
after(() => endpoint.remove())

const expires = () => new Date(endpoint.clock.now().getTime() + 3_600_000)
const codeOf = (answer: RawAnswer) => [answer.status, answer.headers['x-ms-error-code']]

const blobSas = (blobName: string | undefined, permissions: string, more: object = {}): string =>
  generateBlobSASQueryParameters(
    {
      containerName: 'con',
      ...(blobName === undefined ? {} : { blobName }),
      permissions:
        blobName === undefined ? ContainerSASPermissions.parse(permissions) : BlobSASPermissions.parse(permissions),
      expiresOn: expires(),
      ...more,
    },
    credential,
  ).toString()

const accountSas = (permissions: string, resourceTypes: string, more: object = {}): string =>
  generateAccountSASQueryParameters(
    {
      services: AccountSASServices.parse('b').toString(),
      resourceTypes: AccountSASResourceTypes.parse(resourceTypes).toString(),
      permissions: AccountSASPermissions.parse(permissions),
      expiresOn: expires(),
      ...more,
    },
    credential,
  ).toString()

test('nothing is answered without a signature', async () => {
  for (const url of [`${container}/there`, `${container}?restype=container`, `${container}/missing`]) {
    assert.deepEqual(codeOf(await rawRequest(url, 'GET')), [401, 'NoAuthenticationInformation'])
  }
  assert.deepEqual(codeOf(await rawRequest(`${container}/there`, 'PUT', {}, Buffer.from('x'))), [
    401,
    'NoAuthenticationInformation',
  ])
  const bearer = await rawRequest(`${container}/there`, 'GET', { authorization: 'Bearer token' })
  assert.deepEqual(codeOf(bearer), [403, 'AuthenticationFailed'])
})

test('a wrong key, another account and an old date are refused', async () => {
  const wrong = new StorageSharedKeyCredential(accountName, randomBytes(64).toString('base64'))
  await assert.rejects(new ContainerClient(container, wrong).getProperties(), { statusCode: 403 })
  const other = new StorageSharedKeyCredential('otheraccount', randomBytes(64).toString('base64'))
  await assert.rejects(new ContainerClient(container, other).getProperties(), { statusCode: 403 })
  endpoint.clock.jump(16 * 60_000)
  await assert.rejects(new ContainerClient(container, credential).getProperties(), { statusCode: 403 })
  endpoint.clock.jump(-16 * 60_000)
  await new ContainerClient(container, credential).getProperties()
})

test('a signature for one blob opens that blob, as far as its letters go', async () => {
  const read = blobSas('there', 'r')
  assert.equal((await rawRequest(`${container}/there?${read}`, 'GET')).body.toString(), 'hello')
  assert.deepEqual(codeOf(await rawRequest(`${container}/pages?${read}`, 'GET')), [403, 'AuthenticationFailed'])
  assert.deepEqual(codeOf(await rawRequest(`${container}/there?${read}`, 'DELETE')), [
    403,
    'AuthorizationPermissionMismatch',
  ])
  const type = { 'x-ms-blob-type': 'BlockBlob' }
  const put = (name: string, sas: string) => rawRequest(`${container}/${name}?${sas}`, 'PUT', type, Buffer.from('new'))
  assert.deepEqual(codeOf(await put('there', read)), [403, 'AuthorizationPermissionMismatch'])
  assert.deepEqual(codeOf(await put('there', blobSas('there', 'c'))), [403, 'UnauthorizedBlobOverwrite'])
  assert.equal((await put('made', blobSas('made', 'c'))).status, 201)
  assert.equal((await put('made', blobSas('made', 'w'))).status, 201)
  assert.deepEqual(codeOf(await rawRequest(`${container}/made?${blobSas('made', 'w')}`, 'GET')), [
    403,
    'AuthorizationPermissionMismatch',
  ])
})

test('a signature that was changed, has not begun or has ended is refused', async () => {
  const get = (sas: string) => rawRequest(`${container}/there?${sas}`, 'GET')
  const good = blobSas('there', 'r')
  assert.equal((await get(good)).status, 200)
  const more = good.replace(/sp=r/, 'sp=rw')
  const later = good.replace(/se=2/, 'se=3')
  for (const bad of [more, later, good.replace(/sr=b/, 'sr=c'), good.replace(/sig=[^&]*/, 'sig=AAAA')])
    assert.deepEqual(codeOf(await get(bad)), [403, 'AuthenticationFailed'])
  const future = new Date(endpoint.clock.now().getTime() + 600_000)
  assert.deepEqual(codeOf(await get(blobSas('there', 'r', { startsOn: future }))), [403, 'AuthenticationFailed'])
  endpoint.clock.jump(3_700_000)
  assert.deepEqual(codeOf(await get(good)), [403, 'AuthenticationFailed'])
  endpoint.clock.jump(-3_700_000)
  assert.deepEqual(codeOf(await get(blobSas('there', 'r', { ipRange: { start: '10.0.0.1', end: '10.0.0.9' } }))), [
    403,
    'AuthorizationSourceIPMismatch',
  ])
  const here = { ipRange: { start: '127.0.0.1' }, protocol: SASProtocol.Https, contentType: 'text/fancy' }
  const answer = await get(blobSas('there', 'r', here))
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'text/fancy'])
})

test('every field of a signature counts: changed, left out or added, it opens nothing', async () => {
  const get = (sas: string, blob = 'there', method = 'GET') => rawRequest(`${container}/${blob}?${sas}`, method)
  const startsOn = new Date(endpoint.clock.now().getTime() - 60_000)
  const here = { ipRange: { start: '127.0.0.1' }, protocol: SASProtocol.Https, startsOn }
  const good = blobSas('there', 'r', { ...here, contentType: 'text/fancy', cacheControl: 'no-store' })
  assert.equal((await get(good)).status, 200)
  const fields = [...new URLSearchParams(good)]
  assert.deepEqual(fields.map(([name]) => name).sort(), [
    'rscc',
    'rsct',
    'se',
    'sig',
    'sip',
    'sp',
    'spr',
    'sr',
    'st',
    'sv',
  ])
  const other: Record<string, string> = { sv: '2020-02-10', sr: 'c', sip: '127.0.0.2', spr: 'https,http', sp: 'rwd' }
  const changed = (value: string) => value.replace(/.$/, last => (last === 'a' ? 'b' : 'a'))
  for (const [name, value] of fields) {
    const without = fields.filter(([field]) => field !== name)
    const with_ = (text: string) => `${new URLSearchParams([...without, [name, text]])}`
    for (const sas of [with_(other[name] ?? changed(value)), `${new URLSearchParams(without)}`])
      assert.equal((await get(sas)).status, name === 'sig' && !sas.includes('sig=') ? 401 : 403, sas)
  }
  for (const [name, value] of [
    ['rscd', 'attachment'],
    ['si', 'policy'],
    ['ss', 'b'],
  ] as const)
    assert.equal((await get(`${good}&${name}=${value}`)).status, 403, name)
  assert.equal((await get(good, 'elsewhere')).status, 403)
  for (const method of ['PUT', 'DELETE']) assert.equal((await get(good, 'there', method)).status, 403, method)
})

test('older signature forms still count', async () => {
  for (const version of ['2018-11-09', '2019-12-12', '2020-12-06', '2021-08-06', '2026-10-06'])
    assert.equal((await rawRequest(`${container}/there?${blobSas('there', 'r', { version })}`, 'GET')).status, 200)
  for (const version of ['2019-12-12', '2021-08-06'])
    assert.equal((await rawRequest(`${container}/there?${accountSas('r', 'o', { version })}`, 'GET')).status, 200)
})

test('containers obey their letters, and never a signature for a container alone', async () => {
  const list = `${container}?restype=container&comp=list`
  assert.equal((await rawRequest(`${list}&${blobSas(undefined, 'l')}`, 'GET')).status, 200)
  assert.equal((await rawRequest(`${container}/there?${blobSas(undefined, 'r')}`, 'GET')).status, 200)
  const mismatch = [403, 'AuthorizationPermissionMismatch']
  assert.deepEqual(codeOf(await rawRequest(`${list}&${blobSas(undefined, 'r')}`, 'GET')), mismatch)
  assert.deepEqual(
    codeOf(await rawRequest(`${container}?restype=container&${blobSas(undefined, 'rd')}`, 'DELETE')),
    mismatch,
  )
  assert.deepEqual(codeOf(await rawRequest(`${container}?restype=container&${accountSas('d', 'o')}`, 'DELETE')), [
    403,
    'AuthorizationResourceTypeMismatch',
  ])
  assert.equal((await rawRequest(`${container}?restype=container&${accountSas('r', 'c')}`, 'GET')).status, 200)
  const files = accountSas('r', 'o', { services: 'f' })
  assert.deepEqual(codeOf(await rawRequest(`${container}/there?${files}`, 'GET')), [
    403,
    'AuthorizationServiceMismatch',
  ])
})

test('what is not there is refused, never ignored', async () => {
  const sas = accountSas('rwdlac', 'sco')
  const ask = async (method: string, target: string, headers: Record<string, string> = {}, body?: Buffer) =>
    codeOf(await rawRequest(`${container}${target}${target.includes('?') ? '&' : '?'}${sas}`, method, headers, body))
  const put = { 'x-ms-blob-type': 'BlockBlob' }
  const x = Buffer.from('x')
  assert.deepEqual(await ask('PUT', '/a', { 'x-ms-blob-type': 'AppendBlob' }, Buffer.alloc(0)), [501, 'NotImplemented'])
  assert.deepEqual(await ask('PUT', '/a?comp=lease', { 'x-ms-lease-action': 'acquire' }), [501, 'NotImplemented'])
  assert.deepEqual(await ask('PUT', '/there?comp=snapshot'), [501, 'NotImplemented'])
  assert.deepEqual(await ask('PUT', '/there?comp=tier'), [501, 'NotImplemented'])
  assert.deepEqual(await ask('POST', '/there'), [405, 'UnsupportedHttpVerb'])
  assert.deepEqual(await ask('PUT', '/a', { 'x-ms-copy-source': 'https://example.com' }), [400, 'UnsupportedHeader'])
  assert.deepEqual(await ask('PUT', '/a', { ...put, 'x-ms-access-tier': 'Cool' }, x), [400, 'UnsupportedHeader'])
  assert.deepEqual(await ask('PUT', '/a', { ...put, 'x-ms-tags': 'a=b' }, x), [400, 'UnsupportedHeader'])
  assert.deepEqual(await ask('PUT', '/a', { ...put, 'x-ms-encryption-key': 'k' }, x), [400, 'UnsupportedHeader'])
  assert.deepEqual(await ask('GET', '/there?snapshot=2020'), [400, 'UnsupportedQueryParameter'])
  assert.deepEqual(await ask('DELETE', '/there', { 'x-ms-lease-id': 'l' }), [412, 'LeaseNotPresentWithBlobOperation'])
  assert.deepEqual(await ask('DELETE', '/there', { 'x-ms-delete-snapshots': 'only' }), [400, 'InvalidHeaderValue'])
  assert.deepEqual(await ask('GET', '/missing'), [404, 'BlobNotFound'])
  assert.deepEqual(await ask('GET', '2/missing'), [404, 'ContainerNotFound'])
  assert.deepEqual(await ask('PUT', '?restype=container'), [409, 'ContainerAlreadyExists'])
  assert.deepEqual(await ask('PUT', '2?restype=container', { 'x-ms-blob-public-access': 'blob' }), [
    409,
    'PublicAccessNotPermitted',
  ])
})

test('malformed writes are refused before anything changes', async () => {
  const sas = accountSas('rwdlac', 'sco')
  const ask = async (method: string, target: string, headers: Record<string, string> = {}, body?: Buffer) =>
    codeOf(await rawRequest(`${container}${target}${target.includes('?') ? '&' : '?'}${sas}`, method, headers, body))
  const page = (range: string, write = 'update') => ({ 'x-ms-page-write': write, 'x-ms-range': range })
  assert.deepEqual(await ask('PUT', '/pages?comp=page', page('bytes=1-512'), Buffer.alloc(512)), [
    416,
    'InvalidPageRange',
  ])
  assert.deepEqual(await ask('PUT', '/pages?comp=page', page('bytes=0-510'), Buffer.alloc(511)), [
    416,
    'InvalidPageRange',
  ])
  assert.deepEqual(await ask('PUT', '/pages?comp=page', page('bytes=1024-1535'), Buffer.alloc(512)), [
    416,
    'InvalidPageRange',
  ])
  assert.deepEqual(await ask('PUT', '/pages?comp=page', page('bytes=0-511'), Buffer.alloc(1024)), [
    400,
    'InvalidHeaderValue',
  ])
  assert.deepEqual(await ask('PUT', '/there?comp=page', page('bytes=0-511'), Buffer.alloc(512)), [
    409,
    'InvalidBlobType',
  ])
  assert.deepEqual(await ask('PUT', '/pages?comp=block&blockid=AAAA', {}, Buffer.alloc(5)), [409, 'InvalidBlobType'])
  assert.deepEqual(await ask('PUT', '/b?comp=block&blockid=*', {}, Buffer.alloc(5)), [400, 'InvalidBlockId'])
  assert.deepEqual(await ask('PUT', '/b?comp=blocklist', {}, Buffer.from('<BlockList><Latest>')), [
    400,
    'InvalidXmlDocument',
  ])
  assert.deepEqual(await ask('PUT', '/b', { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '1000' }), [
    400,
    'InvalidHeaderValue',
  ])
  const chunked = { 'x-ms-blob-type': 'BlockBlob', 'transfer-encoding': 'chunked' }
  assert.deepEqual(await ask('PUT', '/b', chunked, Buffer.from('x')), [411, 'MissingContentLengthHeader'])
  assert.deepEqual(await ask('GET', '/there', { range: 'bytes=5-9' }), [416, 'InvalidRange'])
  assert.deepEqual(await ask('PUT', '/there?comp=metadata', { 'x-ms-meta-no-good': 'x' }), [400, 'InvalidMetadata'])
  assert.deepEqual(await ask('GET', '/%zz'), [400, 'InvalidUri'])
  assert.deepEqual(await ask('GET', '/there', { 'x-ms-version': 'latest' }), [400, 'InvalidHeaderValue'])
  assert.deepEqual(await ask('GET', '/b'), [404, 'BlobNotFound'])
})

test('a body whose MD5 is not the promised one is not stored', async () => {
  const sas = accountSas('rwc', 'o')
  const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('base64')
  const data = Buffer.alloc(512, 1)
  const put = async (target: string, headers: Record<string, string>, promised: string, body = data) =>
    codeOf(await rawRequest(`${container}/${target}${sas}`, 'PUT', { ...headers, 'content-md5': promised }, body))
  const page = { 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511' }
  const wrong = md5(Buffer.from('other'))
  assert.deepEqual(await put('pages?comp=page&', page, wrong), [400, 'Md5Mismatch'])
  assert.deepEqual(await put('md5?comp=block&blockid=AAAA&', {}, wrong), [400, 'Md5Mismatch'])
  assert.deepEqual(await put('md5?', { 'x-ms-blob-type': 'BlockBlob' }, wrong), [400, 'Md5Mismatch'])
  assert.deepEqual(await put('md5?', { 'x-ms-blob-type': 'BlockBlob' }, 'nonsense'), [400, 'InvalidMd5'])
  const large = randomBytes(9 * 1024 * 1024)
  assert.deepEqual(await put('md5?', { 'x-ms-blob-type': 'BlockBlob' }, wrong, large), [400, 'Md5Mismatch'])
  assert.deepEqual(codeOf(await rawRequest(`${container}/md5?${sas}`, 'GET')), [404, 'BlobNotFound'])
  const pages = await rawRequest(`${container}/pages?${sas}`, 'GET', { range: 'bytes=0-511' })
  assert.ok(pages.body.equals(Buffer.alloc(512)))
  assert.deepEqual(await put('md5?', { 'x-ms-blob-type': 'BlockBlob' }, md5(data)), [201, undefined])
  const ranged = { 'x-ms-range': 'bytes=0-99', 'x-ms-range-get-content-md5': 'true' }
  const part = await rawRequest(`${container}/md5?${sas}`, 'GET', ranged)
  assert.deepEqual([part.status, part.headers['content-range']], [206, 'bytes 0-99/512'])
  assert.equal(part.headers['content-md5'], md5(data.subarray(0, 100)))
})

test('no signature and no key is ever logged', () => {
  const text = endpoint.lines.join('')
  assert.ok(!/sig=|SharedKey/.test(text))
})
