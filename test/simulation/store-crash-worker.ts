import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import type { ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { Crashed, CrashingDisk, type CrashMode } from './crashing-files.ts'
import { contentOf, imageOf, makeHistory, openOn, Promises } from './store-history.ts'

const { seed, scenario } = workerData as { seed: number; scenario: string }
const history = await makeHistory()
const laterImage = imageOf(11, 9)

/** The store is whole, works on, and when nothing is held any more nothing is left of what it held. */
const checkAfter = async (disk: CrashingDisk, promises: Promises, when: string): Promise<void> => {
  const clock = new FakeClock()
  const store = await openOn(disk.files(), 5, clock)
  await promises.check(store, when)

  await store.ingest(bytesOf(laterImage), 'later')
  const { corrupt, missing } = await store.verify()
  assert.deepEqual([corrupt, missing], [[], []], `verify finds damage ${when}`)
  await store.collect()
  await promises.check(store, `${when}, after a collection`)
  assert.deepEqual(await contentOf(store, 'later'), laterImage)
  clock.advance(30 * 24 * 3600 * 1000) // nobody waits any more for a transfer that was cut off
  await emptied(store)
  await store.close()
  const left = [...disk.everything().keys()].filter(file => !file.endsWith('/store.json'))
  assert.deepEqual(left, [], `orphans ${when}`)
}

const emptied = async (store: ChunkStore): Promise<void> => {
  for await (const { name } of store.holds()) await store.release(name)
  await (await store.findDraft('draft upload'))?.discard()
  await store.collect()
  const { chunks, packs, manifests } = await store.stats()
  assert.deepEqual({ chunks, packs, manifests }, { chunks: 0, packs: 0, manifests: 0 })
}

/** Runs the history until the disk dies at call `dieAt`; answers whether it came that far. */
const runUntil = async (disk: CrashingDisk, promises: Promises, dieAt: number): Promise<boolean> => {
  disk.dieAt = dieAt
  try {
    const store = await openOn(disk.files(), 3)
    await history(store, promises, async step => void (await step()))
  } catch (error) {
    if (!disk.isDead) throw error
  }
  return disk.isDead
}

const dieEverywhere = async (mode: CrashMode): Promise<void> => {
  for (let dieAt = 1; ; dieAt++) {
    const disk = new CrashingDisk(seededRandom(seed * 1000 + dieAt).next)
    disk.mode = mode
    const promises = new Promises()
    const died = await runUntil(disk, promises, dieAt)
    disk.reboot()
    await checkAfter(disk, promises, `after ${mode} at call ${dieAt} with SEED=${seed}`)
    if (!died) break
  }
}

const dieAgainAndAgain = async (): Promise<void> => {
  const chance = seededRandom(seed)
  for (let round = 0; round < 40; round++) {
    const disk = new CrashingDisk(seededRandom(seed * 1000 + round).next)
    disk.mode = 'power'
    const promises = new Promises()
    await runUntil(disk, promises, 20 + Math.floor(chance.next() * 250))
    disk.reboot()
    for (let again = 0; again < 3; again++) {
      disk.dieAt = disk.calls + 1 + Math.floor(chance.next() * 40)
      await openOn(disk.files(), 4)
        .then(store => store.collect())
        .catch(error => assert.ok(error instanceof Crashed || disk.isDead, String(error)))
      disk.reboot()
    }
    await checkAfter(disk, promises, `after repeated crashes, round ${round} with SEED=${seed}`)
  }
}

const failForAWhile = async (code: string): Promise<void> => {
  const chance = seededRandom(seed)
  for (let from = 20; from < 260; from += 1 + Math.floor(chance.next() * 8)) {
    const disk = new CrashingDisk(seededRandom(seed * 1000 + from).next)
    const promises = new Promises()
    const store = await openOn(disk.files(), 3)
    disk.failing = { from, to: from + 1 + Math.floor(chance.next() * 8), code }
    await history(store, promises, async step => {
      try {
        await step()
      } catch (error) {
        assert.equal((error as { code?: string }).code, code, `${error} at call ${from} with SEED=${seed}`)
      }
    })
    disk.failing = undefined
    disk.mode = 'power'
    disk.reboot()
    await checkAfter(disk, promises, `after ${code} from call ${from} with SEED=${seed}`)
  }
}

if (scenario === 'repeated') await dieAgainAndAgain()
else if (scenario === 'kill' || scenario === 'power') await dieEverywhere(scenario)
else await failForAWhile(scenario)
parentPort?.postMessage('done')
