import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWNER, startTestArm } from '../../../test/support/test-arm.ts'

test('a deployment at the tenant is its own tenant’s, and not there for another', async context => {
  const stranger = {
    ...OWNER,
    tenantId: '99999999-9999-4999-8999-999999999999',
    objectId: '88888888-8888-4888-8888-888888888888',
    clientId: '77777777-7777-4777-8777-777777777777',
  }
  const subscriptionId = '66666666-6666-4666-8666-666666666666'
  const neighbours = [{ caller: stranger, subscriptionId, isOfTenant: true }] as const
  const arm = await startTestArm({ regions: ['eastus'], neighbours })
  context.after(() => arm.close())
  const path = '/providers/Microsoft.Resources/deployments/whole'
  const template = { $schema: 'https://x/tenantDeploymentTemplate.json#', contentVersion: '1.0.0.0', resources: [] }
  const body = { location: 'eastus', properties: { mode: 'Incremental', template } } as never
  const made = await arm.complete('PUT', path, body)
  assert.equal(made.body.properties.provisioningState, 'Succeeded')
  const theirs = arm.as(stranger)
  const list = (by: Pick<typeof arm, 'send'>) => by.send('GET', '/providers/Microsoft.Resources/deployments')
  assert.deepEqual([(await list(arm)).body.value.length, (await list(theirs)).body.value.length], [1, 0])
  const tries = [
    await theirs.send('GET', path),
    await theirs.send('GET', `${path}/operations`),
    await theirs.send('PUT', path, body),
    await theirs.send('POST', `${path}/exportTemplate`),
    await theirs.send('DELETE', path),
  ]
  for (const { status, body } of tries) assert.deepEqual([status, body.error.code], [403, 'AuthorizationFailed'])
  const own = `${path}-2`
  assert.equal((await theirs.complete('PUT', own, body)).body.properties.provisioningState, 'Succeeded')
  assert.equal((await theirs.complete('PUT', own, body)).body.properties.provisioningState, 'Succeeded')
  assert.equal((await arm.send('GET', own)).status, 403)
  assert.equal((await arm.complete('PUT', path, body)).body.properties.provisioningState, 'Succeeded')
})
