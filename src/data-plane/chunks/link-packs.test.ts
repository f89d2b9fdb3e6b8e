import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { nodeFiles } from '#foundation/files.ts'
import { ChunkCorrupt, type ChunkSource, type ChunkStore, type Heal } from './chunk-store.ts'
import { contentOf, ingestBytes, noise, temporaryStore } from './temporary-store.ts'

const image = noise(1, 6 * 1024 * 1024)

/** A source that counts what it has to send. */
const counted = (store: ChunkStore) => {
  const sent = { bytes: 0 }
  const source: ChunkSource = {
    manifestRoot: id => store.manifestRoot(id),
    packs: async ids => (await store.packs?.(ids)) ?? [],
    async *chunks(ids) {
      for await (const chunk of store.chunks(ids)) {
        sent.bytes += chunk.stored.length
        yield chunk
      }
    },
  }
  return { source, sent }
}

/** What another store gives back of a lost chunk. */
const healFrom =
  (store: ChunkStore): Heal =>
  async id => {
    for await (const chunk of store.chunks([id])) return chunk
    return undefined
  }

const packsOf = async (folder: string) =>
  (await fs.readdir(path.join(folder, 'packs'))).map(name => path.join(folder, 'packs', name))

const linkedStores = async (t: TestContext) => {
  const [first, second] = [await temporaryStore(t), await temporaryStore(t)]
  const { manifest } = await ingestBytes(first.store, image, 'v1')
  const { source, sent } = counted(first.store)
  const received = await second.store.receive(manifest, source, 'v1')
  const [file = ''] = await packsOf(first.folder)
  const shared: string[] = []
  for (const each of await packsOf(second.folder)) if ((await fs.stat(each)).nlink === 2) shared.push(each)
  return { first, second, manifest, sent, received, file, shared }
}

test('finished packs are linked, and only what is in none is sent', async t => {
  const { first, second, manifest, sent, received, shared } = await linkedStores(t)
  assert.equal(received.newBytes, image.length)
  assert.ok((received.linkedBytes ?? 0) >= image.length)
  assert.ok(sent.bytes < 10_000, `${sent.bytes} bytes of pages were sent`)
  assert.equal(shared.length, 1)
  assert.ok((await contentOf(second.store, manifest)).equals(image))

  await first.store.release('v1')
  await first.store.collect()
  assert.deepEqual(await packsOf(first.folder), [])
  assert.ok((await contentOf(await second.reopen(), manifest)).equals(image), 'the other name keeps the bytes')
})

test('where a link is refused, all is sent, and nothing is left of the attempt', async t => {
  const [first, second] = [
    await temporaryStore(t),
    await temporaryStore(t, {
      files: {
        ...nodeFiles,
        link: async () => Promise.reject(Object.assign(new Error('EXDEV'), { code: 'EXDEV' })),
      },
    }),
  ]
  const { manifest } = await ingestBytes(first.store, image, 'v1')
  const received = await second.store.receive(manifest, first.store, 'v1')
  assert.equal(received.linkedBytes, 0)
  assert.ok((await contentOf(second.store, manifest)).equals(image))
  assert.equal((await packsOf(second.folder)).length, 1)
})

test('a pack that is mostly of other images, and chunks that are here already, are not linked', async t => {
  const [first, second] = [await temporaryStore(t), await temporaryStore(t)]
  const small = await ingestBytes(first.store, noise(2, 2 * 1024 * 1024), 'small')
  await ingestBytes(first.store, image, 'v1')
  assert.equal((await second.store.receive(small.manifest, first.store, 'small')).linkedBytes, 0)
  const { manifest } = await ingestBytes(second.store, image, 'v1')
  assert.equal((await second.store.receive(manifest, first.store, 'v2')).linkedBytes, 0)
})

test('opening a store writes nothing into a file that another one has as well', async t => {
  const { second, manifest, file, shared } = await linkedStores(t)
  const before = await fs.readFile(file)
  const index = () => path.join(second.folder, 'index', path.basename(shared[0]!).replace('.pack', '.idx'))
  for (const damage of [() => fs.rm(index()), () => fs.truncate(index(), 300)]) {
    await second.store.close()
    await damage()
    await second.reopen()
    assert.ok((await contentOf(second.store, manifest)).equals(image))
    assert.ok((await fs.readFile(file)).equals(before))
  }
})

test('a chunk healed beside a linked pack stays healed', async t => {
  const third = await temporaryStore(t)
  const first = await temporaryStore(t)
  const second = await temporaryStore(t, { heal: healFrom(third.store) })
  const { manifest } = await ingestBytes(first.store, image, 'v1')
  await ingestBytes(third.store, image, 'v1')
  await ingestBytes(second.store, noise(9, 50_000), 'a pack that grows already')
  await second.store.receive(manifest, first.store, 'v1')
  const [file = ''] = await packsOf(first.folder)
  const open = await fs.open(file, 'r+')
  await open.write(Buffer.alloc(8), 0, 8, 1_000_000)
  await open.close()
  assert.equal((await second.store.verify()).healed.length, 1)
  await second.reopen()
  assert.deepEqual((await second.store.verify()).corrupt, [])
})

