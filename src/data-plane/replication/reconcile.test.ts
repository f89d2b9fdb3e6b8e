import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { type HoldPromise, reconcile } from './reconcile.ts'
import { readAll, startTestRegions } from './test-regions.ts'

const image = Buffer.alloc(100_000, 7)

async function* promised(...promises: HoldPromise[]) {
  yield* promises
}

test('orphans are released, missing copies are made again, and what others own is left alone', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1, westus2: 2 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'mine/kept')
  await regions.hold('eastus', manifest, 'mine/orphan', 1)
  await regions.hold('eastus', manifest, 'theirs/other', 1)
  const lost = 'f'.repeat(64) as ManifestId
  const report = await reconcile(
    regions,
    promised(
      { hold: 'mine/kept', region: 'eastus', manifest, copies: 1 },
      { hold: 'mine/kept', region: 'westus2', manifest, copies: 2 },
      { hold: 'mine/lost', region: 'westus2', manifest: lost, copies: 1 },
    ),
    hold => hold.startsWith('mine/'),
    silentLog,
  )
  assert.equal(report.released, 1)
  assert.equal(report.kept, 2)
  assert.deepEqual(
    report.failed.map(({ hold, region }) => [hold, region]),
    [['mine/lost', 'westus2']],
  )
  const names = []
  for await (const { name } of regions.holds('eastus')) names.push(name)
  assert.deepEqual(names.toSorted(), ['mine/kept', 'theirs/other'])
  assert.ok((await readAll(regions, 'westus2', manifest)).equals(image))
  await remove()
})

test('a hold that is made and promised while promises are read is no orphan', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1 })
  async function* late(): AsyncIterable<HoldPromise> {
    const { manifest } = await regions.ingest('eastus', bytesOf(image), 'mine/late')
    yield { hold: 'mine/other', region: 'eastus', manifest, copies: 1 }
  }
  const report = await reconcile(regions, late(), () => true, silentLog)
  assert.deepEqual(report, { released: 0, kept: 1, failed: [] })
  const names = []
  for await (const { name } of regions.holds('eastus')) names.push(name)
  assert.deepEqual(names.toSorted(), ['mine/late', 'mine/other'])
  await remove()
})

test('what becomes promised while a lost copy is made good is no orphan', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'mine/slow')
  await regions.hold('eastus', manifest, 'mine/moving', 1)
  await regions.hold('eastus', manifest, 'mine/again', 1)
  let place: 'before' | 'behind' = 'behind'
  async function* moving(): AsyncIterable<HoldPromise> {
    if (place === 'before') yield { hold: 'mine/moving', region: 'eastus', manifest, copies: 1 }
    yield { hold: 'mine/slow', region: 'eastus', manifest, copies: 1 }
    if (place === 'behind') yield { hold: 'mine/moving', region: 'eastus', manifest, copies: 1 }
  }
  const hold: typeof regions.hold = async (...call) => {
    if (call[2] === 'mine/slow') {
      place = 'before'
      await regions.hold('eastus', manifest, 'mine/again', 1)
    }
    return regions.hold(...call)
  }
  await reconcile({ ...regions, hold }, moving(), () => true, silentLog)
  const names = []
  for await (const { name } of regions.holds('eastus')) names.push(name)
  assert.deepEqual(names.toSorted(), ['mine/again', 'mine/moving', 'mine/slow'])
  await remove()
})

test('a stop leaves the promises that were not looked at to the next time', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1, westus2: 1 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'mine/kept')
  const stopping = new AbortController()
  const hold: typeof regions.hold = async (...asked) => {
    const held = await regions.hold(...asked)
    stopping.abort()
    return held
  }
  const promises = promised(
    { hold: 'mine/kept', region: 'eastus', manifest, copies: 1 },
    { hold: 'mine/kept', region: 'westus2', manifest, copies: 1 },
  )
  const report = await reconcile({ ...regions, hold }, promises, () => true, silentLog, stopping.signal)
  assert.deepEqual(report, { released: 0, kept: 1, failed: [] })
  await remove()
})
