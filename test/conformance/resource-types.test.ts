import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestArm } from '../support/test-arm.ts'
import { driveResourceType } from './drive-resource-type.ts'
import { samples } from './samples.ts'

for (const sample of samples) driveResourceType(sample, () => startTestArm())

test('every type that can be written has a sample', async context => {
  const arm = await startTestArm()
  context.after(() => arm.close())
  const writable = arm.registry.providers.flatMap(({ types }) => types).filter(({ plan }) => plan !== undefined)
  // A deployment is an event, not a state: to put back what GET gave would be another one. Its own tests drive it.
  const states = writable.filter(({ type }) => type !== 'Microsoft.Resources/deployments')
  assert.deepEqual(states.map(({ type }) => type).sort(), samples.map(({ type }) => type).sort())
})
