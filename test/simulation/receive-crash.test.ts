import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChunkSource, ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk } from './crashing-files.ts'
import { contentOf } from './store-history.ts'

const image = seededRandom(5).bytes(600_000)
const batchBytes = 50_000
/** A batch may be on its way to the disk while the next ones arrive, and a chunk may be as large as a batch. */
const mostLostBytes = 8 * batchBytes

const open = (disk: CrashingDisk, folder: string): Promise<ChunkStore> => {
  const parts = { files: disk.files(), random: seededRandom(disk.calls + 3), clock: new FakeClock() }
  const copyLimits = { leastBytes: 1, leastShare: 1, batchBytes }
  return openStore(folder, { ...parts, workers: hashInThread(), copyLimits })
}

test('a receive that is killed again and again sends little twice', async () => {
  const near = new CrashingDisk(seededRandom(1).next)
  const from = await open(near, '/data/from')
  const { manifest } = await from.ingest(bytesOf(image), 'v1')
  const seed = Date.now() % 1_000_000
  for (let round = 0; round < 12; round++) {
    const random = seededRandom(seed + 7919 * round)
    const disk = new CrashingDisk(random.next)
    disk.mode = round % 2 === 0 ? 'kill' : 'power'
    let [sentBytes, lives] = [0, 0]
    const counted: ChunkSource = {
      manifestRoot: id => from.manifestRoot(id),
      async *chunks(ids) {
        for await (const chunk of from.chunks(ids)) {
          sentBytes += chunk.stored.length
          yield chunk
        }
      },
    }
    for (let isDone = false; !isDone; lives++) {
      disk.dieAt = disk.calls + 20 + Math.floor(random.next() * 60)
      isDone = await open(disk, '/data/to')
        .then(
          async to => {
            await to.collect()
            await to.receive(manifest, counted, 'v1')
            return true
          },
          () => false,
        )
        .catch(() => false)
      disk.reboot()
    }
    const where = `seed ${seed}, round ${round}: ${sentBytes} bytes were sent in ${lives} lives`
    assert.ok(sentBytes <= image.length * 1.02 + lives * mostLostBytes && lives > 1, where)
    const to = await open(disk, '/data/to')
    assert.ok((await contentOf(to, 'v1'))?.equals(image), where)
    await to.close()
  }
})
