import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { damage, readAll, startTestRegions } from '#data-plane/replication/test-regions.ts'
import { FakeClock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { startScrub } from './scrub-stores.ts'

const MINUTE_MS = 60_000

test('stores are read through at the rate that is set, and healed, without anybody asking', async () => {
  const { regions, folderOf, remove } = await startTestRegions({ eastus: 1, westus2: 1 })
  const image = randomBytes(3 * 1024 * 1024)
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'v1')
  await regions.hold('westus2', manifest, 'v1', 1)
  for (const region of regions.names) await regions.collect(region) // ends the packs
  await damage(folderOf('eastus', 0))
  const clock = new FakeClock()
  const parts = { regions, clock, log: silentLog, intervalMs: 86_400_000, bytesPerSecond: 1024 * 1024 }
  const scrub = startScrub(parts)
  const isOver = async () => (await regions.health('westus2'))[0]?.scrub?.finishedAt !== undefined
  clock.advance(MINUTE_MS)
  const startedMs = clock.now().getTime()
  for (let turn = 0; turn < 500 && !(await isOver()); turn++) {
    await systemClock.sleep(5)
    clock.advance(200)
  }
  const elapsedMs = clock.now().getTime() - startedMs
  assert.ok(elapsedMs > 2500, `reading 3 MiB at 1 MiB/s took ${elapsedMs} ms`)
  const [health] = await regions.health('eastus')
  assert.ok((health?.scrub?.corrupt ?? 0) > 0)
  assert.equal(health?.scrub?.healed, health?.scrub?.corrupt)
  assert.equal(health?.repairs?.count, health?.scrub?.healed)
  await scrub.stop()
  await regions.release('westus2', 'v1')
  await regions.collect('westus2')
  assert.ok((await readAll(regions, 'eastus', manifest)).equals(image), 'whole again, with nobody left to heal it')
  await remove()
})

test('a stop does not wait for the pace', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1 })
  await regions.ingest('eastus', bytesOf(randomBytes(1024 * 1024)), 'v1')
  await regions.collect('eastus')
  const clock = new FakeClock()
  const scrub = startScrub({ regions, clock, log: silentLog, intervalMs: 1, bytesPerSecond: 1 })
  clock.advance(MINUTE_MS)
  await systemClock.sleep(100)
  await scrub.stop()
  assert.equal((await regions.health('eastus'))[0]?.scrub, undefined)
  await remove()
})
