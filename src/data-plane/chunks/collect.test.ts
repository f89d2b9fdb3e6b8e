import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { ChunkCorrupt, type Heal } from './chunk-store.ts'
import { contentOf, flip, gated, ingestBytes, noise, only, sparse, temporaryStore } from './temporary-store.ts'

test('what nothing holds is freed, what something holds is not', async t => {
  const made = await temporaryStore(t)
  const shared = noise(1, 400_000)
  const [a, b] = [Buffer.concat([shared, noise(2, 600_000)]), Buffer.concat([shared, noise(3, 200_000)])]
  await ingestBytes(made.store, a, 'a')
  const { manifest } = await ingestBytes(made.store, b, 'b')
  assert.deepEqual(await made.store.collect(), { manifests: 0, chunks: 0, freedBytes: 0, sharedBytes: 0 })
  await made.store.release('a')
  const plan = await made.store.planCollection()
  assert.equal(plan.manifests, 1)
  assert.ok(plan.freedBytes > 500_000 && plan.chunks > 5)
  assert.deepEqual(await made.store.collect(), plan)
  const { storedBytes } = await made.store.stats()
  assert.ok(storedBytes < 660_000, `${storedBytes} bytes are left of 1.2 million`)
  for (const open of [async () => made.store, made.reopen]) {
    const store = await open()
    assert.ok((await contentOf(store, manifest)).equals(b))
    const { corrupt, missing } = await store.verify()
    assert.deepEqual([corrupt, missing], [[], []])
  }
  await made.store.release('b')
  await made.store.collect()
  assert.deepEqual(await made.store.stats(), {
    chunks: 0,
    packs: 0,
    storedBytes: 0,
    sharedBytes: 0,
    manifests: 0,
    damaged: 0,
  })
  assert.deepEqual(await fs.readdir(path.join(made.folder, 'packs')), [])
  assert.deepEqual(await fs.readdir(path.join(made.folder, 'index')), [])
})

test('a collection reads what came and what goes, however much stays', async t => {
  let reads = 0
  const files = gated('read', '', async () => void reads++)
  const made = await temporaryStore(t, { files })
  const images = Array.from({ length: 12 }, (_, i) => noise(200 + i, 20_000))
  for (const [i, image] of images.entries()) await ingestBytes(made.store, image, `image ${i}`)
  const readsOf = async (work: () => Promise<unknown>) => {
    const before = reads
    await work()
    return reads - before
  }
  await made.reopen()
  const { store } = made
  assert.ok((await readsOf(() => store.collect())) >= images.length, 'the first one reads all roots')
  assert.equal(await readsOf(() => store.collect()), 0)
  await ingestBytes(store, noise(300, 20_000), 'another')
  assert.ok((await readsOf(() => store.collect())) <= 2, 'a root and a page')
  for (const i of [0, 1, 2, 3, 4, 5, 6, 7]) await store.release(`image ${i}`)
  await store.release('another')
  const plan = await store.planCollection()
  assert.equal(plan.manifests, 9)
  assert.deepEqual(await store.collect(), plan)
  for (const i of [8, 9, 10, 11]) {
    const manifest = (await store.held(`image ${i}`))!
    assert.ok((await contentOf(store, manifest)).equals(images[i]!))
  }
})

test('a manifest that is held again after a collection was planned without it is kept', async t => {
  const { store } = await temporaryStore(t)
  const image = noise(11, 300_000)
  const { manifest } = await ingestBytes(store, image, 'a')
  await ingestBytes(store, Buffer.concat([image, noise(12, 40_000)]), 'b')
  await store.collect()
  await store.release('a')
  assert.equal((await store.planCollection()).manifests, 1)
  await store.hold('c', manifest)
  assert.equal((await store.collect()).manifests, 0)
  await store.release('b')
  await store.collect()
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.deepEqual((await store.verify()).missing, [])
})

test('a page that two images share is needed until both are gone', async t => {
  const { store } = await temporaryStore(t)
  const page = 40 * 2 ** 20 // more than a page of a manifest describes
  const image = (tail: number) =>
    sparse(page + 20_000, [
      { offset: 0, bytes: noise(20, 200_000) },
      { offset: page, bytes: noise(tail, 20_000) },
    ])
  const { manifest } = await store.ingest(image(21), 'a')
  await store.ingest(image(22), 'b')
  await store.collect()
  await store.release('b')
  assert.ok((await store.collect()).manifests === 1)
  const { corrupt, missing } = await store.verify(manifest)
  assert.deepEqual([corrupt, missing], [[], []])
  await store.release('a')
  await store.collect()
  assert.equal((await store.stats()).chunks, 0)
})

