import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ChunkId, ChunkSource } from '#data-plane/chunks/chunk-store.ts'
import { FakeClock, systemClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { limitedNetwork } from './limited-network.ts'
import { noDistance } from './network.ts'
import { openRegions } from './open-regions.ts'
import type { StoreSlot } from './store-slot.ts'
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

test('regions get equal shares of the rate, however many copies and how large chunks each has', async () => {
  const clock = new FakeClock()
  const network = limitedNetwork(1_000_000, clock, noDistance)
  const got: Record<string, number> = {}
  const endless = (sizeBytes: number): ChunkSource => ({
    manifestRoot: async () => Buffer.alloc(0),
    async *chunks() {
      for (;;) yield { id: '' as ChunkId, encoding: 'raw', sizeBytes, stored: Buffer.alloc(sizeBytes) }
    },
  })
  let isOver = false
  const receive = async (region: string, sizeBytes: number) => {
    const slot = { region } as StoreSlot
    for await (const { stored } of network(endless(sizeBytes), slot, slot).chunks([])) {
      if (isOver) return
      got[region] = (got[region] ?? 0) + stored.length
    }
  }
  const passed = async (seconds: number) => {
    for (let ms = 0; ms < seconds * 1000; ms += 2) {
      clock.advance(2)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  const running = [receive('east', 10_000), receive('east', 10_000), receive('west', 2000)]
  await passed(3)
  const first = { ...got }
  for (const region of ['east', 'west'])
    assert.ok(Math.abs((first[region] ?? 0) - 1_500_000) < 60_000, JSON.stringify(first))
  running.push(receive('north', 5000))
  await passed(3)
  for (const region of ['east', 'west', 'north'])
    assert.ok(Math.abs((got[region] ?? 0) - (first[region] ?? 0) - 1_000_000) < 60_000, JSON.stringify(got))
  isOver = true
  await passed(0.1)
  await Promise.all(running)
})
