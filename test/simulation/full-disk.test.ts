import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { ChunkStore } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { StoreFull } from '#data-plane/chunks/room.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { RegionFull, type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { FakeClock, systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom, systemRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { CrashingDisk } from './crashing-files.ts'
import { contentOf, FOLDER, imageOf } from './store-history.ts'

const MiB = 1024 * 1024

const simulated = async (capacityBytes: number, reserveBytes: number) => {
  const disk = new CrashingDisk(seededRandom(1).next)
  disk.capacityBytes = capacityBytes
  const open = () =>
    openStore(FOLDER, {
      files: disk.files(),
      random: seededRandom(2),
      clock: new FakeClock(),
      workers: hashInThread(),
      reserveBytes,
    })
  return { disk, open, store: await open() }
}

/** Publishes images until one is refused; answers those that were taken. */
const fill = async (store: ChunkStore, refusal: (error: unknown) => boolean): Promise<Map<string, Buffer>> => {
  const taken = new Map<string, Buffer>()
  for (let number = 1; number < 1000; number++) {
    const image = imageOf(number, 60)
    try {
      await store.ingest(bytesOf(image), `image ${number}`)
    } catch (error) {
      assert.ok(refusal(error), String(error))
      return taken
    }
    taken.set(`image ${number}`, image)
  }
  throw new Error('The disk never filled up.')
}

const requireAll = async (store: ChunkStore, images: ReadonlyMap<string, Buffer>) => {
  for (const [name, image] of images) assert.ok((await contentOf(store, name))?.equals(image), name)
}

test('a disk that fills up takes no new bytes before it is full, and takes them again when there is room', async () => {
  const { disk, store } = await simulated(4 * MiB, 1 * MiB)
  const draft = await store.draft('upload', 64 * 4096)
  await draft.write(0, imageOf(5000, 4))
  const images = await fill(store, error => error instanceof StoreFull)
  assert.ok(images.size > 10)
  assert.ok(disk.usedBytes < 4 * MiB, 'the reserve was not used up')
  await assert.rejects(draft.write(8192, imageOf(5001, 4)), StoreFull)
  await assert.rejects(store.draft('another', 4096), StoreFull)
  const peer = await simulated(Infinity, 0)
  const { manifest } = await peer.store.ingest(bytesOf(imageOf(6000, 60)), 'theirs')
  await assert.rejects(store.receive(manifest, peer.store, 'theirs'), StoreFull)

  await requireAll(store, images)
  const { manifest: sealed } = await draft.seal('sealed')
  await store.hold('once more', sealed)
  await draft.discard()
  const gone = [...images.keys()].slice(1)
  for (const name of gone) {
    await store.release(name)
    images.delete(name)
  }
  assert.ok((await store.collect()).freedBytes > 0)
  await requireAll(store, images)
  await store.receive(manifest, peer.store, 'theirs')
  assert.ok((await contentOf(store, 'theirs'))?.equals(imageOf(6000, 60)))
  await store.close()
})

test('on a full disk a collection frees what it would not touch on an empty one', async () => {
  const { disk, open, store: first } = await simulated(2 * MiB, 1 * MiB)
  await first.ingest(bytesOf(imageOf(999, 80)), 'all of a pack')
  await first.close()
  let store = await open()
  await store.release('all of a pack')
  let pairs = 0
  for (; pairs < 12; pairs++) {
    await store.ingest(bytesOf(imageOf(pairs, 60)), `kept ${pairs}`)
    await store.ingest(bytesOf(imageOf(100 + pairs, 20)), `released ${pairs}`)
    await store.release(`released ${pairs}`)
    await store.close() // each pair in a pack of its own
    store = await open()
  }
  const { freedBytes } = await store.planCollection()
  disk.capacityBytes = disk.usedBytes + 20_000
  assert.ok(
    (await store.collect()).freedBytes > 2 * freedBytes,
    'the quarters that are dead are worth it now; what one pack gives back makes room for the copies of the next',
  )
  for (let pair = 0; pair < pairs; pair++)
    assert.ok((await contentOf(store, `kept ${pair}`))?.equals(imageOf(pair, 60)))
  await store.close()
})

test('a disk that is full for good, with no reserve, harms nothing', async () => {
  const { disk, open, store } = await simulated(2 * MiB, 0)
  const images = await fill(store, error => (error as { code?: string }).code === 'ENOSPC')
  await requireAll(store, images)
  await store.close().catch(() => {})
  const again = await open()
  await requireAll(again, images)
  disk.capacityBytes = Infinity
  await again.ingest(bytesOf(imageOf(9000, 60)), 'later')
  const { corrupt, missing } = await again.verify()
  assert.deepEqual([corrupt, missing], [[], []])
  await again.close()
})

