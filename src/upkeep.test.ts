import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import {
  noise,
  ofDisk,
  regions,
  startTestGallery,
  version,
} from '#providers/Microsoft.Compute/galleries/test-gallery.ts'
import { holds } from '#providers/Microsoft.Compute/galleries/test-version.ts'
import { startUpkeep } from './upkeep.ts'

const DAY_MS = 24 * 3_600_000

test('a round that was asked for waits for the one under way: it would make again what this one gives up', async t => {
  const gallery = { softDeletePolicy: { isSoftDeleteEnabled: true } }
  const arm = await startTestGallery({ gallery, regions: ['eastus'] })
  t.after(() => arm.close())
  await arm.done('PUT', version('1.0.0'), ofDisk(await arm.snapshot('snap', noise(1)), regions('eastus')))
  await arm.done('DELETE', version('1.0.0'))

  const promised = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const made = Promise.withResolvers<void>()
  const hold: typeof arm.regions.hold = async (...call) => {
    if (!call[2].includes('/versions/')) return arm.regions.hold(...call)
    promised.resolve()
    await goOn.promise
    return arm.regions.hold(...call).finally(made.resolve)
  }
  let droppings = 0
  const upkeep = startUpkeep({
    ...arm,
    regions: { ...arm.regions, hold },
    blobs: { dropOldBlocks: async () => void droppings++ },
    log: silentLog,
    intervalMs: 365 * DAY_MS,
    lookIntervalMs: 365 * DAY_MS,
  })
  t.after(() => upkeep.stop())
  await promised.promise
  arm.clock.advance(8 * DAY_MS)
  const asked = upkeep.round()
  await Promise.race([asked, systemClock.sleep(150)])
  goOn.resolve()
  await made.promise
  await asked
  await upkeep.stop()
  assert.deepEqual(await holds(arm), {})
  assert.equal(droppings, 2, 'once in each round')
})
