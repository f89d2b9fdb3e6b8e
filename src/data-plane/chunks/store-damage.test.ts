import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { ChunkCorrupt, type ChunkId, ChunkMissing, type Heal, type StoredChunk } from './chunk-store.ts'
import { DraftDamaged } from './draft-log.ts'
import { HoldDamaged } from './holds.ts'
import {
  contentOf,
  flip,
  gated,
  ingestBytes,
  noise,
  only,
  sparse,
  type TemporaryStore,
  temporaryStore,
} from './temporary-store.ts'

/** A healer that asks another store, and remembers what it was asked for. */
const healer = (peer: () => TemporaryStore): { heal: Heal; asked: ChunkId[] } => {
  const asked: ChunkId[] = []
  const heal: Heal = async id => {
    asked.push(id)
    for await (const chunk of peer().store.chunks([id])) return chunk
    return undefined
  }
  return { heal, asked }
}

test('a flipped byte is noticed, never served', async t => {
  const made = await temporaryStore(t)
  const { manifest } = await ingestBytes(made.store, noise(1, 500_000), 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 100_000)
  const store = await made.reopen()
  const { corrupt, missing, healed } = await store.verify()
  assert.deepEqual([corrupt.length, missing, healed], [1, [], []])
  assert.deepEqual((await store.verify(manifest)).corrupt, corrupt)
  await assert.rejects(
    contentOf(store, manifest),
    (error: unknown) => error instanceof ChunkCorrupt && error.id === corrupt[0],
  )
  await assert.rejects(async () => {
    for await (const _ of store.chunks(corrupt)) assert.fail('a bad chunk was handed out')
  }, ChunkCorrupt)
})

test('a flipped byte is healed by a read, and the healed copy wins from then on', async t => {
  const peer = await temporaryStore(t)
  const { heal, asked } = healer(() => peer)
  const made = await temporaryStore(t, { heal })
  const image = noise(2, 500_000)
  const { manifest } = await ingestBytes(made.store, image, 'a')
  await ingestBytes(peer.store, image, 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 200_000)
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(image))
  assert.equal(asked.length, 1)
  const store = await made.reopen()
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.deepEqual((await store.verify()).corrupt, [])
  assert.equal(asked.length, 1, 'nobody was asked again')
  const log = (await fs.readFile(path.join(made.folder, 'repairs.log'), 'utf8')).trim().split('\n')
  assert.deepEqual(
    log.map(line => JSON.parse(line)),
    [{ time: '2026-01-01T00:00:00.000Z', chunk: asked[0], was: 'corrupt' }],
  )
})

test('verify heals what it can, chunks of a lost pack and the root of a manifest too', async t => {
  const peer = await temporaryStore(t)
  const { heal } = healer(() => peer)
  const made = await temporaryStore(t, { heal })
  const image = Buffer.concat([noise(3, 300_000), Buffer.alloc(100_000)])
  const { manifest } = await ingestBytes(made.store, image, 'a')
  await ingestBytes(peer.store, image, 'a')
  await made.store.close()
  await fs.rm(await only(path.join(made.folder, 'packs'), '.pack'))
  await flip(path.join(made.folder, 'manifests', manifest), 40)
  const store = await made.reopen()
  const { missing, healed, corrupt } = await store.verify()
  assert.ok(missing.length > 3 && corrupt.length === 0)
  assert.deepEqual([...healed].sort(), [...missing].sort())
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.deepEqual((await store.verify()).missing, [])
})

test('what nobody has is a fact, and publishing the same bytes again mends it', async t => {
  const made = await temporaryStore(t, { heal: async () => undefined })
  const image = noise(4, 500_000)
  const { manifest } = await ingestBytes(made.store, image, 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 300_000)
  const store = await made.reopen()
  assert.equal((await store.verify()).corrupt.length, 1)
  const { newBytes } = await ingestBytes(store, image, 'again')
  assert.ok(newBytes > 0, 'a chunk known to be bad is not counted on')
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(image))
  await flip(path.join(made.folder, 'manifests', manifest), 9)
  assert.deepEqual((await made.store.verify(manifest)).corrupt, [manifest])
  assert.deepEqual((await made.store.verify()).corrupt, [manifest])
  await ingestBytes(made.store, image, 'once more')
  assert.ok((await contentOf(made.store, manifest)).equals(image))
  await fs.rm(path.join(made.folder, 'packs'), { recursive: true })
  await assert.rejects(contentOf(await made.reopen(), manifest), ChunkMissing)
})

