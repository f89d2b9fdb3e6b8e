import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { Type } from 'typebox'
import type { Provider, ResourceType } from '#arm/resource-type.ts'
import {
  OWNER,
  SUBSCRIPTION,
  startTestArm,
  TENANT,
  type TestAnswer,
  type TestArm,
} from '../../../../test/support/test-arm.ts'

/** What is slow takes as long as this says. */
let isInHand = true

const widget: ResourceType = {
  type: 'Test.Things/widgets',
  apiVersions: ['2026-01-01'],
  tracked: true,
  schema: Type.Object({
    properties: Type.Optional(
      Type.Object({ stuck: Type.Optional(Type.Boolean()), slow: Type.Optional(Type.Boolean()) }),
    ),
  }),
  operationsType: 'Test.Things/locations/operations',
  plan: async change => ({ document: change.wanted, work: { kind: 'make widget', input: {} } }),
  planDelete: async ({ document }) => ({
    work: {
      kind: `${document.properties.stuck ? 'fail' : document.properties.slow ? 'remove slow' : 'remove'} widget`,
      input: {},
    },
  }),
}
const things: Provider = {
  namespace: 'Test.Things',
  types: [widget],
  operations: [
    { kind: 'make widget', run: async () => ({ properties: { made: true } }) },
    { kind: 'remove widget', run: async () => ({ remove: true }) },
    {
      kind: 'remove slow widget',
      async run({ signal }) {
        if (isInHand) await once(signal, 'abort').then(() => signal.throwIfAborted())
        return { remove: true }
      },
    },
    {
      kind: 'fail widget',
      run: async () => {
        throw new Error('it is stuck')
      },
    },
  ],
}

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'], providers: [things] })
})
after(() => arm.close())

const group = (name: string) => `resourceGroups/${name}`
const widgetIn = (name: string, own: string) => `${group(name)}/providers/Test.Things/widgets/${own}`

test('subscriptions, tenants, locations and providers are listed', async () => {
  const subscriptions = await arm.send('GET', '/subscriptions')
  assert.equal(subscriptions.body.value[0].subscriptionId, SUBSCRIPTION)
  assert.equal(subscriptions.body.value[0].state, 'Enabled')
  assert.equal((await arm.send('GET', '/tenants')).body.value.length, 1)
  const locations = await arm.send('GET', 'locations')
  assert.deepEqual(
    locations.body.value.map((location: { displayName: string }) => location.displayName),
    ['East US', 'West US 2'],
  )
  const provider = await arm.send('POST', 'providers/test.things/register')
  assert.equal(provider.body.registrationState, 'Registered')
  const unknown = await arm.send('GET', 'providers/Nobody.Knows')
  assert.deepEqual([unknown.status, unknown.body.error.code], [404, 'InvalidResourceNamespace'])
})

test('a group is made, found in any case, listed by tag, refused elsewhere', async () => {
  const made = await arm.send('PUT', 'resourcegroups/Alpha', { location: 'East US', tags: { env: 'test' } })
  assert.equal(made.status, 201)
  assert.equal(made.body.id, `/subscriptions/${SUBSCRIPTION}/resourceGroups/Alpha`)
  assert.equal(made.body.location, 'eastus')
  assert.equal((await arm.send('HEAD', group('ALPHA'))).status, 204)
  assert.equal((await arm.send('HEAD', group('missing'))).status, 404)
  const tagged = await arm.send('GET', 'resourcegroups', undefined, {
    $filter: "tagName eq 'env' and tagValue eq 'test'",
  })
  assert.deepEqual(
    tagged.body.value.map((one: { name: string }) => one.name),
    ['Alpha'],
  )
  const wrong = await arm.send('GET', 'resourcegroups', undefined, { $filter: "tagName eq 'env' and nothing" })
  assert.equal(wrong.body.error.code, 'InvalidFilterInQueryString')
  const moved = await arm.send('PUT', group('alpha'), { location: 'westus2' })
  assert.deepEqual([moved.status, moved.body.error.code], [409, 'InvalidResourceGroupLocation'])
  const nowhere = await arm.send('PUT', group('beta'), { location: 'atlantis' })
  assert.deepEqual([nowhere.status, nowhere.body.error.code], [400, 'LocationNotAvailableForResourceType'])
})

test('a group takes what lies in it along when it is deleted', async () => {
  await arm.send('PUT', group('gone'), { location: 'eastus' })
  await arm.complete('PUT', widgetIn('gone', 'w1'), { location: 'eastus' })
  await arm.complete('PUT', widgetIn('gone', 'w2'), { location: 'westus2' })
  const deleted = await arm.complete('DELETE', group('gone'))
  assert.equal(deleted.status, 204)
  assert.equal((await arm.send('GET', group('gone'))).body.error.code, 'ResourceGroupNotFound')
  assert.equal((await arm.send('DELETE', group('gone'))).status, 404)
})

test('a group with a resource that can not be deleted stays, and says why', async () => {
  await arm.send('PUT', group('kept'), { location: 'eastus' })
  await arm.complete('PUT', widgetIn('kept', 'w1'), { location: 'eastus', properties: { stuck: true } })
  const deleted = await arm.complete('DELETE', group('kept'))
  assert.equal(deleted.status, 409)
  assert.match(deleted.body.error.message, /it is stuck/)
  assert.equal((await arm.send('GET', group('kept'))).status, 200)
})

