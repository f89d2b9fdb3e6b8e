import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMPUTE, startTestGallery } from './test-gallery.ts'

test('a subscription has at most 100 galleries in a region', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  for (let count = 1; count < 100; count++)
    await arm.done('PUT', `${COMPUTE}/galleries/g${count}`, { location: 'eastus' })
  assert.match(
    await arm.refused('PUT', `${COMPUTE}/galleries/more`, { location: 'eastus' }),
    /^409 QuotaExceeded: The subscription has reached the limit of 100 galleries in location 'eastus'/,
  )
  await arm.done('PUT', `${COMPUTE}/galleries/more`, { location: 'westus2' })
  await arm.done('PUT', `${COMPUTE}/galleries/g1`, { location: 'eastus' })
})