for (const notice of ['a check', 'a check that heals nothing', 'a read'] as const)
  test(`what ${notice} found damaged is not counted on after a restart either`, async t => {
    const made = await temporaryStore(t)
    const image = noise(4, 500_000)
    const { manifest } = await ingestBytes(made.store, image, 'a')
    await flip(await only(path.join(made.folder, 'packs'), '.pack'), 300_000)
    const before = await made.reopen()
    if (notice === 'a read') await assert.rejects(contentOf(before, manifest), ChunkCorrupt)
    else assert.equal((await before.verify(undefined, { heals: notice === 'a check' })).corrupt.length, 1)
    const store = await made.reopen()
    const { newBytes } = await ingestBytes(store, image, 'again')
    assert.ok(newBytes > 0 && newBytes < image.length / 2, `${newBytes} bytes were stored again`)
    assert.ok((await contentOf(store, manifest)).equals(image))
    const later = await made.reopen()
    assert.ok((await contentOf(later, manifest)).equals(image))
    assert.equal((await ingestBytes(later, image, 'once more')).newBytes, 0, 'the good copy is counted on')
  })

test('a damaged root is written again by who publishes the same, after a restart too', async t => {
  const made = await temporaryStore(t)
  const image = noise(41, 100_000)
  const { manifest } = await ingestBytes(made.store, image, 'a')
  await flip(path.join(made.folder, 'manifests', manifest), 9)
  const store = await made.reopen()
  await ingestBytes(store, image, 'again')
  assert.ok((await contentOf(store, manifest)).equals(image))
})

test('what could not be read for a while counts again once it is found good', async t => {
  let isBroken = false
  const files = gated('read', '.pack', async () => {
    if (isBroken) throw Object.assign(new Error('EIO'), { code: 'EIO' })
  })
  const made = await temporaryStore(t, { files })
  const image = noise(42, 300_000)
  const { manifest } = await ingestBytes(made.store, image, 'a')
  const store = await made.reopen()
  isBroken = true
  await assert.rejects(contentOf(store, manifest), ChunkCorrupt)
  isBroken = false
  assert.deepEqual((await (await made.reopen()).verify()).corrupt, [])
  for (const open of [async () => made.store, made.reopen])
    assert.equal((await ingestBytes(await open(), image, 'b')).newBytes, 0)
  assert.deepEqual((await fs.readdir(made.folder)).includes('damaged.log'), false, 'nothing is damaged')
})

test('a healer that lies is not believed', async t => {
  const lie = async (id: ChunkId): Promise<StoredChunk> => ({
    id,
    encoding: 'raw',
    sizeBytes: 5,
    stored: Buffer.from('hello'),
  })
  const made = await temporaryStore(t, { heal: lie })
  const { manifest } = await ingestBytes(made.store, noise(5, 100_000), 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 5000)
  await assert.rejects(contentOf(await made.reopen(), manifest), ChunkCorrupt)
})

test('a copy that comes back in a longer form than its bytes is kept as its bytes', async t => {
  const image = noise(7, 600)
  const longer = zstdCompressSync(image)
  assert.ok(longer.length > image.length)
  const made = await temporaryStore(t, {
    heal: async id => ({ id, encoding: 'zstd', sizeBytes: image.length, stored: longer }),
  })
  const { manifest } = await ingestBytes(made.store, image, 'a')
  await flip(await only(path.join(made.folder, 'packs'), '.pack'), 20)
  await contentOf(await made.reopen(), manifest)
  const store = await made.reopen()
  assert.ok((await contentOf(store, manifest)).equals(image))
  assert.deepEqual((await store.verify()).corrupt, [])
})

test('a store that sends other bytes than it promised is refused', async t => {
  const [here, there] = [(await temporaryStore(t)).store, (await temporaryStore(t)).store]
  const { manifest } = await ingestBytes(there, noise(6, 300_000), 'a')
  const lying = async function* (ids: readonly ChunkId[]): AsyncGenerator<StoredChunk> {
    for await (const chunk of there.chunks(ids)) {
      const stored = Uint8Array.from(chunk.stored)
      stored[stored.length >> 1]! ^= 1
      yield { ...chunk, stored }
    }
  }
  const root = () => there.manifestRoot(manifest)
  await assert.rejects(here.receive(manifest, { manifestRoot: root, chunks: lying }, 'a'), ChunkCorrupt)
  const silent = async function* (): AsyncGenerator<StoredChunk> {}
  await assert.rejects(here.receive(manifest, { manifestRoot: root, chunks: silent }, 'a'), ChunkMissing)
  const wrongRoot = async () => Buffer.from('not this one')
  await assert.rejects(here.receive(manifest, { manifestRoot: wrongRoot, chunks: lying }, 'a'), ChunkCorrupt)
  assert.equal(await here.held('a'), undefined)
})

