import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWNER, SUBSCRIPTION, startTestArm } from '../../../../../test/support/test-arm.ts'

const id = (number: number) => `90000000-0000-4000-8000-${String(number).padStart(12, '0')}`

test('however a subscription is named, who has no right in it learns nothing of its tags', async t => {
  const foreign = { ...OWNER, tenantId: id(1), objectId: id(2), clientId: id(2) }
  const own = id(3)
  const arm = await startTestArm({
    neighbours: [
      { caller: foreign, subscriptionId: own },
      { caller: foreign, subscriptionId: id(4), isOfTenant: true },
    ],
  })
  t.after(() => arm.close())
  await arm.send('PUT', 'resourceGroups/rg', { location: 'eastus', tags: { project: 'secret' } })
  for (const path of [
    `/subscriptions/${SUBSCRIPTION}/tagNames`,
    `/providers/microsoft.resources/subscriptions/${SUBSCRIPTION}/tagNames`,
    `/subscriptions/${own}/providers/Microsoft.Resources/subscriptions/${SUBSCRIPTION}/tagNames`,
    `/providers/A.B/c/d/providers/Microsoft.Resources/subscriptions/${SUBSCRIPTION}/tagNames`,
  ]) {
    const { status, body } = await arm.as(foreign).send('GET', path)
    assert.doesNotMatch(JSON.stringify(body), /project|secret/, path)
    assert.ok(status >= 400, path)
  }
})
