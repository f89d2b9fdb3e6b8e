import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import { ChunkCorrupt, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import type { Network } from './network.ts'
import { openRegions } from './open-regions.ts'
import { RegionUnreachable } from './regions.ts'
import { damage, readAll, startTestRegions } from './test-regions.ts'

const image = randomBytes(3 * 1024 * 1024)

test('a region holds copies on as many stores as asked for, never more than it has', async () => {
  const { regions, folderOf, parts, remove } = await startTestRegions({ eastus: 1, westus2: 3 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  const seen: [number, number][] = []
  const held = await regions.hold('westus2', manifest, 'v1', 2, {
    onProgress: (done, total) => seen.push([done, total]),
  })
  assert.equal(held.copies, 2)
  assert.equal(held.newBytes, 2 * image.length)
  assert.ok(held.sentBytes >= 2 * image.length)
  assert.deepEqual(seen.at(-1), [2 * image.length, 2 * image.length])
  assert.ok(
    seen.every(([done], i) => i === 0 || done >= (seen[i - 1]?.[0] ?? 0)),
    'progress never goes back',
  )
  assert.deepEqual(await regions.hold('westus2', manifest, 'v1', 2), { copies: 2, newBytes: 0, sentBytes: 0 })
  assert.equal((await regions.hold('westus2', manifest, 'v1', 5)).copies, 3)
  assert.ok((await readAll(regions, 'westus2', manifest)).equals(image))

  assert.equal((await regions.hold('westus2', manifest, 'v1', 1)).copies, 1)
  const names = []
  for await (const hold of regions.holds('westus2')) names.push(hold)
  assert.deepEqual(names, [{ name: 'v1', manifest }])
  await regions.close()
  const holding = []
  for (const number of [0, 1, 2]) {
    const store = await openStore(folderOf('westus2', number), parts)
    holding.push(await store.held('v1'))
    await store.close()
  }
  assert.equal(holding.filter(Boolean).length, 1, 'the surplus was dropped')
  await remove()
})

test('what a hold no longer reaches is freed, what it reaches is not', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 2 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await regions.hold('eastus', manifest, 'v1', 2)
  await regions.release('eastus', 'source')
  await regions.release('eastus', 'never held')
  assert.equal((await regions.collect('eastus')).chunks, 0)
  await regions.release('eastus', 'v1')
  assert.ok((await regions.planCollection('eastus')).chunks > 0)
  assert.ok((await regions.collect('eastus')).freedBytes >= 2 * image.length)
  await assert.rejects(regions.open('eastus', manifest), ManifestMissing)
  await assert.rejects(regions.hold('eastus', manifest, 'v2', 1), ManifestMissing)
  await remove()
})

test('ranges and pieces become manifests without copying', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 2 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  const slice = await regions.slice('eastus', manifest, 4096, 1024 * 1024, 'slice')
  assert.ok((await readAll(regions, 'eastus', slice.manifest)).equals(image.subarray(4096, 4096 + 1024 * 1024)))
  const pieces = [
    { manifest, offset: 8192, length: 4096 },
    { hole: true as const, length: 4096 },
    { manifest, offset: 0, length: 4096 },
  ]
  const composed = await regions.compose('eastus', pieces, 'composed')
  const wanted = Buffer.concat([image.subarray(8192, 12288), Buffer.alloc(4096), image.subarray(0, 4096)])
  assert.ok((await readAll(regions, 'eastus', composed.manifest)).equals(wanted))
  await remove()
})

test('damaged chunks are healed from another store, wherever it is', async () => {
  const { regions, folderOf, config, parts, remove } = await startTestRegions({ eastus: 1, westus2: 1 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await regions.hold('westus2', manifest, 'v1', 1)
  await regions.close()
  await damage(folderOf('westus2', 0))
  const again = await openRegions(config, parts)
  assert.ok((await readAll(again, 'westus2', manifest)).equals(image))
  const report = await again.verify('westus2', manifest)
  assert.deepEqual([report.corrupt, report.missing], [[], []])
  await again.close()
  await remove()
})

test('a chunk that is damaged everywhere is refused, also when all stores are read at once', async () => {
  const { regions, folderOf, config, parts, remove } = await startTestRegions({ eastus: 2, westus2: 2 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  for (const region of ['eastus', 'westus2']) await regions.hold(region, manifest, 'v1', 2)
  await regions.close()
  for (const region of ['eastus', 'westus2']) for (const number of [0, 1]) await damage(folderOf(region, number))
  const again = await openRegions(config, parts)
  const reads = ['eastus', 'westus2', 'eastus', 'westus2'].map(region => readAll(again, region, manifest))
  const outcomes = await Promise.allSettled(reads)
  assert.deepEqual(
    outcomes.map(outcome => outcome.status),
    ['rejected', 'rejected', 'rejected', 'rejected'],
  )
  await again.close()
  await remove()
})

test('what a region knows as damaged is promised there once more only with good bytes from elsewhere', async () => {
  const { regions, folderOf, config, parts, remove } = await startTestRegions({ eastus: 1, westus2: 1 })
  const { manifest } = await regions.ingest('westus2', bytesOf(image), 'v1')
  await regions.close()
  await damage(folderOf('westus2', 0))
  const again = await openRegions(config, parts)
  assert.ok((await again.verify('westus2')).corrupt.length > 0)
  await assert.rejects(again.hold('westus2', manifest, 'v2', 1), ChunkCorrupt)
  assert.ok((await again.stats('westus2'))[0]!.damaged > 0)
  await again.ingest('eastus', bytesOf(image), 'v1')
  await again.hold('westus2', manifest, 'v2', 1)
  await again.close()
  const alone = await openRegions(config.slice(1), parts)
  assert.ok((await readAll(alone, 'westus2', manifest)).equals(image))
  assert.equal((await alone.stats('westus2'))[0]!.damaged, 0)
  await alone.close()
  await remove()
})

test('an upload is not begun anew while the store that may have it is away', async () => {
  const { regions, folderOf, remove } = await startTestRegions({ eastus: 2 })
  const [here, away] = [folderOf('eastus', 0), `${folderOf('eastus', 0)}-away`]
  const page = randomBytes(4096)
  await (await regions.draft('eastus', 'upload', 8192)).write(0, page)
  await fs.rename(here, away)
  await assert.rejects(regions.findDraft('eastus', 'upload'), RegionUnreachable)
  await assert.rejects(regions.draft('eastus', 'upload', 8192), RegionUnreachable)
  const fresh = await regions.draft('eastus', 'fresh', 8192, true)
  await fresh.write(0, page)
  await fs.rename(away, here)
  for (const id of ['upload', 'fresh']) {
    const draft = await regions.draft('eastus', id, 8192)
    const whole = Buffer.alloc(8192)
    await draft.bytes().read(0, whole)
    assert.ok(whole.subarray(0, 4096).equals(page), id)
    await draft.discard()
  }
  await remove()
})

test('of an upload that was begun in two stores the one that was written to counts', async () => {
  const { regions, folderOf, remove } = await startTestRegions({ eastus: 2 })
  const [here, away] = [folderOf('eastus', 0), `${folderOf('eastus', 0)}-away`]
  const page = randomBytes(4096)
  await regions.draft('eastus', 'upload', 4096, true)
  await fs.rename(here, away)
  await (await regions.draft('eastus', 'upload', 4096, true)).write(0, page)
  await fs.rename(away, here)
  const draft = (await regions.findDraft('eastus', 'upload'))!
  const whole = Buffer.alloc(4096)
  await draft.bytes().read(0, whole)
  assert.ok(whole.equals(page))
  await draft.discard()
  assert.equal(await regions.findDraft('eastus', 'upload'), undefined, 'the other one is gone too')
  await remove()
})

test('a store that vanishes takes down its region only, and a neighbour with a copy stands in', async () => {
  const { regions, folderOf, remove } = await startTestRegions({ eastus: 2, westus2: 1, westeurope: 1 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await regions.hold('eastus', manifest, 'v1', 2)
  await regions.hold('westus2', manifest, 'v1', 1)
  await fs.rm(folderOf('westus2', 0), { recursive: true })
  await assert.rejects(regions.hold('westus2', manifest, 'v2', 1), RegionUnreachable)
  await assert.rejects(readAll(regions, 'westus2', manifest), RegionUnreachable)
  await assert.rejects(regions.ingest('westus2', bytesOf(image), 'x'), { region: 'westus2' })
  await regions.release('westus2', 'v1')

  await fs.rm(folderOf('eastus', 0), { recursive: true })
  assert.ok((await readAll(regions, 'eastus', manifest)).equals(image))
  assert.equal((await regions.hold('westeurope', manifest, 'v1', 1)).copies, 1)
  await assert.rejects(regions.hold('eastus', manifest, 'v1', 2), RegionUnreachable, 'one of two copies is gone')
  assert.equal((await regions.hold('eastus', manifest, 'v1', 1)).copies, 1)
  assert.equal((await regions.stats('eastus')).length, 1)
  await assert.rejects(regions.verify('eastus'), RegionUnreachable)
  await remove()
})

test('a version that is written out by a store that vanishes is written out by the next one', async () => {
  const { regions, folderOf, remove } = await startTestRegions({ eastus: 2 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await regions.hold('eastus', manifest, 'v1', 2)
  const bytes = await regions.open('eastus', manifest)
  const written = Buffer.alloc(bytes.sizeBytes)
  const write = async (part: Uint8Array, position: number) => void written.set(part, position)
  await bytes.writeTo?.({ write })
  assert.ok(written.equals(image))
  written.fill(0)
  await fs.rm(folderOf('eastus', 0), { recursive: true })
  await bytes.writeTo?.({ write })
  assert.ok(written.equals(image))
  await fs.rm(folderOf('eastus', 1), { recursive: true })
  await assert.rejects(async () => await bytes.writeTo?.({ write }), RegionUnreachable)
  await bytes.close()
  await remove()
})

test('two holds of one manifest fetch it once, and passing faults are tried again', async () => {
  let failures = 3
  const flaky: Files = {
    ...nodeFiles,
    async open(file, mode) {
      if (mode === 'create' && file.includes('westus2') && file.includes('packs') && failures-- > 0)
        throw Object.assign(new Error('busy'), { code: 'EBUSY' })
      return await nodeFiles.open(file, mode)
    },
  }
  const { regions, remove } = await startTestRegions({ eastus: 1, westus2: 1 }, flaky)
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  const [one, two] = await Promise.all([
    regions.hold('westus2', manifest, 'v1', 1),
    regions.hold('westus2', manifest, 'v2', 1),
  ])
  assert.ok(failures <= 0)
  assert.equal(Math.min(one.newBytes, two.newBytes), 0)
  assert.ok((await readAll(regions, 'westus2', manifest)).equals(image))
  await remove()
})

test('a hold can be stopped, and leaves nothing held', async () => {
  const { regions, remove } = await startTestRegions({ eastus: 1, westus2: 1 })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  const stop = new AbortController()
  stop.abort(new Error('stopped'))
  await assert.rejects(regions.hold('westus2', manifest, 'v1', 1, { signal: stop.signal }), /stopped/)
  for await (const hold of regions.holds('westus2')) assert.fail(hold.name)
  await remove()
})

test('unknown regions, foreign URLs and one folder for two stores are refused', async () => {
  const { regions, config, parts, remove } = await startTestRegions({ eastus: 1 })
  assert.throws(() => regions.storeCount('nowhere'), RegionUnreachable)
  await assert.rejects(regions.open('nowhere', '' as ManifestId), RegionUnreachable)
  await regions.close()
  await assert.rejects(openRegions([{ name: 'eastus', stores: ['https://example.com/store'] }], parts), TypeError)
  const [first] = config
  assert.ok(first)
  const twin = { name: 'westus2', stores: first.stores }
  await assert.rejects(openRegions([first, twin], { ...parts, workers: hashInThread() }), /same store/)
  await remove()
})

test('of the regions that have an image, the one that gives to the fewest others is asked', async () => {
  const names = ['eastus', 'westus2', 'westeurope', 'northeurope', 'uksouth']
  const made = await startTestRegions(Object.fromEntries(names.map(name => [name, 1])))
  const asked: string[] = []
  const network: Network = (source, from, to) => {
    asked.push(`${to.region} asks ${from.region}`)
    return source
  }
  await made.regions.close()
  const regions = await openRegions(made.config, { ...made.parts, network })
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await regions.hold('westus2', manifest, 'v1', 1)
  await Promise.all(names.slice(2, 4).map(name => regions.hold(name, manifest, 'v1', 1)))
  assert.equal(asked[0], 'westus2 asks eastus')
  assert.deepEqual(
    asked
      .slice(1)
      .map(each => each.split(' asks ')[1])
      .sort(),
    ['eastus', 'westus2'],
  )
  await regions.close()
  await made.remove()
})