test('a chunk that was lost, and healed after a collection had missed it, is kept', async t => {
  const peer = await temporaryStore(t)
  let isThere = true
  const heal: Heal = async id => {
    for await (const chunk of peer.store.chunks([id])) return isThere ? chunk : undefined
    return undefined
  }
  const made = await temporaryStore(t, { heal })
  const image = noise(23, 200_000)
  const longer = Buffer.concat([image, noise(24, 50_000)])
  await ingestBytes(peer.store, longer, 'a')
  await ingestBytes(made.store, image, 'going')
  const [pack = ''] = await fs.readdir(path.join(made.folder, 'packs'))
  await made.reopen()
  const { manifest } = await ingestBytes(made.store, longer, 'a')
  await made.store.release('going')
  await made.store.close()
  await fs.rm(path.join(made.folder, 'packs', pack))
  await made.reopen()
  await made.store.collect()
  assert.ok((await contentOf(made.store, manifest)).equals(longer))
  isThere = false
  await made.store.collect()
  await made.store.collect()
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(longer))
})

test('an open reader keeps what it reads, and no longer', async t => {
  const { store } = await temporaryStore(t)
  const image = noise(4, 500_000)
  const bytes = await store.open((await ingestBytes(store, image, 'a')).manifest)
  await store.release('a')
  assert.equal((await store.collect()).chunks, 0)
  const target = Buffer.alloc(image.length)
  await bytes.read(0, target)
  assert.ok(target.equals(image))
  await bytes.close()
  assert.ok((await store.collect()).chunks > 0)
})

test('drafts keep what they consist of, also across a restart', async t => {
  const made = await temporaryStore(t)
  const image = noise(5, 300_000)
  await (await made.store.draft('d', image.length)).write(0, image)
  for (const open of [async () => made.store, made.reopen]) {
    const store = await open()
    await store.collect()
    const target = Buffer.alloc(image.length)
    await (await store.findDraft('d'))!.bytes().read(0, target)
    assert.ok(target.equals(image))
  }
  await (await made.store.findDraft('d'))!.discard()
  await made.store.collect()
  assert.equal((await made.store.stats()).chunks, 0)
})

test('many small packs become few', async t => {
  const made = await temporaryStore(t)
  for (let i = 0; i < 20; i++) {
    await ingestBytes(made.store, noise(100 + i, 20_000), `small ${i}`)
    await made.reopen()
  }
  assert.equal((await made.store.stats()).packs, 20)
  await made.store.collect()
  assert.equal((await made.store.stats()).packs, 1)
  assert.deepEqual((await made.store.verify()).corrupt, [])
  assert.deepEqual((await (await made.reopen()).verify()).missing, [])
})

test('a write that finds its bytes in the store just before they are freed keeps them', async t => {
  let isWatched = false
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const files = gated('read', '.pack', async () => {
    if (!isWatched) return
    reached.resolve()
    await opened.promise
  })
  const made = await temporaryStore(t, { files })
  const image = noise(6, 300_000)
  await ingestBytes(made.store, image, 'going')
  await ingestBytes(made.store, noise(7, 100_000), 'staying')
  const draft = await made.store.draft('d', image.length)
  await made.store.release('going')
  await made.reopen() // nothing decoded is in memory: the collection has to read
  isWatched = true
  const collection = made.store.collect()
  await reached.promise
  const again = (await made.store.findDraft('d'))!
  assert.equal(again.sizeBytes, draft.sizeBytes)
  await again.write(0, image)
  isWatched = false
  opened.resolve()
  await collection
  const target = Buffer.alloc(image.length)
  await again.bytes().read(0, target)
  assert.ok(target.equals(image))
})

test('what a publish counts on is kept, however late its manifest comes', async t => {
  let isWatched = false
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const files = gated('sync', '.new', async () => {
    if (!isWatched) return
    isWatched = false
    reached.resolve()
    await opened.promise
  })
  const { store } = await temporaryStore(t, { files })
  const image = noise(9, 400_000)
  await ingestBytes(store, image, 'going')
  await store.release('going')
  isWatched = true
  const longer = Buffer.concat([image, noise(10, 4096)])
  const publishing = ingestBytes(store, longer, 'coming')
  await reached.promise
  const collection = store.collect() // it gives its verdict now, and removes manifests only after this one is written
  await systemClock.sleep(200)
  opened.resolve()
  await collection
  assert.ok((await contentOf(store, (await publishing).manifest)).equals(longer))
})

