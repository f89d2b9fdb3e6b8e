import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { nodeFiles } from '#foundation/files.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { adoptEmptyStore, openKnownStores } from './known-stores.ts'
import { openRegions } from './open-regions.ts'
import { RegionUnreachable } from './regions.ts'
import { readAll, startTestRegions } from './test-regions.ts'

const image = Buffer.alloc(300_000, 'an image of a disk ')

/** Regions that were used, closed, and known to a file; `start` opens them as the next process would. */
const usedRegions = async () => {
  const first = await startTestRegions({ eastus: 1, westus2: 1 })
  const { folder, config, parts, folderOf } = first
  await first.regions.close()
  const file = path.join(folder, 'stores.json')
  const start = async () => openRegions(config, { ...parts, known: await openKnownStores(nodeFiles, file) })
  const regions = await start()
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'v1')
  await regions.hold('westus2', manifest, 'v1', 1)
  await regions.close()
  const adopt = async (url: string) => adoptEmptyStore(await openKnownStores(nodeFiles, file), nodeFiles, url)
  const remove = () => fs.rm(folder, { recursive: true, force: true })
  return { folder: folderOf('eastus', 0), other: folderOf('westus2', 0), config, start, adopt, manifest, remove }
}

test('a folder that comes back empty is a lost store, not a new one', async () => {
  const { folder, config, start, adopt, manifest, remove } = await usedRegions()
  const [url = ''] = config[0]?.stores ?? []
  await fs.rename(folder, `${folder}-unmounted`)
  await fs.mkdir(folder)
  const regions = await start()
  await assert.rejects(regions.ingest('eastus', bytesOf(image), 'v2'), RegionUnreachable)
  await assert.rejects(regions.hold('eastus', manifest, 'v1', 1), RegionUnreachable)
  const [health] = await regions.health('eastus')
  assert.equal(health?.state, 'missing')
  assert.match(health?.problem ?? '', /held the store .*Is the right disk mounted there\?/)
  assert.deepEqual(await fs.readdir(folder), [], 'nothing was made in the empty folder')
  assert.ok((await readAll(regions, 'westus2', manifest)).equals(image), 'the other region works on')

  await fs.rmdir(folder)
  await fs.rename(`${folder}-unmounted`, folder)
  assert.ok((await readAll(regions, 'eastus', manifest)).equals(image), 'the disk is back, without a restart')
  await regions.close()

  assert.equal(await adopt(url), false, 'a store that is there is not given up')
  await fs.rm(folder, { recursive: true })
  assert.equal(await adopt(url), true)
  const again = await start()
  assert.equal(
    (await again.hold('eastus', manifest, 'v1', 1)).copies,
    1,
    'the new disk is filled from the other region',
  )
  await again.close()
  await fs.rm(folder, { recursive: true })
  const last = await start()
  await assert.rejects(last.stats('eastus'), RegionUnreachable, 'the new store is known in its turn')
  await last.close()
  await remove()
})

test('two disks that changed places are both left alone', async () => {
  const { folder, other, start, manifest, remove } = await usedRegions()
  const swap = async () => {
    await fs.rename(folder, `${folder}-x`)
    await fs.rename(other, folder)
    await fs.rename(`${folder}-x`, other)
  }
  await swap()
  const regions = await start()
  for (const region of ['eastus', 'westus2']) {
    await assert.rejects(
      regions.release(region, 'v1').then(() => readAll(regions, region, manifest)),
      RegionUnreachable,
    )
    assert.match((await regions.health(region))[0]?.problem ?? '', /is there now/)
  }
  await swap()
  for (const region of ['eastus', 'westus2']) assert.ok((await readAll(regions, region, manifest)).equals(image))
  await regions.close()
  await remove()
})

test('a disk that is taken away and changed for another under an open store is noticed', async () => {
  const { folder, other, start, manifest, remove } = await usedRegions()
  const regions = await start()
  await readAll(regions, 'eastus', manifest)
  await fs.rename(folder, `${folder}-away`)
  await fs.mkdir(folder)
  await assert.rejects(regions.ingest('eastus', bytesOf(Buffer.from(image).fill(1)), 'v2'), RegionUnreachable)
  await assert.rejects(regions.collect('eastus'), RegionUnreachable)
  await fs.rmdir(folder)
  await fs.cp(other, folder, { recursive: true })
  await assert.rejects(readAll(regions, 'eastus', manifest), RegionUnreachable)
  await fs.rm(folder, { recursive: true })
  await fs.rename(`${folder}-away`, folder)
  assert.ok((await readAll(regions, 'eastus', manifest)).equals(image))
  assert.equal((await regions.ingest('eastus', bytesOf(image), 'v2')).manifest, manifest)
  await regions.close()
  await remove()
})
