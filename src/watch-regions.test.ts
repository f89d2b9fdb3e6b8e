import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoreHealth } from '#data-plane/replication/regions.ts'
import { FakeClock, systemClock } from '#foundation/clock.ts'
import { type Fields, silentLog } from '#foundation/log.ts'
import { watchRegions } from './watch-regions.ts'

test('a store that is away when the server starts, or goes away later, is told with what is wrong; work is done when it is back', async t => {
  const clock = new FakeClock()
  const health: StoreHealth[] = [
    { url: 'file:///a', state: 'ready' },
    { url: 'file:///b', state: 'missing', problem: 'Is the right disk mounted at /b?' },
  ]
  const warned: (Fields | undefined)[] = []
  let [looks, returns] = [0, 0]
  const watch = watchRegions({
    regions: {
      names: ['eastus'],
      storeCount: () => health.length,
      async roomyStores() {
        looks++
        return health.filter(({ state }) => state === 'ready').length
      },
      health: async () => health,
    },
    clock,
    log: { ...silentLog, warn: (_message, fields) => void warned.push(fields) },
    intervalMs: 1000,
    returned: async () => void returns++,
  })
  t.after(() => watch.stop())
  const look = async () => {
    const before = looks
    while (looks === before) {
      clock.advance(1000)
      await systemClock.sleep(1)
    }
    await systemClock.sleep(5)
  }
  await look()
  assert.deepEqual(warned, [{ region: 'eastus', problems: ['Is the right disk mounted at /b?'] }])
  await look()
  assert.deepEqual([warned.length, returns], [1, 0], 'it is told once')
  health[1] = { url: 'file:///b', state: 'ready' }
  await look()
  assert.deepEqual([warned.length, returns], [1, 1])
  health[0] = { url: 'file:///a', state: 'full', problem: 'The disk is full.' }
  await look()
  assert.deepEqual(warned[1], { region: 'eastus', problems: ['The disk is full.'] })
})
