import * as fc from 'fast-check'
import type { FuzzRequest } from '../conformance/fuzz-client.ts'
import {
  oddApiVersions,
  oddHeaders,
  oddJson,
  oddJson5,
  oddKeys,
  oddParameters,
  oddSegments,
  oneOfText,
} from '../conformance/odd-values.ts'

const METHODS = ['GET', 'GET', 'HEAD', 'PUT', 'PUT', 'PUT', 'PATCH', 'PATCH', 'POST', 'DELETE'] as const
const STRANGE_METHODS = ['OPTIONS', 'TRACE', 'PROPFIND'] as const
/** Paths that end in what something is told to do, rather than in what there is. */
const ACTION =
  /\/(beginGetAccess|endGetAccess|register|checkNameAvailability|exportTemplate|validate|whatIf|start|powerOff|deallocate|restart|runCommand|capture|generalize|retrieveBootDiagnosticsData|listKeys|regenerateKey|List\w+Sas|share|rotate|gc\?.*|ResourceGraph\/resources)$/i

/** Where the paths lead that are bent. */
export interface FuzzPlaces {
  readonly subscriptionId: string
  readonly group: string
  /** Paths of resources that are there. */
  readonly resources: readonly string[]
}

/** Paths that mean something: every list, every action, and what lies beside ARM. */
const knownPaths = ({ subscriptionId, group, resources }: FuzzPlaces): string[] => {
  const subscription = `/subscriptions/${subscriptionId}`
  const compute = `${group}/providers/Microsoft.Compute`
  const gallery = `${compute}/galleries/gallery`
  const disk = `${compute}/disks/disk`
  const account = `${group}/providers/Microsoft.Storage/storageAccounts/fuzzaccount`
  const vm = `${compute}/virtualMachines/machine`
  const under = (base: string, tails: string) => tails.split(' ').map(tail => `${base}/${tail}`)
  return [
    '',
    ...under('', 'tenants subscriptions providers providers/Microsoft.Compute'),
    ...under(
      subscription,
      'locations resources providers tagNames tagNames/a/tagValues/b resourceGroups deployments providers/Microsoft.Compute/disks providers/Microsoft.Compute/galleries providers/Microsoft.Compute/virtualMachines providers/Microsoft.Compute/locations/eastus/vmSizes providers/Microsoft.Compute/locations/eastus/publishers providers/Microsoft.Compute/locations/eastus/sharedGalleries providers/Microsoft.Compute/locations/eastus/communityGalleries/x/images providers/Microsoft.Compute/locations/eastus/capsOperations/x providers/Microsoft.Compute/galleries/homeless providers/Microsoft.Compute/register providers/Microsoft.Storage/checkNameAvailability providers/Microsoft.Insights/eventtypes/management/values providers/Microsoft.Authorization/roleDefinitions providers/Microsoft.Authorization/roleAssignments providers/Microsoft.Authorization/permissions providers/Microsoft.Authorization/locks',
    ),
    ...under(
      group,
      'resources exportTemplate providers/Microsoft.Resources/deployments/d providers/Microsoft.Resources/deployments/d/validate providers/Microsoft.Resources/deployments/d/whatIf deployments/d/operations providers/Microsoft.Network/virtualNetworks/net providers/Microsoft.Network/publicIPAddresses/ip providers/Microsoft.ManagedIdentity/userAssignedIdentities/me providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111',
    ),
    ...under(
      disk,
      'providers/Microsoft.Compute/snapshots/nested providers/Microsoft.Resources/tags/default beginGetAccess endGetAccess',
    ),
    ...under(
      vm,
      'start powerOff deallocate restart instanceView runCommand capture generalize retrieveBootDiagnosticsData',
    ),
    ...under(account, 'listKeys regenerateKey ListAccountSas ListServiceSas'),
    ...under(
      gallery,
      'share images/definition/versions softDeletedArtifactTypes/Images/artifacts/definition/versions/1.0.0',
    ),
    '/providers/Microsoft.Insights/eventtypes/management/values',
    '/providers/Microsoft.ResourceGraph/resources',
    '/opengallery/status',
    '/opengallery/activity-log',
    '/opengallery/keys/rotate',
    '/opengallery/gc?region=eastus&region=westus2',
    '/opengallery/bytes?id=a&id=b',
    '/opengallery/bundle/key',
    `/opengallery/boot-diagnostics/${subscriptionId}/serialconsole.log?se=9999999999&sig=${'ü'.repeat(43)}`,
    ...resources,
    ...resources,
    ...resources.map(path => path.slice(0, path.lastIndexOf('/'))),
  ]
}

type Bend = {
  readonly kind: 'keep' | 'replace' | 'insert' | 'drop' | 'upper' | 'slash' | 'dots' | 'encoded'
  readonly at: number
  readonly segment: string
}

const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

/** Ways to write a path otherwise, some of which another program on the way could read as another path. */
const TRICKS = ['..', '.', '%2e%2e', '%2E%2E%2F', '%2f', ';a=b', '%00', '%c0%ae', '..;', '\u2215', 'ſubscriptions', 'K']

const bend = fc.record<Bend>({
  kind: fc.constantFrom(
    ...Array.from({ length: 12 }, () => 'keep' as const),
    'replace',
    'insert',
    'drop',
    'upper',
    'slash',
    'dots',
    'encoded',
  ),
  at: fc.nat(24),
  segment: fc.oneof(oneOfText(oddSegments), fc.constantFrom(...TRICKS), fc.string({ maxLength: 12 }).map(encode)),
})

