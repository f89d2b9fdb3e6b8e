import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import { type FuzzRequest, fuzzClient, fuzzing } from './fuzz-client.ts'
import { type FuzzWorld, startFuzzWorld } from './fuzz-world.ts'
import {
  oddApiVersions,
  oddHeaders,
  oddJson,
  oddJson5,
  oddKeys,
  oddParameters,
  oddSegments,
  oneOfText,
} from './odd-values.ts'

let world: FuzzWorld
before(async () => {
  world = await startFuzzWorld()
})
after(() => world?.close())

const METHODS = ['GET', 'HEAD', 'PUT', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const

/** Paths that mean something, to be bent. */
const knownPaths = (): string[] => {
  const { server, group, samples } = world
  const subscription = `/subscriptions/${server.admin.subscriptionId}`
  const [, disk = group] = samples.map(sample => sample.path)
  const gallery = `${group}/providers/Microsoft.Compute/galleries/gallery`
  return [
    '',
    '/tenants',
    '/subscriptions',
    '/providers',
    '/providers/Microsoft.Compute',
    ...['', '/locations', '/resources', '/providers', '/tagNames', '/tagNames/a/tagValues/b', '/resourceGroups'].map(
      tail => `${subscription}${tail}`,
    ),
    ...['Microsoft.Compute/register', 'Microsoft.Storage/checkNameAvailability'].map(
      tail => `${subscription}/providers/${tail}`,
    ),
    `${subscription}/providers/Microsoft.Compute/galleries/homeless`,
    `${subscription}/providers/Microsoft.Compute/locations/eastus/capsOperations/x`,
    `${disk}/providers/Microsoft.Compute/snapshots/nested`,
    `${disk}/providers/Microsoft.Resources/tags/default`,
    `${disk}/beginGetAccess`,
    `${disk}/endGetAccess`,
    `${group}/providers/Microsoft.Storage/storageAccounts/fuzzaccount/listKeys`,
    `${group}/providers/Microsoft.Storage/storageAccounts/fuzzaccount/ListAccountSas`,
    `${gallery}/softDeletedArtifactTypes/Images/artifacts/definition/versions/1.0.0`,
    `${gallery}/images/definition/versions`,
    '/opengallery/status',
    '/opengallery/gc?region=eastus&region=westus2',
    '/opengallery/bytes?id=a&id=b',
    ...samples.map(sample => sample.path),
    ...samples.map(sample => sample.path.slice(0, sample.path.lastIndexOf('/'))),
  ]
}

type Bend = { readonly kind: 'keep' | 'replace' | 'insert' | 'drop' | 'upper' | 'slash'; at: number; segment: string }

const bend = fc.record<Bend>({
  kind: fc.constantFrom('keep', 'keep', 'keep', 'keep', 'replace', 'insert', 'drop', 'upper', 'slash'),
  at: fc.nat(24),
  segment: fc.oneof(oneOfText(oddSegments), fc.string({ maxLength: 12 }).map(encode)),
})

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

const bent = (path: string, { kind, at, segment }: Bend): string => {
  const segments = path.split('/')
  const index = 1 + (at % segments.length)
  if (kind === 'replace') segments[index] = segment
  if (kind === 'insert') segments.splice(index, 0, segment)
  if (kind === 'drop') segments.splice(index, 1)
  if (kind === 'upper') return path.toUpperCase()
  if (kind === 'slash') return `/${path}//`
  const joined = segments.join('/')
  return joined.startsWith('/') ? joined : `/${joined}`
}

/** Bodies as text: good ones, odd ones, and what is hardly JSON at all. */
const body = fc.oneof(
  fc.constant(undefined),
  fc.constant('{"location":"eastus","properties":{}}'),
  oneOfText(oddJson),
  oneOfText(oddJson5),
  fc.tuple(oneOfText(oddKeys), oneOfText(oddJson)).map(([key, value]) => `{${JSON.stringify(key)}:${value}}`),
  fc
    .tuple(oneOfText(oddKeys), oneOfText(oddJson), oneOfText(oddJson))
    .map(([key, one, two]) => `{"location":"eastus","tags":{${JSON.stringify(key)}:${one},"t":${two}}}`),
  fc
    .tuple(oneOfText(oddJson), oneOfText(oddJson))
    .map(([one, two]) => `{"location":"eastus","location":${one},"properties":${two},"properties":{}}`),
  fc.json({ maxDepth: 4 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '\ufeff{}',
    '{"a":1',
    '/*',
    '{/**/}',
    '//',
    "{'a'",
    `{"a":${'1'.repeat(5000)}}`,
    '\u0000',
    '{"a":"\n"}',
  ),
)

const request = (): fc.Arbitrary<FuzzRequest> =>
  fc
    .record({
      method: fc.constantFrom(...METHODS),
      known: fc.constantFrom(...knownPaths()),
      bends: fc.array(bend, { minLength: 1, maxLength: 2 }),
      version: fc.oneof(
        { weight: 6, arbitrary: fc.constant('2024-03-03') },
        { weight: 1, arbitrary: oneOfText(oddApiVersions) },
      ),
      parameters: fc.array(oneOfText(oddParameters), { maxLength: 2 }),
      headers: fc.oneof(
        { weight: 3, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constantFrom(...oddHeaders) },
      ),
      body,
    })
    .map(({ method, known, bends, version, parameters, headers, body }) => {
      const [path = '', search] = bends.reduce(bent, known).split('?')
      const query = [`api-version=${version}`, ...parameters, ...(search ? [search] : [])].join('&')
      return {
        method,
        path: sendable(`${path || '/'}?${query}`),
        headers,
        ...(body === undefined || method === 'TRACE' ? {} : { body }),
      }
    })

/** Node's client lets no blank or control character out. */
const sendable = (path: string) => path.replaceAll(/[^\x21-\xff]/g, character => encodeURIComponent(character))

const WRITES = new Set(['PUT', 'PATCH', 'POST', 'DELETE'])

test('no request is answered with a fault, and a refused one changes nothing', async () => {
  let before = await world.documents()
  await fc.assert(
    fc.asyncProperty(request(), async given => {
      const { status } = await world.client.send(given)
      if (!WRITES.has(given.method)) return
      const after = await world.documents()
      if (status >= 400) assert.equal(after, before, `${status}, but something changed`)
      if (after === before) return
      await world.prepare()
      before = await world.documents()
    }),
    fuzzing(2000),
  )
  const pollution = {} as Record<string, unknown>
  assert.equal(pollution.polluted, undefined)
})

const OPEN = /^\/+(metadata\/endpoints|aliases\.json|[^/]*\/discovery|[^/]*\/(v2\.0\/)?\.well-known)/i

test('nobody without a token is told anything', async () => {
  const [head, payload] = world.server.token.split('.')
  const authorizations = [
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    `Bearer ${head}.${payload}.AAAA`,
    'Bearer x.y.z',
    'Bearer \u00ff',
  ].concat(
    ['{"alg":"none"}', '{"alg":"RS256","kid":"\\r\\nx-fuzz: 1\\u20ac\\u0000"}', '{"alg":"\\u20ac"}', '[]', '"'].map(
      forged,
    ),
  )
  const client = fuzzClient(world.server, [], ({ status, headers, json, text }, { method }) => {
    assert.ok(status === 401 || status === 403, `${status} ${text}`)
    assert.equal(headers['x-fuzz'], undefined)
    if (method !== 'HEAD') assert.equal(typeof json?.error?.message, 'string', text)
  })
  const before = await world.documents()
  try {
    await fc.assert(
      fc.asyncProperty(request(), fc.constantFrom(...authorizations), async (given, authorization) => {
        if (OPEN.test(given.path)) return
        await client.send({ ...given, headers: { ...given.headers, authorization } })
      }),
      fuzzing(1000),
    )
  } finally {
    client.close()
  }
  assert.equal(await world.documents(), before)
})

const forged = (header: string) => `Bearer ${Buffer.from(header).toString('base64url')}.e30.AAAA`
