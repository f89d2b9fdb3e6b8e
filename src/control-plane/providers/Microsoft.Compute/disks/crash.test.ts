import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Outcome, ResourceOperation } from '#arm/resource-type.ts'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { diskImage, fixedVhd, mebibyte } from '../../../../../test/scenarios/disk-image.ts'
import { startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold } from '../disk-holds.ts'
import { makeImage } from '../images/make-image.ts'
import { diskOf, disksOf, hiddenDisk, type StoredDisk } from '../stored-disk.ts'
import { testHosting } from '../test-hosting.ts'
import { deleteDisk } from './delete-disk.ts'
import { diskPromises } from './disk-promises.ts'
import { endAccess } from './end-access.ts'
import { makeDisk } from './make-disk.ts'

const image = diskImage(20, 4)
const region = 'eastus'

let arm: TestArm
let parts: ComputeParts
before(async () => {
  arm = await startTestArm({ regions: [region] })
  const { regions, blobs, catalog } = arm
  const log = { info() {}, warn() {}, error() {} }
  parts = {
    regions,
    blobs,
    catalog,
    log,
    hosting: testHosting(),
    identities: memoryIdentities(),
    signing: arm.signing,
    allowedVhdHosts: [],
  }
})
after(() => arm.close())

class Crash extends Error {}

const document = (type: 'disks' | 'images', hidden: JsonObject, properties: JsonObject = {}): ResourceDocument => ({
  id: `/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/${type}/d`,
  key: `/subscriptions/s/resourcegroups/g/providers/microsoft.compute/${type}/d`,
  type: `Microsoft.Compute/${type}`,
  name: 'd',
  parentKey: '',
  location: region,
  envelope: { sku: { name: 'Standard_LRS' } },
  properties,
  provisioningState: 'Creating',
  hidden,
  systemData: {} as ResourceDocument['systemData'],
  uid: 'u',
  etag: '',
  version: 1,
})

/**
 * Runs an operation, and crashes behind each of its steps in turn: after the effect, before its result is kept. In between the
 * garbage is collected, and whoever owned the source lets go of it.
 */
const withEveryCrash = async (
  operation: ResourceOperation,
  prepare: () => Promise<{ document: ResourceDocument; input: JsonObject; leave(): Promise<void> }>,
  check: (outcome: Outcome, document: ResourceDocument) => Promise<void>,
): Promise<number> => {
  for (let crashAt = 1; ; crashAt++) {
    const { document, input, leave } = await prepare()
    const kept = new Map<string, unknown>()
    let count = 0
    const run = (mayCrash: boolean) =>
      operation.run(
        {
          document,
          input,
          signal: new AbortController().signal,
          report() {},
          async note() {},
          async step(name, work) {
            if (kept.has(name)) return kept.get(name) as never
            const result = await work()
            if (mayCrash && ++count === crashAt) throw new Crash()
            kept.set(name, result === undefined ? undefined : JSON.parse(JSON.stringify(result)))
            return result
          },
        },
        arm.arm,
      )
    const first = await run(true).catch((error: unknown) => {
      if (error instanceof Crash) return undefined
      throw error
    })
    if (kept.size > 0) await leave()
    await arm.regions.collect(region)
    await check(first ?? (await run(false)), document)
    if (first) return crashAt
  }
}

const holds = async (): Promise<string[]> => {
  const names: string[] = []
  for await (const { name } of arm.regions.holds(region)) names.push(name)
  return names.toSorted()
}
/** The holds but that of the source. */
const owned = async () => (await holds()).filter(name => name !== 'source')
const read = async ({ manifest, sizeBytes }: StoredDisk, length: number): Promise<Buffer> => {
  const file = await arm.regions.open(region, manifest)
  assert.equal(file.sizeBytes, sizeBytes)
  const bytes = Buffer.alloc(length)
  await file.read(0, bytes)
  await file.close()
  return bytes
}
const stored = async (hold: string): Promise<StoredDisk> => {
  const { manifest } = await arm.regions.ingest(region, bytesOf(image), hold)
  return { manifest, sizeBytes: image.length }
}

test('a disk that is copied and grown', async () => {
  const crashes = await withEveryCrash(
    makeDisk(parts),
    async () => {
      const origin = { from: 'stored', ...(await stored('source')), id: 'source' }
      const leave = () => arm.regions.release(region, 'source')
      return { document: document('disks', {}), input: { slot: 'disk', origin, sizeGB: 1, pass: 'p' }, leave }
    },
    async (outcome, made) => {
      const disk = diskOf({ ...made, hidden: outcome.hidden ?? {} })
      assert.ok(disk)
      assert.equal(disk.sizeBytes, 2 ** 30)
      const start = await read(disk, image.length + mebibyte)
      assert.ok(start.subarray(0, image.length).equals(image))
      assert.deepEqual(await owned(), [diskHold(made, 'disk', disk)])
      await arm.regions.release(region, diskHold(made, 'disk', disk))
    },
  )
  assert.ok(crashes >= 4)
})