test('work that counts on chunks of another one that the disk then loses is not acknowledged', async t => {
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isBroken = true
  const files = gated('sync', '.pack', async () => {
    if (!isBroken) return
    reached.resolve()
    await opened.promise
    isBroken = false
    throw Object.assign(new Error('the disk lost it'), { code: 'EIO' })
  })
  const { store } = await temporaryStore(t, { files })
  const image = noise(8, 300_000)
  const first = ingestBytes(store, image, 'first')
  const firstFails = assert.rejects(first, /the disk lost it/)
  await reached.promise
  const draft = store.draft('d', image.length)
  const second = (await draft).write(0, image) // finds all of its chunks, and has nothing to store itself
  const secondFails = assert.rejects(second, /the disk lost it/)
  await new Promise(resolve => setImmediate(resolve))
  opened.resolve()
  await Promise.all([firstFails, secondFails])
  const { manifest } = await ingestBytes(store, image, 'third')
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.deepEqual((await store.verify()).missing, [])
})

test('what is damaged in a pack that can not be removed is told, and not counted on', async t => {
  let isBroken = false
  const files: Files = {
    ...nodeFiles,
    async remove(file) {
      if (isBroken && file.endsWith('.pack')) throw Object.assign(new Error('the disk failed'), { code: 'EIO' })
      await nodeFiles.remove(file)
    },
  }
  const made = await temporaryStore(t, { files })
  const image = noise(13, 300_000)
  await ingestBytes(made.store, image, 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 100_000)
  const store = await made.reopen()
  const { corrupt } = await store.verify()
  assert.equal(corrupt.length, 1)
  await store.release('a')
  isBroken = true
  await assert.rejects(store.collect(), /the disk failed/)
  isBroken = false
  assert.deepEqual((await store.verify()).corrupt, corrupt)
  for (const open of [async () => made.store, made.reopen]) {
    const { manifest } = await ingestBytes(await open(), image, 'b')
    assert.ok((await contentOf(made.store, manifest)).equals(image))
  }
  await made.store.collect()
  assert.ok((await fs.readdir(made.folder)).includes('damaged.log'), 'its pack is there')
  await made.store.release('b')
  await made.store.collect()
  assert.equal((await fs.readdir(made.folder)).includes('damaged.log'), false, 'its pack is gone')
})

/** A collection of a pack in which something damaged is needed, and lies beside garbage. */
const collectDamaged = async (t: TestContext, image: Buffer, garbageBytes: number, at: number) => {
  const made = await temporaryStore(t)
  const { manifest } = await ingestBytes(made.store, image, 'kept')
  await ingestBytes(made.store, noise(15, garbageBytes), 'going')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), at)
  const store = await made.reopen()
  await store.release('going')
  await store.collect()
  return { made, store, manifest }
}

test('what a collection finds damaged is not counted on', async t => {
  const image = noise(14, 300_000)
  const { store, manifest } = await collectDamaged(t, image, 600_000, 100_000)
  assert.equal((await store.stats()).damaged, 1)
  await assert.rejects(store.hold('another', manifest), ChunkCorrupt)
  assert.ok((await ingestBytes(store, image, 'again')).newBytes > 0)
  await store.hold('another', manifest)
  assert.ok((await contentOf(store, manifest)).equals(image))
})

test('damage that nobody needs any more goes with its pack, however much lives in that', async t => {
  const made = await temporaryStore(t)
  const image = noise(16, 900_000)
  await ingestBytes(made.store, noise(17, 100_000), 'going')
  const { manifest } = await ingestBytes(made.store, image, 'kept')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 50_000)
  const store = await made.reopen()
  assert.equal((await store.verify()).corrupt.length, 1)
  await store.release('going')
  await store.collect()
  assert.deepEqual((await store.verify()).corrupt, [])
  assert.equal((await store.stats()).damaged, 0)
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(image))
})

test('of a pack with damage that is needed all else is moved once, and it stays for that alone', async t => {
  const image = noise(18, 12_000_000)
  const { made, store, manifest } = await collectDamaged(t, image, 12_000_000, 11_900_000)
  const { damaged, storedBytes } = await store.stats()
  assert.equal(damaged, 1)
  for (let i = 0; i < 3; i++) await store.collect()
  assert.equal((await store.stats()).storedBytes, storedBytes, 'nothing is moved again')
  await ingestBytes(store, image, 'again')
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(image))
})