test('a group stays while what lies in it is being deleted, also when the process leaves meanwhile', async () => {
  const { operations, clock } = arm
  await arm.send('PUT', group('left'), { location: 'eastus' })
  await arm.complete('PUT', widgetIn('left', 'w1'), { location: 'eastus', properties: { slow: true } })
  const key = `/subscriptions/${SUBSCRIPTION}/${widgetIn('left', 'w1')}`.toLowerCase()
  await arm.send('DELETE', group('left'))
  while (!(await operations.active(key))) await clock.advance(100)
  await operations.stop(1000)
  assert.equal((await arm.send('GET', group('left'))).status, 200)
  isInHand = false
  await operations.start()
  await arm.arm.settled(`/subscriptions/${SUBSCRIPTION}/${group('left')}`.toLowerCase())
  assert.equal((await arm.send('HEAD', group('left'))).status, 404)
})

test('resources are listed with filters', async () => {
  await arm.send('PUT', group('list'), { location: 'eastus' })
  await arm.complete('PUT', widgetIn('list', 'one'), {
    location: 'eastus',
    tags: { env: 'a', owner: "O'Brien and sons" },
  })
  await arm.complete('PUT', widgetIn('list', 'two'), { location: 'westus2' })
  const names = async (filter: string) =>
    (await arm.send('GET', `${group('list')}/resources`, undefined, { $filter: filter })).body.value?.map(
      (one: { name: string }) => one.name,
    )
  assert.deepEqual(await names("resourceType eq 'test.things/WIDGETS' and location eq 'West US 2'"), ['two'])
  assert.deepEqual(await names("tagName eq 'env' and tagValue eq 'a'"), ['one'])
  assert.deepEqual(await names("tagName eq 'Owner' and tagValue eq 'O''Brien and sons'"), ['one'])
  assert.deepEqual(await names("substringof('w', name)"), ['two'])
  assert.equal(await names('name like 5'), undefined)
  const expanded = async ($expand: string) =>
    (await arm.send('GET', `${group('list')}/resources`, undefined, { $expand })).body
  assert.equal((await expanded('createdTime, provisioningState')).value[0].provisioningState, 'Succeeded')
  assert.equal((await expanded('owner')).error?.code, 'InvalidQueryParameterValue')
})

test('tags are read, merged, replaced and deleted on any resource', async () => {
  await arm.send('PUT', group('tagged'), { location: 'eastus', tags: { a: '1', b: '2' } })
  const tags = `${group('tagged')}/providers/Microsoft.Resources/tags/default`
  const merged = await arm.send('PATCH', tags, { operation: 'Merge', properties: { tags: { B: '3', c: '4' } } })
  assert.deepEqual(merged.body.properties.tags, { a: '1', B: '3', c: '4' })
  const fewer = await arm.send('PATCH', tags, { operation: 'Delete', properties: { tags: { a: '1', c: 'other' } } })
  assert.deepEqual(fewer.body.properties.tags, { B: '3', c: '4' })
  const put = await arm.send('PUT', tags, { properties: { tags: { z: '9' } } })
  assert.deepEqual(put.body.properties.tags, { z: '9' })
  const path = `/subscriptions/${SUBSCRIPTION}/${tags}`
  const body = { properties: { tags: { y: '8' } } }
  const foreseen = await arm.arm.preview({ method: 'PUT', path, body, caller: OWNER, origin: '' })
  assert.deepEqual((foreseen as TestAnswer).body.properties?.tags, { y: '8' })
  assert.deepEqual((await arm.send('GET', group('tagged'))).body.tags, { z: '9' })
  await arm.send('DELETE', tags)
  assert.deepEqual((await arm.send('GET', tags)).body.properties.tags, {})
})

test('tag names are counted, declared and deleted', async () => {
  await arm.send('PUT', group('named'), { location: 'eastus', tags: { team: 'blue' } })
  await arm.send('PUT', 'tagNames/colour')
  await arm.send('PUT', 'tagNames/colour/tagValues/red')
  const { value } = (await arm.send('GET', 'tagNames')).body
  const byName = Object.fromEntries(value.map((tag: { tagName: string }) => [tag.tagName, tag]))
  assert.equal(byName.team.count.value, 1)
  assert.deepEqual([byName.colour.count.value, byName.colour.values[0].tagValue], [0, 'red'])
  assert.equal((await arm.send('DELETE', 'tagNames/team')).status, 409)
  assert.equal((await arm.send('DELETE', 'tagNames/colour')).status, 200)
})

test('a tag name is one in whatever letters it is written, and deleting declares nothing', async () => {
  await arm.send('PUT', group('spelt'), { location: 'eastus', tags: { crew: 'blue' } })
  await arm.send('PUT', 'tagNames/Size')
  await arm.send('PUT', 'tagNames/SIZE/tagValues/large')
  await arm.send('DELETE', 'tagNames/unheard-of/tagValues/x')
  const named = async () =>
    (await arm.send('GET', 'tagNames')).body.value
      .filter(({ tagName }: { tagName: string }) => /^(size|unheard-of)$/i.test(tagName))
      .map(({ tagName, values }: { tagName: string; values: { tagValue: string }[] }) => [
        tagName,
        ...values.map(({ tagValue }) => tagValue),
      ])
  assert.deepEqual(await named(), [['Size', 'large']])
  assert.equal((await arm.send('PUT', 'tagNames/CREW/tagValues/blue')).body.count.value, 1)
  assert.equal((await arm.send('DELETE', 'tagNames/size')).status, 200)
  assert.deepEqual(await named(), [])
})

test('who has no role sees nothing and may do nothing', async () => {
  const stranger = arm.as({ tenantId: TENANT, objectId: 'o', clientId: 'c', displayName: 'x', kind: 'User' })
  assert.deepEqual((await stranger.send('GET', '/subscriptions')).body.value, [])
  const refused = await stranger.send('GET', 'resourcegroups')
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'AuthorizationFailed'])
})
