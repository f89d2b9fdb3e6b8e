import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test, { after } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { systemRandom } from '#foundation/random.ts'
import { scriptKernel } from './chunk-kernel.ts'
import { chunkStoreContract } from './chunk-store.contract.ts'
import { hashInThread, startHashWorkers } from './hash-workers.ts'
import { fastestKernel } from './native-kernel.ts'
import { NotAStore, openStore } from './open-store.ts'
import { contentOf, ingestBytes, noise, sparse, temporaryStore } from './temporary-store.ts'

const threads = startHashWorkers(2)
after(() => threads.close())

// The fastest kernel there is, and the one that is everywhere.
for (const kernel of new Set([fastestKernel(), scriptKernel]))
  chunkStoreContract(`${kernel.name} store`, t => temporaryStore(t, { workers: hashInThread(kernel) }))

test('threads store the same as the thread that asks', async t => {
  const [one, two] = [(await temporaryStore(t)).store, (await temporaryStore(t, { workers: threads })).store]
  const whole = Buffer.concat([
    noise(1, 9_000_000),
    Buffer.alloc(9_000_000, 'text that shrinks '),
    Buffer.alloc(2_000_000),
  ])
  const [here, there] = [await ingestBytes(one, whole, 'a'), await ingestBytes(two, whole, 'a')]
  assert.deepEqual(here, there)
  assert.ok((await contentOf(two, there.manifest)).equals(whole))
  const { chunks, corrupt } = await two.verify()
  assert.ok(chunks > 100 && corrupt.length === 0)
})

test('a hundred gibibytes of hole cost nothing', async t => {
  const { store } = await temporaryStore(t)
  const sizeBytes = 100 * 2 ** 30
  const end = noise(2, 10_000)
  const { manifest, dataBytes } = await store.ingest(
    sparse(sizeBytes, [{ offset: sizeBytes - 10_000, bytes: end }]),
    'a',
  )
  assert.equal(dataBytes, 3 * 4096, 'whole pages count')
  const bytes = await store.open(manifest)
  const target = Buffer.alloc(20_000)
  await bytes.read(sizeBytes - 20_000, target)
  assert.ok(target.equals(Buffer.concat([Buffer.alloc(10_000), end])))
  const draft = await store.draft('d', sizeBytes)
  await draft.write(sizeBytes - 512, end.subarray(0, 512))
  assert.equal((await draft.seal('b')).dataBytes, 512)
})

test('known holes and zeros that are read give the same manifest', async t => {
  const { store } = await temporaryStore(t)
  const [sizeBytes, hole] = [20 * 2 ** 20 + 777, 256 * 1024]
  const places = [5000, 5000 + 100_000 + hole, 3_000_001, 8 * 2 ** 20 - 10_000, 12_000_000, sizeBytes - 50_000]
  const parts = places.map((offset, i) => ({ offset, bytes: noise(i + 1, 50_000) }))
  const whole = Buffer.alloc(sizeBytes)
  for (const { offset, bytes } of parts) bytes.copy(whole, offset)
  const { manifest } = await store.ingest(sparse(sizeBytes, parts), 'sparse')
  assert.equal((await ingestBytes(store, whole, 'dense')).manifest, manifest)
  assert.ok((await contentOf(store, manifest)).equals(whole))
})

test('a store keeps its id, and a folder of something else is left alone', async t => {
  const made = await temporaryStore(t)
  const { id } = made.store
  assert.equal((await made.reopen()).id, id)
  const parts = { files: nodeFiles, random: systemRandom, clock: new FakeClock(), workers: hashInThread() }
  const other = path.join(made.folder, 'packs')
  await fs.writeFile(path.join(other, 'letter.txt'), 'dear reader')
  await assert.rejects(openStore(other, parts), NotAStore)
  await fs.writeFile(path.join(made.folder, 'store.json'), '{"format":3,"id":"x"}')
  await assert.rejects(openStore(made.folder, parts), /format is 3/)
})

test('an older store opens, and what is written into it says first that older programs may not understand it', async t => {
  const made = await temporaryStore(t)
  const { id } = made.store
  const { manifest } = await ingestBytes(made.store, noise(3, 100_000), 'a')
  const file = path.join(made.folder, 'store.json')
  await made.store.close()
  await fs.writeFile(file, JSON.stringify({ format: 1, id }))
  const store = await made.reopen()
  assert.equal(store.id, id)
  assert.ok((await contentOf(store, manifest)).equals(noise(3, 100_000)))
  assert.deepEqual(JSON.parse(await fs.readFile(file, 'utf8')), { format: 1, id })
  await fs.mkdir(`${file}.new`) // in the way of the note
  await assert.rejects(ingestBytes(store, noise(4, 100_000), 'b'))
  await fs.rmdir(`${file}.new`)
  await ingestBytes(store, noise(4, 100_000), 'b')
  assert.deepEqual(JSON.parse(await fs.readFile(file, 'utf8')), { format: 2, id })
})
