import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OWNER, startTestArm, TENANT, type TestArm } from '../../../../test/support/test-arm.ts'

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus'] })
  // The test's own subscription is older than all that are made here.
  arm.clock.advance(1000)
})
after(() => arm.close())

const path = (name: string) => `/providers/Microsoft.Subscription/aliases/${name}`
const put = (name: string, properties: object) => arm.send('PUT', path(name), { properties } as never)

test('a subscription is made once under its alias, and its maker owns it', async () => {
  const first = await put('one', { displayName: 'One', workload: 'DevTest', billingScope: '/any' })
  assert.equal(first.status, 201)
  const { subscriptionId, provisioningState, displayName } = first.body.properties
  assert.deepEqual([provisioningState, displayName], ['Succeeded', 'One'])
  const again = await put('ONE', { displayName: 'Another' })
  assert.deepEqual([again.status, again.body.properties.subscriptionId], [200, subscriptionId])
  assert.equal((await arm.send('GET', path('one'))).body.properties.workload, 'DevTest')
  const group = `/subscriptions/${subscriptionId}/resourceGroups/rg`
  assert.equal((await arm.send('PUT', group, { location: 'eastus' })).status, 201)
  const second = await put('name-2', { subscriptionId })
  assert.deepEqual([second.status, second.body.properties.subscriptionId], [201, subscriptionId])
  assert.equal((await arm.send('GET', '/providers/Microsoft.Subscription/aliases')).body.value.length, 2)
  const names = async (path: string) =>
    (await arm.send('GET', path)).body.value.map(({ displayName }: { displayName: string }) => displayName)
  assert.deepEqual((await names('/subscriptions')).toSorted(), ['One', 'Test'])
  const query = { query: "ResourceContainers | where type == 'microsoft.resources/subscriptions'" }
  const found = await arm.send('POST', '/providers/Microsoft.ResourceGraph/resources', query)
  assert.equal(found.body.count, 2)
  assert.equal((await arm.send('DELETE', path('name-2'))).status, 200)
  assert.equal((await arm.send('DELETE', path('name-2'))).status, 204)
  assert.equal((await arm.send('GET', path('name-2'))).body.error.code, 'AliasNotFound')
  assert.equal((await arm.send('GET', group)).status, 200)
})

test('subscriptions are listed as they were made: who logs in with az works in the first one', async () => {
  for (const name of ['b', 'a', 'd', 'c']) {
    arm.clock.advance(1000)
    await put(`in-order-${name}`, { displayName: name })
  }
  const { value } = (await arm.send('GET', '/subscriptions')).body
  const names = value.map(({ displayName }: { displayName: string }) => displayName)
  assert.deepEqual([names[0], ...names.slice(-4)], ['Test', 'b', 'a', 'd', 'c'])
})

test('two that ask for one alias at once get one subscription', async () => {
  const count = async () => (await arm.send('GET', '/subscriptions')).body.value.length
  const before = await count()
  const both = await Promise.all([put('twin', { displayName: 'Twin' }), put('TWIN', { displayName: 'Twin' })])
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 201])
  assert.equal(new Set(both.map(({ body }) => body.properties.subscriptionId)).size, 1)
  assert.equal(await count(), before + 1)
  const subscriptionId = both[0]?.body.properties.subscriptionId
  const named = await Promise.all([put('second-name', { subscriptionId }), put('second-name', { subscriptionId })])
  assert.deepEqual(named.map(({ status }) => status).toSorted(), [200, 201])
})

test('an alias of a subscription that is there says nothing about what the subscription is', async () => {
  const { subscriptionId } = (await put('made', { displayName: 'Made' })).body.properties
  for (const more of [
    { displayName: 'Other' },
    { additionalProperties: { tags: { a: 'b' } } },
    { additionalProperties: { subscriptionOwnerId: OWNER.objectId } },
    { additionalProperties: { subscriptionTenantId: TENANT } },
  ])
    assert.equal((await put('more', { subscriptionId, ...more })).body.error?.code, 'InvalidRequestContent')
  const { status, body } = await put('more', { subscriptionId, workload: 'DevTest', billingScope: '/any' })
  const { displayName, workload, subscriptionOwnerId } = body.properties
  assert.deepEqual([status, displayName, workload, subscriptionOwnerId], [201, 'Made', 'DevTest', null])
})

test('aliases of another tenant are not there', async () => {
  await put('mine', { displayName: 'Mine' })
  const stranger = arm.as({ ...OWNER, tenantId: '99999999-9999-4999-8999-999999999999' })
  assert.notEqual((await stranger.send('GET', path('mine'))).status, 200)
})

test('what is not served, or not the caller’s, is refused', async () => {
  const refused: readonly (readonly [object, string])[] = [
    [{ displayName: '' }, 'InvalidSubscriptionName'],
    [{ displayName: 'x'.repeat(65) }, 'InvalidSubscriptionName'],
    [{ displayName: 'x', workload: 'Play' }, 'InvalidRequestContent'],
    [{ displayName: 'x', resellerId: '1' }, 'InvalidRequestContent'],
    [{ displayName: 'x', additionalProperties: { managementGroupId: '/x' } }, 'InvalidRequestContent'],
    [{ displayName: 'x', surprise: 1 }, 'InvalidRequestContent'],
    [{ subscriptionId: 'x' }, 'InvalidRequestContent'],
    [{ subscriptionId: TENANT }, 'AuthorizationFailed'],
    [{ displayName: 'x', additionalProperties: { subscriptionTenantId: OWNER.objectId } }, 'TenantNotFound'],
  ]
  for (const [properties, code] of refused)
    assert.equal((await put('refused', properties)).body.error?.code, code, JSON.stringify(properties))
  assert.equal((await put('bad name', { displayName: 'x' })).body.error.code, 'InvalidRequestContent')
})

test('a cancelled subscription is read and deleted from, and enabled again', async () => {
  const { subscriptionId } = (await put('short', { displayName: 'Short' })).body.properties
  const root = `/subscriptions/${subscriptionId}`
  const act = (action: string, body?: object) =>
    arm.send('POST', `${root}/providers/Microsoft.Subscription/${action}`, body as never)
  const group = (name: string) => arm.send('PUT', `${root}/resourceGroups/${name}`, { location: 'eastus' })
  await group('before')
  assert.deepEqual((await act('rename', { subscriptionName: 'Shorter' })).body, { subscriptionId })
  // The tenant is no subscription, and the rights in a group say nothing of its own.
  const elsewhere = { '': 'InvalidRequestUri', [`${root}/resourceGroups/before`]: 'InvalidResourceType' }
  for (const [place, code] of Object.entries(elsewhere))
    assert.equal((await arm.send('POST', `${place}/providers/Microsoft.Subscription/cancel`)).body.error?.code, code)
  assert.equal((await arm.send('GET', root)).body.state, 'Enabled')
  assert.equal((await act('cancel')).status, 200)
  const shown = (await arm.send('GET', root)).body
  assert.deepEqual([shown.displayName, shown.state], ['Shorter', 'Disabled'])
  assert.equal((await group('after')).body.error.code, 'ReadOnlyDisabledSubscription')
  assert.equal((await arm.send('GET', `${root}/resourceGroups/before`)).status, 200)
  assert.equal((await arm.complete('DELETE', `${root}/resourceGroups/before`)).status, 204)
  assert.equal((await act('enable')).status, 200)
  assert.equal((await group('after')).status, 201)
  assert.equal((await act('rename', {})).status, 400)
})