test('a disk that grows in its place', async () => {
  const before = document('disks', {})
  await withEveryCrash(
    makeDisk(parts),
    async () => {
      const disk = await stored('to be')
      await arm.regions.hold(region, disk.manifest, diskHold(before, 'disk', disk), 1)
      await arm.regions.release(region, 'to be')
      const origin = { from: 'stored', ...disk, id: 'd' }
      return {
        document: document('disks', hiddenDisk(disk)),
        input: { slot: 'disk', origin, sizeGB: 2, pass: 'p' },
        async leave() {},
      }
    },
    async outcome => {
      const disk = diskOf({ ...before, hidden: outcome.hidden ?? {} })
      assert.ok(disk)
      assert.ok((await read(disk, image.length)).equals(image))
      assert.deepEqual(outcome.properties, { diskSizeGB: 2, diskSizeBytes: 2 ** 31 })
      assert.deepEqual(await owned(), [diskHold(before, 'disk', disk)])
      await arm.regions.release(region, diskHold(before, 'disk', disk))
    },
  )
})

test('an upload that ends', async () => {
  const vhd = fixedVhd(image)
  const upload = { draft: 'upload-u', sizeBytes: vhd.length, started: true }
  await withEveryCrash(
    endAccess(parts),
    async () => {
      const draft = await arm.regions.draft(region, upload.draft, upload.sizeBytes)
      await draft.write(0, vhd)
      return { document: document('disks', { upload }), input: { pass: 'p' }, async leave() {} }
    },
    async (outcome, made) => {
      const disk = diskOf({ ...made, hidden: outcome.hidden ?? {} })
      assert.ok(disk)
      assert.ok((await read(disk, image.length)).equals(image))
      assert.equal(await arm.regions.findDraft(region, upload.draft), undefined)
      assert.deepEqual(await owned(), [diskHold(made, 'disk', disk)])
      await arm.regions.release(region, diskHold(made, 'disk', disk))
    },
  )
})

test('an image of two disks', async () => {
  const storageProfile = { osDisk: {}, dataDisks: [{ lun: 3 }] }
  await withEveryCrash(
    makeImage(parts),
    async () => {
      const origin = { from: 'stored', ...(await stored('source')), id: 'source' }
      const disks = [
        { slot: 'os', origin, pass: 'p' },
        { slot: 3, origin, sizeGB: 1, pass: 'p' },
      ]
      return { document: document('images', {}, { storageProfile }), input: { disks }, async leave() {} }
    },
    async (outcome, made) => {
      const disks = disksOf({ ...made, hidden: outcome.hidden ?? {} })
      assert.ok(disks?.os && disks.data[0])
      assert.ok((await read(disks.os, image.length)).equals(image))
      assert.equal(disks.data[0].sizeBytes, 2 ** 30)
      assert.deepEqual(
        await holds(),
        [diskHold(made, 3, disks.data[0]), diskHold(made, 'os', disks.os), 'source'].toSorted(),
      )
      for (const name of await owned()) await arm.regions.release(region, name)
    },
  )
})

test('a disk that is deleted', async () => {
  const upload = { draft: 'upload-d', sizeBytes: 21 * mebibyte, started: true }
  await withEveryCrash(
    deleteDisk(parts),
    async () => {
      const disk = await stored('to be')
      const gone = document('disks', { upload, ...hiddenDisk(disk) })
      await arm.regions.hold(region, disk.manifest, diskHold(gone, 'disk', disk), 1)
      await arm.regions.release(region, 'to be')
      await (await arm.regions.draft(region, upload.draft, upload.sizeBytes)).write(0, Buffer.alloc(4096, 1))
      return { document: gone, input: {}, async leave() {} }
    },
    async (outcome, gone) => {
      assert.equal(outcome.remove, true)
      assert.equal(await arm.regions.findDraft(region, upload.draft), undefined)
      assert.equal(
        (await holds()).find(name => name.startsWith(gone.key)),
        undefined,
      )
    },
  )
})

test('upkeep between any two steps takes nothing from a disk that grows', async () => {
  await arm.regions.release(region, 'source')
  const disk = await stored('to be')
  const growing: ResourceDocument = { ...document('disks', hiddenDisk(disk)), provisioningState: 'Updating' }
  await arm.regions.hold(region, disk.manifest, diskHold(growing, 'disk', disk), 1)
  await arm.regions.release(region, 'to be')
  let current = growing
  const resources = {
    list: async ({ type }: { type?: string }) => ({ documents: type === current.type ? [current] : [] }),
  } as unknown as Resources
  const upkeep = async () => {
    await reconcile(arm.regions, diskPromises(resources, arm.regions), name => name.startsWith(current.key), silentLog)
    await arm.regions.collect(region)
  }
  const outcome = await makeDisk(parts).run(
    {
      document: growing,
      input: { slot: 'disk', origin: { from: 'stored', ...disk, id: 'd' }, sizeGB: 1, pass: 'q' },
      signal: new AbortController().signal,
      report() {},
      async note() {},
      async step(_name, work) {
        const result = await work()
        await upkeep()
        return result
      },
    },
    arm.arm,
  )
  current = { ...growing, hidden: { ...growing.hidden, ...outcome.hidden }, provisioningState: 'Succeeded' }
  await upkeep()
  const grown = diskOf(current)
  assert.ok(grown)
  assert.equal(grown.sizeBytes, 2 ** 30)
  assert.ok((await read(grown, image.length)).equals(image))
  assert.deepEqual(await owned(), [diskHold(current, 'disk', grown)])
})
