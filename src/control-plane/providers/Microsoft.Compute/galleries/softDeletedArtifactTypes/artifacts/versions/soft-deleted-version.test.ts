import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { silentLog } from '#foundation/log.ts'
import { isVersionHold, versionPromises } from '../../../images/versions/promises.ts'
import {
  definition,
  GALLERY,
  IMAGE,
  noise,
  ofDisk,
  regions,
  startTestGallery,
  type TestGallery,
  version,
} from '../../../test-gallery.ts'
import { holds, readBack, settle, status } from '../../../test-version.ts'
import { retireExpired } from './retire-expired.ts'

const DAY_MS = 24 * 3600 * 1000
const enabled = { softDeletePolicy: { isSoftDeleteEnabled: true } }
const bin = `${GALLERY}/softDeletedArtifactTypes/Images/artifacts/i/versions`
const first = version('1.0.0')
const bytes = noise(1)

describe('a gallery with a recycle bin', () => {
  let arm: TestGallery
  let snapshot: string
  before(async () => {
    arm = await startTestGallery({ gallery: enabled, regions: ['eastus', 'westus2', 'westeurope'] })
    snapshot = await arm.snapshot('snap', bytes)
    await arm.done('PUT', first, { ...ofDisk(snapshot, regions('eastus', 'westus2')), tags: { a: 'b' } })
  })
  after(() => arm.close())

  const retire = () => retireExpired(arm.arm, arm.regions, silentLog)
  const names = async () => (await arm.done('GET', bin)).value.map(({ name }: { name: string }) => name)

  test('keeps a deleted version with its bytes, out of sight', async () => {
    const before = await holds(arm)
    await arm.done('DELETE', first)
    assert.equal((await arm.send('GET', first)).status, 404)
    assert.deepEqual((await arm.done('GET', `${IMAGE}/versions`)).value, [])
    assert.deepEqual(
      (await arm.done('GET', bin.replace('softDeletedArtifactTypes/Images', 'softdeletedartifacttypes/images'))).value,
      [
        {
          id: `${bin}/1.0.0`,
          name: '1.0.0',
          type: 'Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions',
          location: 'eastus',
          tags: { a: 'b' },
          properties: {
            resourceArmId: first,
            softDeletedArtifactType: 'Images',
            softDeletedTime: '2026-01-01T00:00:00.000Z',
            consumptionEndTime: '2026-01-08T00:00:00.000Z',
            hardDeletionTargetTime: '2026-01-08T00:00:00.000Z',
          },
        },
      ],
    )
    assert.deepEqual(await holds(arm), before)
    assert.equal(await retire(), 0)
    const reconciled = await reconcile(
      arm.regions,
      versionPromises(arm.arm.resources, arm.regions),
      isVersionHold,
      silentLog,
    )
    assert.deepEqual(reconciled, { released: 0, kept: 4, failed: [] })
    assert.match(await arm.refused('GET', bin.replace('Images', 'Applications')), /Allowed values are: Images/)
  })

  test('keeps the name for it, and nothing else', async () => {
    assert.equal(
      await arm.refused('PUT', first, ofDisk(snapshot)),
      "409 Conflict: Gallery image version '1.0.0' is soft-deleted and its name stays in use until 2026-01-08T00:00:00.000Z. Restore it with 'restore': true, or choose another version.",
    )
    await arm.done('PUT', version('1.0.1'), ofDisk(snapshot))
    await arm.done('DELETE', version('1.0.1'), undefined, { bypassSoftDelete: 'true' })
    assert.deepEqual(await names(), ['1.0.0'])
    await arm.done('DELETE', IMAGE)
    await arm.done('PUT', IMAGE, definition())
  })

  test('gives it back as az asks for it, and as the SDK does', async () => {
    const bare = { location: 'eastus', tags: {} }
    const restored = await arm.done('PUT', first, bare)
    assert.deepEqual(restored.tags, { a: 'b' })
    assert.deepEqual(
      restored.properties.publishingProfile.targetRegions.map(({ name }: { name: string }) => name),
      ['East US', 'West US 2'],
    )
    assert.ok((await readBack(arm, first, 'westus2')).equals(bytes))
    assert.equal((await status(arm, first)).aggregatedState, 'Completed')
    assert.deepEqual(await names(), [])
    await arm.done('DELETE', first)
    assert.match(
      await arm.refused('PUT', first, { location: 'westus2', properties: { restore: true } }),
      /^409 InvalidResourceLocation/,
    )
    assert.match(
      await arm.refused('PUT', first, { location: 'eastus', properties: { restore: false } }),
      /^409 Conflict/,
    )
    const more = { location: 'eastus', properties: { restore: true, publishingProfile: { replicaCount: 2 } } }
    assert.match(
      await arm.refused('PUT', first, more),
      /'galleryImageVersion\.properties\.publishingProfile' is not allowed with 'restore'/,
    )
    await arm.done('PUT', first, { location: 'eastus', properties: { restore: true, storageProfile: {} } })
    assert.match(
      await arm.refused('PUT', first, { location: 'eastus', properties: { restore: true } }),
      /^404 ResourceNotFound: There is no soft-deleted/,
    )
  })

  test('does not keep the name in a definition that was made anew', async () => {
    const other = `${GALLERY}/images/other`
    const body = definition({ identifier: { publisher: 'p', offer: 'o', sku: 'other' } })
    await arm.done('PUT', other, body)
    await arm.done('PUT', `${other}/versions/1.0.0`, ofDisk(snapshot))
    await arm.done('DELETE', `${other}/versions/1.0.0`)
    await arm.done('DELETE', other)
    await arm.done('PUT', other, body)
    await arm.done('PUT', `${other}/versions/1.0.0`, ofDisk(snapshot))
    assert.equal((await holds(arm)).eastus?.length, 3)
    await arm.done('DELETE', `${other}/versions/1.0.0`, undefined, { bypassSoftDelete: 'true' })
    assert.equal((await holds(arm)).eastus?.length, 2)
    await arm.done('PUT', `${other}/versions/1.0.0`, ofDisk(snapshot))
    await arm.done('DELETE', `${other}/versions/1.0.0`)
    assert.equal((await holds(arm)).eastus?.length, 2)
    await arm.done('PUT', `${other}/versions/1.0.0`, { location: 'eastus' })
    await arm.done('DELETE', `${other}/versions/1.0.0`, undefined, { bypassSoftDelete: 'true' })
  })

  test('gives a version to a definition that was made anew if it promises the same', async () => {
    const other = `${GALLERY}/images/remade`
    const identifier = { publisher: 'p', offer: 'o', sku: 'remade' }
    await arm.done('PUT', other, definition({ identifier }))
    await arm.done('PUT', `${other}/versions/1.0.0`, ofDisk(snapshot))
    await arm.done('DELETE', `${other}/versions/1.0.0`)
    await arm.done('DELETE', other)
    await arm.done('PUT', other, definition({ identifier, osType: 'Windows' }))
    const restore = { location: 'eastus', properties: { restore: true } }
    assert.match(
      await arm.refused('PUT', `${other}/versions/1.0.0`, restore),
      /^400 InvalidParameter: The resource with id '.*' has a different OS type \['Linux'\]/,
    )
    await arm.done('DELETE', other)
    await arm.done('PUT', other, definition({ identifier }))
    await arm.done('PUT', `${other}/versions/1.0.0`, restore)
    assert.ok((await readBack(arm, `${other}/versions/1.0.0`, 'eastus')).equals(bytes))
    await arm.done('DELETE', `${other}/versions/1.0.0`, undefined, { bypassSoftDelete: 'true' })
  })

  test('gives nothing back that a shared gallery must not have', async () => {
    const away = version('6.0.0')
    const there = await arm.snapshot('there', bytes, { location: 'westus2' })
    await arm.done('PUT', away, { ...ofDisk(there), location: 'westus2' })
    await arm.done('DELETE', away)
    const communityGalleryInfo = { publisherUri: 'u', publisherContact: 'c', eula: 'e', publicNamePrefix: 'prefix' }
    const sharing = (permissions: string) => ({ properties: { sharingProfile: { permissions, communityGalleryInfo } } })
    await arm.done('PATCH', GALLERY, sharing('Community'))
    const restore = { location: 'westus2', properties: { restore: true } }
    assert.match(await arm.refused('PUT', away, restore), /'6\.0\.0'.*westus2.*eastus/)
    await arm.done('PATCH', GALLERY, sharing('Private'))
    await arm.done('PUT', away, restore)
    await arm.done('DELETE', away, undefined, { bypassSoftDelete: 'true' })
  })

  test('takes a version back that is deleted again before it was quite restored', async () => {
    for (const query of [{}, { bypassSoftDelete: 'true' }] as Record<string, string>[]) {
      await arm.done('PUT', version('5.0.0'), ofDisk(snapshot))
      await arm.done('DELETE', version('5.0.0'))
      assert.equal((await arm.send('PUT', version('5.0.0'), { location: 'eastus' })).status, 201)
      await arm.done('DELETE', version('5.0.0'), undefined, query)
      const kept = query.bypassSoftDelete === undefined
      assert.deepEqual(await names(), kept ? ['5.0.0'] : [])
      if (kept) await arm.done('PUT', version('5.0.0'), { location: 'eastus' })
      if (kept) assert.ok((await readBack(arm, version('5.0.0'), 'eastus')).equals(bytes))
      if (kept) await arm.done('DELETE', version('5.0.0'), undefined, { bypassSoftDelete: 'true' })
    }
    assert.equal((await holds(arm)).eastus?.length, 1)
  })

  test('empties itself when the time is over', async () => {
    const policy = { softDeletePolicy: { retentionPeriodInDays: 2, gracePeriodInDays: 1 } }
    await arm.done('PATCH', GALLERY, { properties: policy })
    await arm.done('PUT', version('1.0.1'), ofDisk(snapshot))
    for (const one of [first, version('1.0.1')]) await arm.done('DELETE', one)
    const [shown] = (await arm.done('GET', bin)).value
    const { softDeletedTime, consumptionEndTime, hardDeletionTargetTime } = shown.properties
    assert.equal(Date.parse(consumptionEndTime) - Date.parse(softDeletedTime), 2 * DAY_MS)
    assert.equal(Date.parse(hardDeletionTargetTime) - Date.parse(softDeletedTime), 3 * DAY_MS)
    arm.clock.advance(3 * DAY_MS - 1)
    assert.deepEqual([await retire(), await names()], [0, ['1.0.0', '1.0.1']])
    arm.clock.advance(1)
    assert.deepEqual(await names(), [])
    assert.match(
      await arm.refused('PUT', first, { location: 'eastus', properties: { restore: true } }),
      /^404 ResourceNotFound/,
    )
    assert.deepEqual([await retire(), await retire()], [2, 0])
    assert.deepEqual(await holds(arm), {})
  })

  test('a name whose time is over can be used at once, though nothing was cleaned up yet', async () => {
    await arm.done('PUT', first, ofDisk(snapshot))
    await arm.done('DELETE', first)
    arm.clock.advance(3 * DAY_MS)
    await arm.done('PUT', first, ofDisk(snapshot))
    await arm.done('DELETE', first)
    assert.deepEqual(await names(), ['1.0.0'])
    await arm.done('PUT', first, { location: 'eastus', properties: { restore: true } })
    assert.ok((await readBack(arm, first, 'eastus')).equals(bytes))
  })
})

test('without a policy, and for what never held bytes, a delete is a delete', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const snapshot = await arm.snapshot('snap', bytes)
  await arm.done('PUT', first, ofDisk(snapshot))
  await arm.done('DELETE', first)
  assert.deepEqual((await arm.done('GET', bin)).value, [])
  assert.deepEqual(await holds(arm), {})
  await arm.done('PATCH', GALLERY, { properties: enabled })
  await arm.regions.release('eastus', 'test/snap')
  await arm.regions.collect('eastus')
  await arm.send('PUT', first, ofDisk(snapshot))
  assert.equal((await settle(arm, first)).provisioningState, 'Failed')
  await arm.done('DELETE', first)
  assert.deepEqual((await arm.done('GET', bin)).value, [])
})
