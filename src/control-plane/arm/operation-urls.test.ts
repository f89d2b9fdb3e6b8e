import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestArm } from '../../../test/support/test-arm.ts'

test('what is polled is named in letters that a header can have, whatever the names in it are', async t => {
  const arm = await startTestArm()
  t.after(() => arm.close())
  await arm.send('PUT', 'resourceGroups/東京', { location: 'eastus' })
  const template = { $schema: 'x', contentVersion: '1.0.0.0', resources: [] }
  const path = 'resourceGroups/東京/providers/Microsoft.Resources/deployments/d'
  const { headers } = await arm.send('PUT', path, { properties: { mode: 'Incremental', template } })
  const { 'azure-asyncoperation': status = '', location = '' } = headers
  for (const url of [status, location]) {
    assert.match(url, /^[!-~]+$/)
    const polled = await arm.send('GET', decodeURIComponent(new URL(url).pathname))
    assert.equal(polled.status, 200, JSON.stringify(polled.body))
  }
})
