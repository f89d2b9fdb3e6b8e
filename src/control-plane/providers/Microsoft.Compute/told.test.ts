import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegionFull } from '#data-plane/replication/regions.ts'
import { told } from './told.ts'

test('a region without room is told in Azure’s word for it, anything else as an internal fault', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  assert.deepEqual(told(new RegionFull('eastus', { cause })), {
    code: 'AllocationFailed',
    message: 'Allocation failed. Region eastus has no space left for new data.',
  })
  assert.deepEqual(told(new Error('broken')), { code: 'InternalExecutionError', message: 'broken' })
})