test('of a chunk in two linked packs the copy that is verified is the one that is read after the next opening', async t => {
  const sources = [await temporaryStore(t), await temporaryStore(t)]
  const [one, other] = sources.map(({ store }) => store) as [ChunkStore, ChunkStore]
  const { manifest } = await ingestBytes(one, image, 'v1')
  await ingestBytes(other, image, 'v1')
  const packs = async (ids: Uint8Array) => [...((await one.packs?.(ids)) ?? []), ...((await other.packs?.(ids)) ?? [])]
  const verdicts: number[] = []
  for (const { folder } of sources) {
    const target = await temporaryStore(t)
    await target.store.receive(manifest, { ...one, packs }, 'v1')
    const [file = ''] = await packsOf(folder)
    const whole = await fs.readFile(file)
    await flipBit(file)
    const { corrupt } = await target.store.verify()
    await target.reopen()
    assert.deepEqual((await target.store.verify()).corrupt, corrupt)
    verdicts.push(corrupt.length)
    await fs.writeFile(file, whole)
  }
  assert.deepEqual(verdicts.sort(), [0, 1], 'one of the packs stands for the chunks')
})

const flipBit = async (file: string): Promise<void> => {
  const bytes = await fs.readFile(file)
  bytes[2_000_000]! ^= 1
  await fs.writeFile(file, bytes)
}

for (const proof of ['sums', 'no sums'] as const)
  test(`an old pack with a flipped bit and ${proof} is never linked: its chunks come whole from a third store, or none do`, async t => {
    const whole = await temporaryStore(t)
    await ingestBytes(whole.store, image, 'v1')
    for (const third of [whole.store, undefined]) {
      const heal: Heal = third ? healFrom(third) : async () => undefined
      const [first, second] = [await temporaryStore(t, { heal }), await temporaryStore(t)]
      const { manifest } = await ingestBytes(first.store, image, 'v1')
      await first.store.close()
      const [file = ''] = await packsOf(first.folder)
      await flipBit(file)
      if (proof === 'no sums') await fs.rm(file.replace('/packs/', '/index/').replace('.pack', '.sums'))
      const received = first.reopen().then(store => second.store.receive(manifest, store, 'v1'))
      if (!third) await assert.rejects(received, ChunkCorrupt)
      else assert.equal((await received).linkedBytes, 0)
      assert.equal((await fs.stat(file)).nlink, 1)
      if (third) assert.ok((await contentOf(await second.reopen(), manifest)).equals(image))
      assert.deepEqual((await second.store.verify()).corrupt, [])
    }
  })

test('a linked pack has its sums, and the copy of a copy is linked after one more opening', async t => {
  const { second, manifest, shared } = await linkedStores(t)
  const [sums = ''] = shared.map(file => file.replace('/packs/', '/index/').replace('.pack', '.sums'))
  assert.equal((await fs.stat(sums)).nlink, 2)
  const fourth = await temporaryStore(t)
  const received = await fourth.store.receive(manifest, await second.reopen(), 'v1')
  assert.ok((received.linkedBytes ?? 0) >= image.length)
  assert.equal((await fs.stat(shared[0]!)).nlink, 3)
  assert.ok((await contentOf(fourth.store, manifest)).equals(image))
})

/** Two stores with one pack in common, of which `keep` of its 24 equal parts still lives. */
const thinned = async (t: TestContext, keep: number, isFull: boolean) => {
  const disk = { isFull: false }
  const space = async () => ({ freeBytes: disk.isFull ? 0 : 1e9, totalBytes: 1e12 })
  const parts = { files: { ...nodeFiles, space }, reserveBytes: 1 }
  const [first, second] = [await temporaryStore(t, parts), await temporaryStore(t, parts)]
  const { manifest } = await ingestBytes(first.store, image, 'whole')
  await second.store.receive(manifest, first.store, 'whole')
  for (const { store } of [first, second]) {
    const [stats, plan] = [await store.stats(), await store.planCollection()]
    assert.ok(stats.sharedBytes >= image.length && stats.sharedBytes <= stats.storedBytes)
    assert.deepEqual(plan, { manifests: 0, chunks: 0, freedBytes: 0, sharedBytes: 0 })
    if (keep > 0) await store.compose([{ manifest, offset: 0, length: (keep * image.length) / 24 }], 'part')
    await store.release('whole')
  }
  disk.isFull = isFull
  return { first, second }
}

test('a pack that stores have in common is only copied where that saves space in the end, and never to a full disk', async t => {
  for (const [keep, isFull, isCopied] of [
    [14, false, false], // twice 14/24 of it would take more
    [6, false, true],
    [6, true, false],
    [0, true, true],
  ] as const) {
    const { first, second } = await thinned(t, keep, isFull)
    const freed = await first.store.collect()
    assert.equal(freed.sharedBytes > 0, isCopied, `${keep} of 24 parts live, full: ${isFull}`)
    assert.equal(freed.freedBytes, 0, 'the other store has it as well')
    if (!isCopied) assert.equal((await first.store.stats()).sharedBytes > 0, true)
    const last = await second.store.collect()
    if (isCopied) assert.ok(last.freedBytes > (image.length * (24 - keep)) / 24 - 200_000 && last.sharedBytes === 0)
  }
})
