import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import { parseTarget } from '#data-plane/blobs/blob-request.ts'
import { sign, stringsToSign } from '#data-plane/blobs/shared-key.ts'
import { accountName, secrets, startTestEndpoint, type TestEndpoint } from '#data-plane/blobs/test-endpoint.ts'
import { fuzzing } from './fuzz-client.ts'

const statuses: Record<number, number> = {}
let endpoint: TestEndpoint
let agent: https.Agent
before(async () => {
  endpoint = await startTestEndpoint()
  agent = new https.Agent({
    ca: secrets.tls.cert,
    keepAlive: true,
    maxSockets: 4,
    checkServerIdentity: () => undefined, // made-up Host headers would be compared with the certificate
  })
  for (const path of ['/fuzz?restype=container', '/kept?restype=container'])
    assert.equal(
      (await send({ method: 'PUT', path: `/${accountName}${path}`, headers: {}, body: '' }, true)).status,
      201,
    )
})
after(async () => {
  agent?.destroy()
  await endpoint?.remove()
})

interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const MAX_WAIT_MS = 20_000

/** Sends what is given; `signed` adds the signature that the account's key makes over it. */
const send = ({ method, path, headers, body }: Request, signed: boolean): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint.url())
    const all: Record<string, string> = {
      'x-ms-version': '2021-12-02',
      'x-ms-date': endpoint.clock.now().toUTCString(),
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    }
    if (signed) all.authorization = authorization(method, path, all) ?? 'SharedKey none'
    const outgoing = https.request({ agent, hostname, port, method, path, headers: all }, incoming => {
      const parts: Buffer[] = []
      incoming.on('data', part => parts.push(part as Buffer))
      incoming.on('error', reject)
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
    })
    outgoing.setTimeout(MAX_WAIT_MS, () => outgoing.destroy(new Error('No answer came.')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })

const authorization = (method: string, path: string, headers: Record<string, string>): string | undefined => {
  try {
    const request = {
      ...parseTarget(path),
      method,
      headers,
      rawHeaders: [],
      body: Readable.from([]),
      clientAddress: '',
    }
    const [text = ''] = stringsToSign(request)
    return `SharedKey ${accountName}:${sign(text, Buffer.from(secrets.accountKey, 'base64'))}`
  } catch {
    return undefined // there is nothing that could be signed
  }
}