for (const code of ['EROFS', 'EIO'])
  test(`a disk that takes no writes (${code}) is opened and read all the same, after a crash too`, async () => {
    for (let dieAt = 30; dieAt < 330; dieAt += 10) {
      const disk = new CrashingDisk(seededRandom(dieAt).next)
      disk.mode = 'power'
      const parts = { random: seededRandom(3), clock: new FakeClock(), workers: hashInThread() }
      const acknowledged = new Map<string, Buffer>()
      const store = await openStore(FOLDER, { ...parts, files: disk.files() })
      disk.dieAt = dieAt
      for (let number = 1; !disk.isDead; number++) {
        const image = imageOf(number, 12)
        await store.ingest(bytesOf(image), `image ${number}`).then(
          () => acknowledged.set(`image ${number}`, image),
          () => assert.ok(disk.isDead),
        )
      }
      disk.reboot()
      disk.failing = { from: 0, to: Infinity, code }
      const again = await openStore(FOLDER, { ...parts, files: disk.files() })
      await requireAll(again, acknowledged)
      await assert.rejects(again.ingest(bytesOf(imageOf(77, 12)), 'new'), { code })
      await requireAll(again, acknowledged)
      disk.failing = undefined
      await again.ingest(bytesOf(imageOf(77, 12)), 'new')
      await requireAll(again, acknowledged)
      await again.close()
    }
  })

/** A small disk of its own; where this process may mount none, the test says so and ends. */
const tmpfs = async (t: TestContext, sizeMiB: number) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-disk-'))
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder)
  } catch (error) {
    await fs.rmdir(folder)
    t.skip(`no small disk can be mounted here: ${(error as Error).message.split('\n')[0]}`)
    return undefined
  }
  t.after(async () => {
    run('umount', '-l', folder) // lazily: a test that failed may have left files open
    await fs.rmdir(folder)
  })
  return { folder, remount: (how: 'ro' | 'rw') => run('mount', '-o', `remount,${how}`, folder) }
}

const onFolders = (folders: Record<string, string>, reserveBytes: number): Promise<Regions> =>
  openRegions(
    Object.entries(folders).map(([name, folder]) => ({ name, stores: [pathToFileURL(folder).href] })),
    {
      files: nodeFiles,
      random: systemRandom,
      clock: systemClock,
      log: silentLog,
      workers: hashInThread(),
      reserveBytes,
    },
  )

test('a real disk that is full, or read-only, is told as that; what it holds is read', async t => {
  const disk = await tmpfs(t, 44)
  if (!disk) return
  const aside = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-aside-'))
  const store = path.join(disk.folder, 'store')
  const open = () => onFolders({ eastus: store, westus2: path.join(aside, 'store') }, 0)
  let regions = await open()
  const made = new Map<number, Buffer>()
  const image = (number: number): Buffer => {
    const known = made.get(number) ?? randomBytes(4 * MiB)
    made.set(number, known)
    return known
  }
  const read = async (hold: string) => {
    for await (const { name, manifest } of regions.holds('eastus')) {
      if (name !== hold) continue
      const bytes = await regions.open('eastus', manifest)
      const content = Buffer.alloc(bytes.sizeBytes)
      await bytes.read(0, content)
      await bytes.close()
      return content
    }
    return undefined
  }
  let taken = 0
  const filling = async () => {
    for (;;) {
      await regions.ingest('eastus', bytesOf(image(taken)), `image ${taken}`)
      taken++
    }
  }
  await assert.rejects(filling(), RegionFull)
  assert.ok(taken >= 9)
  const { manifest } = await regions.ingest('westus2', bytesOf(image(100)), 'far')
  await assert.rejects(regions.hold('eastus', manifest, 'far', 1), RegionFull)
  for (let number = 0; number < taken; number++) assert.ok((await read(`image ${number}`))?.equals(image(number)))
  for (let number = 0; number < taken - 1; number++) await regions.release('eastus', `image ${number}`)
  await regions.collect('eastus')
  assert.equal((await regions.hold('eastus', manifest, 'far', 1)).copies, 1, 'there is room again')

  await regions.close()
  disk.remount('ro')
  regions = await open()
  await assert.rejects(regions.ingest('eastus', bytesOf(image(200)), 'new'), RegionUnreachable)
  assert.ok((await read('far'))?.equals(image(100)))
  const [health] = await regions.health('eastus')
  assert.match(health?.lastFault?.message ?? '', /the file system is read-only [(]EROFS[)]/)
  await regions.close()
  disk.remount('rw')
  regions = await open()
  await regions.release('eastus', 'far')
  await regions.collect('eastus')
  assert.equal((await regions.ingest('eastus', bytesOf(image(100)), 'new')).newBytes, 4 * MiB, 'it was freed')
  assert.ok((await read(`image ${taken - 1}`))?.equals(image(taken - 1)))
  await regions.close()
  await fs.rm(aside, { recursive: true })
})

test('a reserve on a real disk is kept', async t => {
  const disk = await tmpfs(t, 64)
  if (!disk) return
  const regions = await onFolders({ eastus: path.join(disk.folder, 'store') }, 3 * MiB)
  const filling = async () => {
    for (let number = 0; ; number++) await regions.ingest('eastus', bytesOf(randomBytes(2 * MiB)), `${number}`)
  }
  await assert.rejects(filling(), RegionFull)
  const { freeBytes } = await nodeFiles.space(disk.folder)
  assert.ok(freeBytes > 0 && freeBytes < 3 * MiB, `${freeBytes} bytes are left`)
  const [health] = await regions.health('eastus')
  assert.equal(health?.state, 'full')
  assert.match(health?.problem ?? '', /is full/)
  await regions.close()
})
