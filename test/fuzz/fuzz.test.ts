import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type MarkedWorld, startMarkedWorld } from './marked-world.ts'
import { runFuzz } from './run-fuzz.ts'

let world: MarkedWorld
before(async () => {
  world = await startMarkedWorld()
})
after(() => world?.close())

test('a little of `npm run fuzz`: no fault, no answer to the unauthorised, nothing changed by them', async () => {
  const statuses = await runFuzz(world, { seed: 20_261_123, requests: 1000 })
  for (const status of ['200', '401', '403', '404']) assert.ok((statuses[status] ?? 0) > 10, JSON.stringify(statuses))
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})