const names = [
  'blob',
  'a/b/c',
  '..',
  '../../../etc/passwd',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e',
  '%00',
  '%5c..%5c',
  '__proto__',
  '%',
  '%zz',
  '%f0%9f%98%80',
  'x'.repeat(1024),
  'x'.repeat(1030),
  'a%0d%0ax-fuzz:%201',
  '.',
  '',
]
const containers = [
  'fuzz',
  'fuzz',
  'fuzz',
  'kept',
  '',
  '..',
  '%2e%2e',
  '$root',
  '$logs',
  'No-Such',
  'nosuch',
  '__proto__',
  'a'.repeat(64),
]
const accounts = [
  accountName,
  accountName,
  accountName,
  accountName,
  'nobody',
  '..',
  '',
  'disk-0',
  '__proto__',
  'constructor',
]
const queries = [
  '',
  '',
  'restype=container',
  'restype=container&comp=list',
  'comp=list',
  'comp=metadata',
  'comp=properties',
  'comp=page',
  'comp=pagelist',
  'comp=block&blockid=YQ%3D%3D',
  'comp=block&blockid=%00',
  'comp=block',
  'comp=blocklist',
  'comp=blocklist&blocklisttype=all',
  'comp=blocklist&blocklisttype=x',
  'restype=container&comp=list&prefix=..%2f&delimiter=%2f&maxresults=1',
  'restype=container&comp=list&marker=%ff',
  'restype=container&comp=list&maxresults=-1',
  'restype=service&comp=properties',
  'comp=__proto__',
  'sv=2021-12-02&sr=b&sp=racwd&se=2099-01-01&sig=AAAA',
  'sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2099-01-01&sig=%00',
  'a=1&a=2',
  '%zz',
  'timeout=NaN',
  'snapshot=x',
]
const headers: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'x-ms-blob-type': 'BlockBlob' },
  { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '1024' },
  { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '9007199254740992' },
  { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '-512' },
  { 'x-ms-blob-type': 'AppendBlob' },
  { 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511' },
  { 'x-ms-page-write': 'clear', 'x-ms-range': 'bytes=0-9999999999999999' },
  { 'x-ms-page-write': 'x', range: 'bytes=511-0' },
  { range: 'bytes=0-' },
  { range: 'bytes=-5' },
  { range: 'bytes=9-1,2-3' },
  { range: 'bytes=99999999999999999999-' },
  { 'x-ms-range': 'bytes=0-3', 'x-ms-range-get-content-md5': 'true' },
  { 'if-match': '*' },
  { 'if-none-match': '"x"', 'if-modified-since': 'yesterday' },
  { 'if-unmodified-since': 'Mon, 32 Foo 2026 99:99:99 GMT' },
  { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  { 'content-md5': 'x' },
  { 'x-ms-meta-__proto__': 'x', 'x-ms-meta-constructor': 'y' },
  { 'x-ms-meta-a.b': 'x' },
  { 'x-ms-meta-a': '\u00ff'.repeat(3000) },
  { 'x-ms-blob-content-type': '\u00ff', 'x-ms-blob-cache-control': 'a'.repeat(9000) },
  { 'x-ms-blob-sequence-number': '-1', 'x-ms-sequence-number-action': 'x' },
  { 'x-ms-lease-id': 'x' },
  { 'x-ms-copy-source': 'http://169.254.169.254/' },
  { 'x-ms-version': '1999-01-01' },
  { 'x-ms-date': 'x' },
  { 'x-ms-client-request-id': '\u00ff\u00fe'.repeat(500) },
  { 'content-length': '0' },
  { host: 'evil.example' },
]
const bodies = [
  '',
  '',
  'abcd',
  'x'.repeat(512),
  'x'.repeat(1024),
  '<BlockList/>',
  '<BlockList><Latest>YQ==</Latest></BlockList>',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><BlockList><Latest>&b;</Latest></BlockList>',
  `<BlockList>${'<Latest>YQ==</Latest>'.repeat(3000)}</BlockList>`,
  `<BlockList>${' '.repeat(20_000)}`,
  `<?xml ${' '.repeat(20_000)}`,
  '\u0000',
]

/** Requests that mean something: method, name, query, headers, body. Each part is bent now and then. */
const known: readonly (readonly [string, string, string, Readonly<Record<string, string>>, string])[] = [
  ['PUT', 'blob', '', { 'x-ms-blob-type': 'BlockBlob' }, 'abcd'],
  ['PUT', 'page', '', { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '1024' }, ''],
  ['PUT', 'page', 'comp=page', { 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511' }, 'x'.repeat(512)],
  ['PUT', 'page', 'comp=page', { 'x-ms-page-write': 'clear', 'x-ms-range': 'bytes=512-1023' }, ''],
  ['GET', 'page', 'comp=pagelist', {}, ''],
  ['GET', 'blob', '', {}, ''],
  ['GET', 'page', '', { range: 'bytes=2-600' }, ''],
  ['GET', 'blob', '', { range: 'bytes=2-' }, ''],
  ['HEAD', 'blob', '', {}, ''],
  ['PUT', 'blob', 'comp=block&blockid=YQ%3D%3D', {}, 'abcd'],
  ['PUT', 'blob', 'comp=blocklist', {}, '<BlockList><Latest>YQ==</Latest></BlockList>'],
  ['GET', 'blob', 'comp=blocklist&blocklisttype=all', {}, ''],
  ['PUT', 'blob', 'comp=metadata', { 'x-ms-meta-a': 'b' }, ''],
  ['PUT', 'blob', 'comp=properties', { 'x-ms-blob-content-type': 'text/plain' }, ''],
  ['GET', '', 'restype=container&comp=list', {}, ''],
  ['PUT', '', 'restype=container', {}, ''],
  ['DELETE', 'blob', '', {}, ''],
]

function rare<T>(values: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  )
}
function often<T>(values: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  )
}

const request = fc
  .record({
    base: fc.constantFrom(...known),
    method: rare(['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS']),
    account: rare(accounts),
    container: rare(containers),
    name: rare(names),
    query: rare(queries),
    more: often(headers),
    body: rare(bodies),
  })
  .map(bent => {
    const [baseMethod, baseName, baseQuery, baseHeaders, baseBody] = bent.base
    const method = bent.method ?? baseMethod
    const name = bent.name ?? baseName
    const query = bent.query ?? baseQuery
    const headers = { ...baseHeaders, ...bent.more }
    const path = `/${bent.account ?? accountName}/${bent.container ?? 'fuzz'}${name ? `/${name}` : ''}`
    // A shorter announcement than what is sent would be the next request.
    const isEmpty = method === 'GET' || method === 'HEAD' || 'content-length' in headers
    return { method, path: query ? `${path}?${query}` : path, headers, body: isEmpty ? '' : (bent.body ?? baseBody) }
  })

const check = ({ status, text }: { status: number; text: string }, { method }: Request) => {
  assert.ok(status >= 200 && (status < 500 || status === 501), `${status} ${text} ${endpoint.lines.at(-1)}`)
  if (status >= 400 && method !== 'HEAD' && text !== '') assert.match(text, /<Code>\w+<\/Code>/)
  assert.doesNotMatch(text, /root:.*:0:0/)
}

test('no request to the blob endpoint is answered with a fault, signed or not', async () => {
  await fc.assert(
    fc.asyncProperty(request, fc.constantFrom(true, true, true, false), async (given, signed) => {
      const answer = await send(given, signed)
      check(answer, given)
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      if (!signed && given.method !== 'OPTIONS') assert.ok(answer.status >= 400, `${answer.status} without a signature`)
    }),
    fuzzing(1200),
  )
})

test('the requests meant something', context => {
  context.diagnostic(JSON.stringify(statuses))
  for (const status of [200, 201, 202, 206, 400, 403, 404, 409, 412, 416])
    assert.ok(statuses[status], `no request was answered with ${status}`)
})

test('names of blobs lead nowhere in the file system', async () => {
  assert.deepEqual(
    (await fs.readdir(endpoint.folder)).filter(name => !/^(eastus|metadata\.sqlite(-wal|-shm)?)$/.test(name)),
    [],
  )
  const path = `/${accountName}/fuzz/..%2f..%2fescaped`
  const put = { method: 'PUT', path, headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'abcd' }
  await send({ method: 'PUT', path: `/${accountName}/fuzz?restype=container`, headers: {}, body: '' }, true)
  assert.equal((await send(put, true)).status, 201)
  assert.equal((await send({ ...put, method: 'GET', headers: {}, body: '' }, true)).text, 'abcd')
  assert.equal(
    (await send({ ...put, path: `/${accountName}/escaped`, method: 'GET', headers: {}, body: '' }, true)).status >= 400,
    true,
  )
})
