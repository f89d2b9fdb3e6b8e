import assert from 'node:assert/strict'
import test from 'node:test'
import type { ChunkStore, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import type { Files, OpenFile } from '#foundation/files.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk } from './crashing-files.ts'
import { contentOf, FOLDER, imageOf } from './store-history.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** Every call takes a turn or a few, so that what runs beside each other meets in many ways. */
const dawdling = (files: Files, next: () => number): Files => {
  const slow =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      for (let turns = Math.floor(next() * 4); turns > 0; turns--) await new Promise(resolve => setImmediate(resolve))
      return call(...given)
    }
  const slowFile = (file: OpenFile): OpenFile => ({
    ...file,
    read: slow(file.read),
    write: slow(file.write),
    sync: slow(file.sync),
  })
  return {
    ...files,
    open: slow(async (file, mode) => slowFile(await files.open(file, mode))),
    rename: slow(files.rename),
    remove: slow(files.remove),
    syncDirectory: slow(files.syncDirectory),
  }
}

/** Images that have much in common, so that one actor's garbage is another one's chunk. */
const images = Array.from({ length: 6 }, (_, i) => {
  const image = Buffer.concat([imageOf(1 + (i % 3), 10), imageOf(50 + (i % 2), 8), imageOf(70 + i, 2)])
  return image
})

/** Publishes, reads, composes, uploads and releases under its own names, and checks every answer. */
const act = async (store: ChunkStore, me: number, next: () => number, steps: number): Promise<void> => {
  const held = new Map<string, { manifest: ManifestId; image: Buffer }>()
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!
  const keep = async (image: Buffer, call: (hold: string) => Promise<{ manifest: ManifestId }>) => {
    const hold = `${me} ${Math.floor(next() * 3)}`
    held.set(hold, { manifest: (await call(hold)).manifest, image })
  }
  for (let step = 0; step < steps; step++) {
    const kind = next()
    const some = held.size > 0 ? pick([...held]) : undefined
    if (kind < 0.35 || !some) {
      const image = pick(images)
      await keep(image, hold => store.ingest(bytesOf(image), hold))
    } else if (kind < 0.5) {
      await store.release(some[0])
      held.delete(some[0])
    } else if (kind < 0.65) {
      const { image, manifest } = some[1]
      const cut = Math.floor(next() * image.length)
      const swapped = Buffer.concat([image.subarray(cut), image.subarray(0, cut)])
      const pieces = [
        { manifest, offset: cut, length: image.length - cut },
        { manifest, offset: 0, length: cut },
      ]
      await keep(swapped, hold => store.compose(pieces, hold))
    } else if (kind < 0.8) {
      const image = pick(images)
      const draft = await store.draft(`${me}`, image.length)
      const half = Math.floor(next() * image.length)
      await Promise.all([draft.write(half, image.subarray(half)), draft.write(0, image.subarray(0, half))])
      await keep(image, hold => draft.seal(hold))
      await draft.discard()
    } else assert.ok((await contentOf(store, some[0]))?.equals(some[1].image), `${some[0]} reads as it was written`)
  }
  for (const [hold, { image }] of held) assert.ok((await contentOf(store, hold))?.equals(image), `${hold} at the end`)
}

test(`work beside collections loses nothing (SEED=${seed})`, async () => {
  for (let round = 0; round < 12; round++) {
    const { next } = seededRandom(seed * 100 + round)
    const disk = new CrashingDisk(next)
    const files = dawdling(disk.files(), next)
    const parts = { files, random: seededRandom(round), clock: new FakeClock(), workers: hashInThread() }
    const store = await openStore(FOLDER, parts)
    let isOver = false
    const collecting = (async () => {
      while (!isOver) {
        await store.collect()
        await new Promise(resolve => setImmediate(resolve)) // one that finds nothing new waits for no disk
      }
    })()
    await Promise.all([1, 2, 3, 4].map(me => act(store, me, next, 15))).finally(() => {
      isOver = true
    })
    await collecting
    const { corrupt, missing } = await store.verify()
    assert.deepEqual([corrupt, missing], [[], []])
    for await (const { name } of store.holds()) await store.release(name)
    await store.collect()
    assert.deepEqual(
      await store.stats(),
      { chunks: 0, packs: 0, storedBytes: 0, sharedBytes: 0, manifests: 0, damaged: 0 },
      `round ${round}`,
    )
    await store.close()
  }
})