test('a lost or damaged index file is written again from the pack', async t => {
  const made = await temporaryStore(t)
  const image = noise(7, 400_000)
  const { manifest } = await ingestBytes(made.store, image, 'a')
  for (const damage of ['remove', 'flip', 'cut'] as const) {
    await made.store.close()
    const file = await only(path.join(made.folder, 'index'), '.idx')
    if (damage === 'remove') await fs.rm(file)
    if (damage === 'flip') await flip(file, 60)
    if (damage === 'cut') await fs.truncate(file, 100)
    assert.ok((await contentOf(await made.reopen(), manifest)).equals(image), damage)
  }
})

test('nothing is freed while a hold or a draft can not be read', async t => {
  const made = await temporaryStore(t)
  const { manifest } = await ingestBytes(made.store, noise(8, 50_000), 'a')
  await made.store.draft('d', 100)
  await made.store.close()
  const [hold, draft] = [
    await only(path.join(made.folder, 'holds'), ''),
    await only(path.join(made.folder, 'drafts'), ''),
  ]
  await flip(hold, 20)
  await flip(draft, 3)
  let store = await made.reopen()
  await assert.rejects(store.collect(), HoldDamaged)
  await store.hold('a', manifest)
  await assert.rejects(store.collect(), DraftDamaged)
  await fs.rm(draft)
  store = await made.reopen()
  assert.deepEqual(await store.collect(), { manifests: 0, chunks: 0, freedBytes: 0, sharedBytes: 0 })
})

test('a chunk that could not be read for a while survives that its new copy is lost to a failing disk', async t => {
  const faults = { reads: false, writes: false }
  const failIf = (isBad: boolean) => {
    if (isBad) throw Object.assign(new Error('EIO'), { code: 'EIO' })
  }
  const files: Files = {
    ...nodeFiles,
    async open(file, mode) {
      const open = await nodeFiles.open(file, mode)
      const isPack = file.endsWith('.pack')
      return {
        ...open,
        async read(target, position) {
          failIf(isPack && faults.reads)
          return open.read(target, position)
        },
        async write(bytes, position) {
          failIf(isPack && faults.writes)
          return open.write(bytes, position)
        },
      }
    },
  }
  const made = await temporaryStore(t, { files })
  const [image, other] = [noise(31, 40_000), noise(32, 90_000)]
  const { manifest } = await made.store.ingest(bytesOf(image), 'kept')
  await made.store.ingest(bytesOf(other), 'other') // what is dead in the pack later
  const store = await made.reopen()
  faults.reads = true
  await assert.rejects(contentOf(store, manifest), ChunkCorrupt)
  faults.reads = false
  faults.writes = true
  await assert.rejects(store.ingest(bytesOf(image), 'again'), { code: 'EIO' })
  faults.writes = false
  await store.release('other')
  await store.collect()
  assert.deepEqual(await contentOf(store, manifest), image)
  assert.deepEqual(await contentOf(await made.reopen(), manifest), image)
})

test('a draft that could not begin as all of a manifest is empty', async t => {
  let left = Infinity
  const files = gated('write', '.draft', async () => {
    if (left-- === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
  })
  const made = await temporaryStore(t, { files })
  const page = 40 * 2 ** 20 // more than a page of a manifest describes
  const sizeBytes = page + 20_000
  const parts = [0, page].map(offset => ({ offset, bytes: noise(51, 20_000) }))
  const { manifest } = await made.store.ingest(sparse(sizeBytes, parts), 'base')
  const draft = await made.store.draft('d', sizeBytes)
  left = 1
  await assert.rejects(draft.begin(manifest), { code: 'ENOSPC' })
  const parted = async () => {
    let count = 0
    for await (const _ of draft.bytes().extents()) count++
    return count
  }
  assert.equal(await parted(), 0)
  await draft.begin(manifest)
  assert.equal(await parted(), parts.length)
})

test('a draft that could not be made is not there after a restart either', async t => {
  let isBroken = true
  const files: Files = {
    ...nodeFiles,
    async syncDirectory(folder) {
      if (isBroken && folder.endsWith('drafts')) throw Object.assign(new Error('the disk failed'), { code: 'EIO' })
      await nodeFiles.syncDirectory(folder)
    },
  }
  const made = await temporaryStore(t, { files })
  await assert.rejects(made.store.draft('d', 4096), /the disk failed/)
  await assert.rejects(made.store.findDraft('d'), /the disk failed/, 'nobody knows')
  isBroken = false
  assert.equal(await made.store.findDraft('d'), undefined)
  assert.equal(await (await made.reopen()).findDraft('d'), undefined)
})
