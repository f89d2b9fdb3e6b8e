import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk, type CrashMode } from './crashing-files.ts'
import { contentOf, imageOf } from './store-history.ts'

const images = [imageOf(1, 24), Buffer.concat([imageOf(1, 12), imageOf(2, 20)])]
const copyLimits = { leastBytes: 1, leastShare: 0.3, batchBytes: 20_000 }

const open = (disk: CrashingDisk, folder: string): Promise<ChunkStore> => {
  const random = seededRandom(disk.calls + folder.length)
  return openStore(folder, { files: disk.files(), random, clock: new FakeClock(), workers: hashInThread(), copyLimits })
}

/** Two regions on one disk: the second takes two versions over from the first. */
const copy = async (disk: CrashingDisk): Promise<number> => {
  const [from, to] = [await open(disk, '/data/from'), await open(disk, '/data/to')]
  let linkedBytes = 0
  for (const name of ['0', '1'])
    linkedBytes += (await to.receive((await from.held(name))!, from, name)).linkedBytes ?? 0
  await to.collect()
  await from.close()
  await to.close()
  return linkedBytes
}

const makeFirst = async (mode: CrashMode): Promise<CrashingDisk> => {
  const disk = new CrashingDisk(seededRandom(7).next)
  const from = await open(disk, '/data/from')
  for (const [name, image] of images.entries()) await from.ingest(bytesOf(image), String(name))
  await from.close()
  await (await open(disk, '/data/to')).close()
  disk.mode = mode
  return disk
}

for (const mode of ['kill', 'power'] as const)
  test(`a crash (${mode}) at any call of a copy by links harms neither store, and the copy can be made again`, async () => {
    const whole = await makeFirst(mode)
    const begin = whole.calls
    assert.ok((await copy(whole.copy())) > 0, 'packs are linked')
    for (let call = 1; ; call++) {
      const disk = whole.copy()
      disk.calls = begin
      disk.dieAt = begin + call
      const isDone = await copy(disk).then(
        () => true,
        () => false,
      )
      if (isDone && !disk.isDead) return assert.ok(call > 50, `only ${call} calls`)
      disk.reboot()
      await copy(disk)
      for (const folder of ['/data/from', '/data/to']) {
        const store = await open(disk, folder)
        for (const [name, image] of images.entries())
          assert.ok((await contentOf(store, String(name)))?.equals(image), `${name} of ${folder}, call ${call}`)
        const { corrupt, missing } = await store.verify()
        assert.deepEqual([corrupt, missing], [[], []])
      }
    }
  })
