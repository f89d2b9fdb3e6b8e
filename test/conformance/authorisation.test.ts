import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Assignment, CustomRole } from '#access/access-record.ts'
import type { ArmRequest, Caller, Provider, ResourceType } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import { SUBSCRIPTION, startTestArm, TENANT, type TestArm } from '../support/test-arm.ts'
import { samples } from './samples.ts'

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/conformance`

/** A request, and the one action that lets it pass. */
interface Endpoint {
  readonly method: ArmRequest['method']
  readonly path: string
  readonly action: string
}

/**
 * What whoever has any role in a subscription (for the first part: whoever is in the tenant) may read, because it tells of nobody's
 * resources, or of what others have shared with all of the subscription. To open another type is a decision: it is written down here too.
 */
const open = new Set(
  [
    'Microsoft.Resources/tenants/read',
    'Microsoft.Resources/subscriptions/read',
    'Microsoft.Resources/subscriptions/providers/read',
    'Microsoft.Resources/providers/read',
    'Microsoft.ResourceGraph/resources/read',
    'Microsoft.Authorization/roleDefinitions/read',
    'Microsoft.Authorization/providerOperations/read',
    'Microsoft.Insights/eventcategories/read',
    'Microsoft.Resources/subscriptions/locations/read',
    'Microsoft.Authorization/permissions/read',
    'Microsoft.Compute/locations/vmSizes/read',
    'Microsoft.Compute/skus/read',
    'Microsoft.Compute/locations/runCommands/read',
    'Microsoft.Compute/locations/publishers/read',
    'Microsoft.Compute/locations/publishers/artifacttypes/offers/read',
    'Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/read',
    'Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read',
    'Microsoft.Compute/locations/sharedGalleries/read',
    'Microsoft.Compute/locations/sharedGalleries/images/read',
    'Microsoft.Compute/locations/sharedGalleries/images/versions/read',
    'Microsoft.Compute/locations/communityGalleries/read',
    'Microsoft.Compute/locations/communityGalleries/images/read',
    'Microsoft.Compute/locations/communityGalleries/images/versions/read',
  ].map(action => action.toLowerCase()),
)
const isOpen = ({ action }: Endpoint) => open.has(action.toLowerCase()) || /^[\w.]+\/operations\/read$/i.test(action)

const caller: Caller = {
  tenantId: TENANT,
  objectId: '90000000-0000-4000-8000-000000000009',
  clientId: '90000000-0000-4000-8000-00000000000a',
  displayName: 'somebody',
  kind: 'Application',
}

let arm: TestArm
const places = new Map<string, string>()
before(async () => {
  arm = await startTestArm()
  for (const sample of samples) {
    const place = await sample.prepare(arm)
    const path = `${place}/${sample.type.endsWith('/resourceGroups') ? 'conformance' : sample.names[0]}`
    const made = await arm.complete('PUT', path, await sample.body(arm))
    assert.ok(made.status < 300, `${sample.type}: ${JSON.stringify(made.body)}`)
    places.set(sample.type.toLowerCase(), `/subscriptions/${SUBSCRIPTION}/${path}`)
  }
})
after(() => arm?.close())

/** Where something of the type lies, or could: rights are asked for before it is looked for. */
const placeOf = ({ type, extension }: ResourceType): string => {
  const sample = places.get(type.toLowerCase())
  if (sample) return sample
  const [namespace = '', ...types] = type.split('/')
  if (types[0] === 'operations' || types[0] === 'providerOperations')
    return `/providers/${namespace}/${types[0]}/Microsoft.Compute`
  if (type === 'Microsoft.Resources/providers') return '/providers/Microsoft.Compute'
  if (namespace === 'Microsoft.Resources' && !extension && types[0] !== 'deployments')
    return named(types, index => (types[index] === 'subscriptions' ? SUBSCRIPTION : nameOf(types[index] ?? '')))
  const parent = places.get([namespace, ...types.slice(0, -1)].join('/').toLowerCase())
  if (parent) return `${parent}/${types.at(-1)}/${nameOf(types.at(-1) ?? '')}`
  return `${GROUP}/providers/${namespace}${named(types, index => nameOf(types[index] ?? ''))}`
}
const named = (types: readonly string[], name: (index: number) => string) =>
  types.map((type, index) => `/${type}/${name(index)}`).join('')
const nameOf = (type: string) =>
  type === 'resourceGroups'
    ? 'conformance'
    : type === 'locations'
      ? 'eastus'
      : type === 'providers'
        ? 'Microsoft.Compute'
        : 'one'

const endpointsOf = (type: ResourceType): Endpoint[] => {
  const place = placeOf(type)
  const collection = place.slice(0, place.lastIndexOf('/'))
  const { computed, plan } = type
  const isReadable = plan ?? computed?.get ?? computed?.answer
  const isListed = plan ?? computed?.list ?? computed?.one
  const posts = [type.actions, type.unstoredActions, computed?.actions].flatMap(known => Object.entries(known ?? {}))
  const found: [ArmRequest['method'], string, string][] = []
  if (isReadable) found.push(['GET', place, 'read'], ['HEAD', place, 'read'])
  if (isListed) found.push(['GET', collection, 'read'])
  for (const [name, { permission }] of posts) found.push(['POST', `${place}/${name}`, permission])
  if (plan ?? computed?.write) found.push(['PUT', place, 'write'], ['PATCH', place, 'write'])
  if (plan ?? computed?.remove) found.push(['DELETE', place, 'delete'])
  return found.map(([method, path, verb]) => ({ method, path, action: actionOf(type, verb) }))
}

const actionOf = ({ type }: ResourceType, verb: string): string =>
  /\/providers$/.test(type) && verb.endsWith('/action') ? `Microsoft.Compute/${verb}` : `${type}/${verb}`

const providerEndpoints = ({ namespace, actions = {} }: Provider): Endpoint[] =>
  Object.entries(actions).map(([name, { permission }]) => ({
    method: 'POST',
    path: `/subscriptions/${SUBSCRIPTION}/providers/${namespace}/${name}`,
    action: `${namespace}/${permission}`,
  }))

const order = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE']
const endpoints = (): Endpoint[] => {
  const all = arm.registry.providers.flatMap(provider => [
    ...provider.types.flatMap(endpointsOf),
    ...providerEndpoints(provider),
  ])
  const isGroup = ({ path }: Endpoint) => Number(path === GROUP)
  return all.toSorted((a, b) => order.indexOf(a.method) - order.indexOf(b.method) || isGroup(a) - isGroup(b))
}

const role: CustomRole = {
  kind: 'role',
  tenantId: TENANT,
  name: '90000000-0000-4000-8000-00000000000b',
  roleName: 'The one of the test',
  description: '',
  type: 'CustomRole',
  permissions: [],
  assignableScopes: ['/'],
  createdOn: '',
  updatedOn: '',
}
const assignment: Assignment = {
  kind: 'assignment',
  tenantId: TENANT,
  name: '90000000-0000-4000-8000-00000000000c',
  scope: '',
  role: role.name,
  principalId: caller.objectId,
  principalType: 'ServicePrincipal',
  createdOn: '',
  updatedOn: '',
  createdBy: '',
  updatedBy: '',
}
/** Gives the caller a role, anew before each request. */
const grant = (actions: string[], notActions: string[] = []) =>
  arm.arm.transact(async transaction => {
    const permission = { actions, notActions, dataActions: [], notDataActions: [] }
    await arm.access.store.put(transaction, { ...role, permissions: [permission] })
    await arm.access.store.put(transaction, assignment)
  })

const everything = async () => {
  const documents = await listAll(arm.arm.resources, {})
  const records = [...arm.access.assignments(TENANT), ...arm.access.locks(TENANT)]
  return JSON.stringify([documents, records.filter(({ name }) => name !== assignment.name)])
}

const send = ({ method, path }: Endpoint) =>
  arm.as(caller).send(method, path, ['PUT', 'PATCH'].includes(method) ? {} : undefined)

test('every endpoint refuses whoever may do all but its one action, and nothing changes', async () => {
  const all = endpoints()
  assert.ok(all.length > 150, `There are only ${all.length} endpoints: they are not found.`)
  const before = await everything()
  for (const endpoint of all) {
    await grant(['*'], [endpoint.action])
    const { status, body } = await send(endpoint)
    const told = `${endpoint.method} ${endpoint.path}: ${status} ${JSON.stringify(body)}`
    if (isOpen(endpoint)) assert.notEqual(status, 403, told)
    else assert.deepEqual([status, body?.error?.code], [403, 'AuthorizationFailed'], told)
    if (status === 403) assert.ok(body.error.message.toLowerCase().includes(`'${endpoint.action.toLowerCase()}'`), told)
  }
  assert.equal(await everything(), before)
})

test('every endpoint takes whoever may do its one action and nothing else', async () => {
  for (const endpoint of endpoints()) {
    await grant([endpoint.action])
    const { status, body } = await send(endpoint)
    const told = `${endpoint.method} ${endpoint.path}: ${status} ${JSON.stringify(body)}`
    assert.ok(status !== 401 && body?.error?.code !== 'AuthorizationFailed', told)
  }
})

test('who has no role at all is shown nothing but what is everybody’s', async () => {
  const stranger = { ...caller, objectId: '90000000-0000-4000-8000-00000000000d' }
  for (const endpoint of endpoints()) {
    const { status, body } = await arm.as(stranger).send(endpoint.method, endpoint.path, {})
    const isEverybodys = isOpen(endpoint) && !endpoint.path.startsWith('/subscriptions/')
    const told = `${endpoint.method} ${endpoint.path}: ${status} ${JSON.stringify(body)}`
    if (isEverybodys) assert.notEqual(status, 403, told)
    else if (endpoint.path === '/subscriptions') assert.deepEqual([status, body], [200, { value: [] }])
    else assert.equal(status, 403, told)
  }
})
