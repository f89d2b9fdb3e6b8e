import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test from 'node:test'
import type { ChunkStore } from './chunk-store.ts'
import { contentOf, ingestBytes, noise, temporaryStore } from './temporary-store.ts'

const DAY_MS = 24 * 3600 * 1000
const images = [1, 2, 3, 4].map(seed => noise(seed, 600_000))

/** A store of four packs and another one that has all of it. */
const stores = async (t: Parameters<typeof temporaryStore>[0]) => {
  const peer = await temporaryStore(t)
  const made = await temporaryStore(t, {
    heal: async id => {
      for await (const chunk of peer.store.chunks([id])) return chunk
      return undefined
    },
  })
  for (const [i, image] of images.entries()) {
    await ingestBytes(peer.store, image, `${i}`)
    await ingestBytes(made.store, image, `${i}`)
    await made.reopen() // a pack of its own
  }
  return made
}

const flipIn = async (folder: string, number: number, at: number) => {
  const names = (await fs.readdir(path.join(folder, 'packs'))).sort()
  const file = path.join(folder, 'packs', names[number]!)
  const bytes = await fs.readFile(file)
  bytes[at]! ^= 1
  await fs.writeFile(file, bytes)
}

const scrubAll = async (store: ChunkStore, pace = async (_bytes: number) => {}) => {
  let steps = 0
  while (await store.scrub(DAY_MS, pace)) steps++
  return steps
}

test('a scrub reads everything once, heals what it finds and notes it', async t => {
  const made = await stores(t)
  await flipIn(made.folder, 1, 5000)
  await flipIn(made.folder, 3, 300_000)
  let paced = 0
  const steps = await scrubAll(made.store, async bytes => {
    paced += bytes
  })
  assert.ok(steps >= 5, 'four packs and the manifests')
  const state = await made.store.scrubState()
  assert.ok(state?.finishedAt)
  assert.deepEqual([state.corrupt, state.missing, state.healed], [2, 0, 2])
  assert.ok(paced > 4 * 560_000, `${paced} bytes were told to the pace`)
  assert.ok(state.bytes >= paced)
  const repairs = await made.store.repairs()
  assert.equal(repairs.count, 2)
  assert.equal(repairs.last?.was, 'corrupt')
  assert.equal(await scrubAll(made.store), 0, 'the next round is not due')
  for (const [i, image] of images.entries())
    assert.deepEqual(await contentOf(made.store, (await made.store.held(`${i}`))!), image)
})

test('a restart goes on where the round was, and a lost pack is noticed at its end', async t => {
  const made = await stores(t)
  await made.store.scrub(DAY_MS, async () => {})
  await made.store.scrub(DAY_MS, async () => {})
  const before = await made.store.scrubState()
  const [first] = (await fs.readdir(path.join(made.folder, 'packs'))).sort()
  await made.store.close()
  await fs.rm(path.join(made.folder, 'packs', first!))
  await made.reopen()
  assert.deepEqual(await made.store.scrubState(), before)
  await scrubAll(made.store)
  const state = await made.store.scrubState()
  assert.ok(state && state.missing > 0 && state.healed === state.missing)
  assert.equal(state.startedAt, before?.startedAt)
  assert.deepEqual(await contentOf(made.store, (await made.store.held('0'))!), images[0])
})

test('a scrub that is stopped in the middle of a pack reads that pack again', async t => {
  const made = await stores(t)
  const stop = async () => Promise.reject(new Error('stopped'))
  await assert.rejects(made.store.scrub(DAY_MS, stop), /stopped/)
  assert.equal(await made.store.scrubState(), undefined)
  assert.ok((await scrubAll(made.store)) >= 5)
})

test('a verification that is not to heal tells the same and changes nothing', async t => {
  const made = await stores(t)
  await flipIn(made.folder, 1, 5000)
  const packs = async () => {
    const names = (await fs.readdir(path.join(made.folder, 'packs'))).sort()
    return Promise.all(names.map(name => fs.readFile(path.join(made.folder, 'packs', name))))
  }
  const before = await packs()
  for (let round = 0; round < 2; round++) {
    const { corrupt, healed } = await made.store.verify(undefined, { heals: false })
    assert.deepEqual([corrupt.length, healed.length], [1, 0])
  }
  assert.deepEqual(await packs(), before)
  assert.equal((await made.store.repairs()).count, 0)
  assert.deepEqual((await made.store.verify()).healed.length, 1)
})