const bent = (path: string, { kind, at, segment }: Bend): string => {
  const segments = path.split('/')
  const index = 1 + (at % segments.length)
  if (kind === 'replace') segments[index] = segment
  if (kind === 'insert') segments.splice(index, 0, segment)
  if (kind === 'drop') segments.splice(index, 1)
  if (kind === 'dots') segments.splice(index, 0, segment, '..')
  if (kind === 'encoded') segments.splice(index - 1, 2, `${segments[index - 1] ?? ''}%2f${segments[index] ?? ''}`)
  if (kind === 'upper') return path.toUpperCase()
  if (kind === 'slash') return `/${path}//`
  const joined = segments.join('/')
  return joined.startsWith('/') ? joined : `/${joined}`
}

/** Bodies as text: good ones, odd ones, and what is hardly JSON at all. */
const body = fc.oneof(
  fc.constant(undefined),
  fc.constant('{"location":"eastus","properties":{}}'),
  fc.constant('{"access":"Write","durationInSeconds":300}'),
  fc.constant('{"query":"resources | project id","subscriptions":[]}'),
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

/** Filters of every list that has one, good and bent. */
const FILTERS = [
  "eventTimestamp ge '2026-01-01T00:00:00Z'",
  "eventTimestamp ge '2026-01-01' and status eq 'Failed'",
  "resourceType eq 'Microsoft.Compute/disks'",
  "tagName eq 'a' and tagValue eq 'b'",
  "substringof('a', name)",
  'atScope()',
  "principalId eq '11111111-1111-4111-8111-111111111111'",
  "provisioningState eq 'Running'",
  "name eq 'a' or 1 eq 1",
  "'",
  ')('.repeat(200),
  ' and '.repeat(300),
]
const filter = fc
  .tuple(fc.constantFrom(...FILTERS), fc.nat(40), fc.string({ maxLength: 3 }))
  .map(([text, at, noise]) => `$filter=${encode(noise === '' ? text : text.slice(0, at) + noise + text.slice(at))}`)

/** A request that nobody has authorised yet. */
export const fuzzRequests = (places: FuzzPlaces): fc.Arbitrary<FuzzRequest> =>
  fc
    .record({
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...METHODS) },
        { weight: 1, arbitrary: fc.constantFrom(...STRANGE_METHODS) },
      ),
      isAction: fc.nat(4),
      known: fc.constantFrom(...knownPaths(places)),
      bends: fc.array(bend, { minLength: 1, maxLength: 2 }),
      version: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom('2024-03-03', '2025-03-03', '2015-04-01') },
        { weight: 1, arbitrary: oneOfText(oddApiVersions) },
      ),
      parameters: fc.array(fc.oneof(oneOfText(oddParameters), filter), { maxLength: 2 }),
      headers: fc.oneof(
        { weight: 3, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constantFrom(...oddHeaders) },
      ),
      body,
    })
    .map(({ method: any, isAction, known, bends, version, parameters, headers, body }) => {
      const method = isAction > 0 && ACTION.test(known) ? 'POST' : any
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
const sendable = (path: string) => path.replaceAll(/[^\x21-\x7e]/g, character => encode(character))

const BLOB_QUERIES = [
  '',
  'comp=list',
  'restype=container&comp=list',
  'restype=service&comp=properties',
  'comp=page',
  'comp=pagelist',
  'comp=block&blockid=AAAA',
  'comp=metadata',
  'comp=lease',
]

/** A request to the Blob endpoint with a signature that is good for nothing: none, made up, or for something else. */
export const fuzzBlobRequests = (accounts: readonly string[], signed: readonly string[]): fc.Arbitrary<FuzzRequest> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'OPTIONS', 'PATCH'),
      account: fc.constantFrom(...accounts, 'md-unknown', '$root', '..'),
      rest: fc.oneof(
        fc.constantFrom('', '/', '/vhds', '/vhds/disk.vhd', '/disk/abcd', '/$logs', '/vhds/..%2fdisk'),
        fc.array(oneOfText(oddSegments), { maxLength: 3 }).map(parts => `/${parts.join('/')}`),
      ),
      query: fc.constantFrom(...BLOB_QUERIES),
      signature: fc.oneof(
        fc.constant(''),
        fc.constantFrom(...signed),
        fc.constantFrom(
          'sv=2022-11-02&ss=b&srt=sco&sp=rwdlacup&se=2099-01-01T00:00:00Z&spr=https&sig=AAAA',
          'sv=2022-11-02&sr=c&sp=rwdl&se=2099-01-01T00:00:00Z&sig=AAAA',
          'sv=2018-03-28&sr=b&si=x&spr=https&sig=%C3%BC',
          'sv=x&sig=',
        ),
      ),
      headers: fc.oneof(
        fc.constant({}),
        fc.constantFrom(...oddHeaders),
        fc.constantFrom<Record<string, string>>(
          { authorization: 'SharedKey fuzzaccount:AAAA', 'x-ms-version': '2021-12-02' },
          { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '512', 'x-ms-version': '2021-12-02' },
          { 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511', 'x-ms-version': '2021-12-02' },
          { 'x-ms-copy-source': 'https://127.0.0.1/x', 'x-ms-version': '2021-12-02' },
        ),
      ),
      body: fc.constantFrom(undefined, '', 'x'.repeat(512)),
    })
    .map(({ method, account, rest, query, signature, headers, body }) => ({
      method,
      path: sendable(`/${account}${rest}?${[query, signature].filter(Boolean).join('&')}`),
      headers: { authorization: '', ...headers },
      ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body }),
    }))
