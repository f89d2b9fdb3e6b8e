import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { openRegions } from './open-regions.ts'
import { readAll, startTestRegions } from './test-regions.ts'

const MiB = 1024 * 1024

test('copies share the rate that is set, and none waits for the other to end', async () => {
  const { regions: unlimited, config, parts, remove } = await startTestRegions({ eastus: 1, westus2: 1, westeurope: 1 })
  await unlimited.close()
  const regions = await openRegions(config, { ...parts, replicationBytesPerSecond: 4 * MiB })
  const [one, two] = [randomBytes(2 * MiB), randomBytes(2 * MiB)]
  const first = await regions.ingest('eastus', bytesOf(one), 'one')
  const second = await regions.ingest('eastus', bytesOf(two), 'two')
  const startedMs = systemClock.now().getTime()
  const elapsed = async (work: Promise<unknown>) => {
    await work
    return systemClock.now().getTime() - startedMs
  }
  const [oneMs, twoMs] = await Promise.all([
    elapsed(regions.hold('westus2', first.manifest, 'one', 1)),
    elapsed(regions.hold('westeurope', second.manifest, 'two', 1)),
  ])
  assert.ok(Math.max(oneMs, twoMs) > 900, `4 MiB at 4 MiB/s took ${Math.max(oneMs, twoMs)} ms`)
  assert.ok(
    Math.min(oneMs, twoMs) > 600,
    `one copy was done after ${Math.min(oneMs, twoMs)} ms: the other one had waited`,
  )
  assert.ok((await readAll(regions, 'westus2', first.manifest)).equals(one))
  await regions.close()
  await remove()
})
