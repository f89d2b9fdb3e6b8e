import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { disksOf } from '../../../stored-disk.ts'
import {
  COMPUTE,
  definition,
  GALLERY,
  IMAGE,
  noise,
  ofDisk,
  regions,
  startTestGallery,
  type TestGallery,
  version,
} from '../../test-gallery.ts'
import { holds, operationOf, readBack, settle, status } from '../../test-version.ts'
import { isVersionHold, versionPromises } from './promises.ts'

describe('the life of a version', () => {
  let arm: TestGallery
  let snapshot: string
  const os = noise(1, 3)
  const first = version('1.0.0')
  before(async () => {
    arm = await startTestGallery({ regions: ['eastus:2', 'westus2', 'westeurope', 'southeastasia'] })
    snapshot = await arm.snapshot('snap', os)
  })
  after(() => arm.close())

  test('it is published to three regions, byte for byte', async () => {
    const body = ofDisk(
      snapshot,
      regions({ name: 'westus2', regionalReplicaCount: 5 }, { name: 'eastus', regionalReplicaCount: 2 }, 'West Europe'),
    )
    const answer = await arm.send('PUT', first, body, { 'api-version': '2022-03-03' })
    assert.equal(answer.status, 201)
    assert.match(
      answer.headers['azure-asyncoperation'] ?? '',
      /^https:.*\/Microsoft\.Compute\/locations\/eastus\/capsOperations\/[0-9a-f-]+\?/,
    )
    assert.equal(answer.body.properties.provisioningState, 'Creating')
    await settle(arm, first)

    const { properties, ...made } = await arm.done('GET', first)
    assert.deepEqual(
      [made.name, made.type, made.location],
      ['1.0.0', 'Microsoft.Compute/galleries/images/versions', 'eastus'],
    )
    assert.deepEqual(properties, {
      publishingProfile: {
        targetRegions: [
          { name: 'West US 2', regionalReplicaCount: 5, storageAccountType: 'Standard_LRS' },
          { name: 'East US', regionalReplicaCount: 2, storageAccountType: 'Standard_LRS' },
          { name: 'West Europe', regionalReplicaCount: 1, storageAccountType: 'Standard_LRS' },
        ],
        replicaCount: 1,
        excludeFromLatest: false,
        publishedDate: '2026-01-01T00:00:00.000Z',
        storageAccountType: 'Standard_LRS',
        replicationMode: 'Full',
      },
      storageProfile: { osDiskImage: { sizeInGB: 1, hostCaching: 'ReadWrite', source: { id: snapshot } } },
      safetyProfile: {
        allowDeletionOfReplicatedLocations: false,
        blockDeletionBeforeEndOfLife: false,
        reportedForPolicyViolation: false,
      },
      provisioningState: 'Succeeded',
    })
    for (const region of ['eastus', 'westus2', 'westeurope'])
      assert.ok((await readBack(arm, first, region)).equals(os), region)
    assert.deepEqual(await status(arm, first), {
      aggregatedState: 'Completed',
      summary: [
        {
          region: 'West US 2',
          state: 'Completed',
          details: '1 of 5 replicas is kept apart: the region has 1 store.',
          progress: 100,
        },
        { region: 'East US', state: 'Completed', details: '', progress: 100 },
        { region: 'West Europe', state: 'Completed', details: '', progress: 100 },
      ],
    })
  })

  test('az and Terraform put back what they read, in part or in whole', async () => {
    const { body, headers } = await arm.send('GET', first)
    const quick = async (sent: JsonObject) => {
      const answer = await arm.send('PUT', first, sent, { 'api-version': '2022-03-03' })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      assert.equal(answer.headers['azure-asyncoperation'], undefined)
      assert.deepEqual(answer.body.properties, body.properties)
    }
    assert.ok(headers.etag)
    await quick(body)
    const { location, tags, properties } = body
    const { publishingProfile, safetyProfile } = properties
    const plain = { location, ...(tags ? { tags } : {}) }
    await quick({ ...plain, properties: { publishingProfile, safetyProfile, storageProfile: {} } })
    await quick({
      ...plain,
      properties: { publishingProfile, storageProfile: { osDiskImage: { hostCaching: 'ReadWrite' } } },
    })
    await quick({ ...plain, properties: { publishingProfile: { ...publishingProfile, endOfLifeDate: '' } } })
    await quick({ ...plain, properties: { publishingProfile: { ...publishingProfile, targetRegions: [] } } })
    const shortNames = publishingProfile.targetRegions.map((region: { name: string }) => ({
      ...region,
      name: region.name.toLowerCase().replaceAll(' ', ''),
    }))
    await quick({ ...plain, properties: { publishingProfile: { ...publishingProfile, targetRegions: shortNames } } })
    await quick(plain)
  })

  test('what is decided at creation stays', async () => {
    const { properties } = await arm.done('GET', first)
    const changes: readonly [JsonObject, string][] = [
      [{ storageProfile: { osDiskImage: { source: { id: `${snapshot}2` } } } }, 'storageProfile.osDiskImage.source.id'],
      [{ storageProfile: { osDiskImage: { hostCaching: 'None' } } }, 'storageProfile.osDiskImage.hostCaching'],
      [{ storageProfile: { source: { id: `${COMPUTE}/images/x` } } }, 'storageProfile.source.id'],
      [{ publishingProfile: { storageAccountType: 'Premium_LRS' } }, 'publishingProfile.storageAccountType'],
      [
        { publishingProfile: { storageAccountStrategy: 'DefaultStandard_LRS' } },
        'publishingProfile.storageAccountStrategy',
      ],
      [{ publishingProfile: { replicationMode: 'Shallow' } }, 'publishingProfile.replicationMode'],
      [
        { publishingProfile: { source: { managedImage: { id: `${COMPUTE}/images/x` } } } },
        'publishingProfile.source.managedImage.id',
      ],
    ]
    for (const [change, member] of changes)
      assert.equal(
        await arm.refused('PATCH', first, { properties: change }),
        `409 PropertyChangeNotAllowed: Changing property 'galleryImageVersion.properties.${member}' is not allowed.`,
      )
    const patch = (more: JsonObject) => arm.refused('PATCH', first, { properties: more })
    assert.match(
      await patch({ storageProfile: { dataDiskImages: [{ lun: 0, source: { id: snapshot } }] } }),
      /^409 PropertyChangeNotAllowed: Adding new Data Disks or changing the LUN of a Data Disk in an existing Image is not allowed\.$/,
    )
    const [west, ...others] = properties.publishingProfile.targetRegions
    const targetRegions = [{ ...west, storageAccountType: 'Standard_ZRS' }, ...others]
    assert.equal(
      await patch({ publishingProfile: { targetRegions } }),
      "400 InvalidParameter: Global storage account type does not match the storage account type in the existing TargetRegion: 'West US 2'. Please specify 'Standard_LRS' as the storage account type for this region.",
    )
    const encryption = { osDiskImage: { diskEncryptionSetId: 'x' } }
    assert.match(
      await patch({ publishingProfile: { targetRegions: [{ ...west, encryption }, ...others] } }),
      /^409 PropertyChangeNotAllowed: Cannot specify encryption in region \[West US 2\]/,
    )
  })

  test('a region is added, and left only when that is allowed', async () => {
    const added = await arm.done('PATCH', first, {
      properties: {
        publishingProfile: regions('eastus', 'westus2', 'westeurope', {
          name: 'southeastasia',
          excludeFromLatest: true,
        }),
      },
    })
    assert.equal(added.properties.provisioningState, 'Succeeded')
    assert.ok((await readBack(arm, first, 'southeastasia')).equals(os))
    const two = { properties: { publishingProfile: regions('eastus', 'southeastasia') } }
    assert.match(
      await arm.refused('PATCH', first, two),
      /^400 BadRequest: Complete set of target locations not specified while updating gallery artifact '1\.0\.0' and type 'GalleryImageVersion'\. Deletion of previously replicated locations is not allowed/,
    )
    await arm.done('PATCH', first, {
      properties: { ...two.properties, safetyProfile: { allowDeletionOfReplicatedLocations: true } },
    })
    const hold = `${first.toLowerCase()}/os`
    assert.deepEqual(await holds(arm), { eastus: [hold], southeastasia: [hold] })
    for (const region of arm.regions.names) await arm.regions.collect(region)
    await assert.rejects(readBack(arm, first, 'westeurope'))
    assert.deepEqual(
      (await status(arm, first)).summary.map(({ region }: { region: string }) => region),
      ['East US', 'Southeast Asia'],
    )
  })

  test('it is the source of another version, without a byte copied', async () => {
    const second = version('2.0.0')
    const made = await arm.done('PUT', second, {
      location: 'eastus',
      properties: { storageProfile: { source: { id: first } } },
    })
    assert.deepEqual(made.properties.publishingProfile.targetRegions, [
      { name: 'East US', regionalReplicaCount: 1, storageAccountType: 'Standard_ZRS' },
    ])
    assert.equal(made.properties.publishingProfile.storageAccountStrategy, 'PreferStandard_ZRS')
    assert.equal(made.properties.publishingProfile.storageAccountType, undefined)
    assert.ok((await readBack(arm, second, 'eastus')).equals(os))
    const far = { location: 'westeurope', properties: { storageProfile: { source: { id: first } } } }
    assert.match(
      await arm.refused('PUT', version('3.0.0'), far),
      /^400 InvalidParameter: Source .* is not found\. Please check source exists, and is in the same region/,
    )
    await arm.done('DELETE', second)
  })

  test('its end of life guards it for as long as it is asked to', async () => {
    const endOfLifeDate = '2026-01-03T12:59:59.000Z'
    await arm.done('PATCH', first, {
      properties: { publishingProfile: { endOfLifeDate }, safetyProfile: { blockDeletionBeforeEndOfLife: true } },
    })
    assert.equal(
      await arm.refused('DELETE', first),
      '409 DeleteGalleryImageVersionBlockedBeforeEndOfLife: Deletion of Gallery image version is not allowed because the image is enabled for blockDeletionBeforeEndOfLife and its endOfLifeDate has not reached yet',
    )
    arm.clock.advance(3 * 24 * 3600 * 1000)
    const { properties } = await arm.done('GET', first)
    await arm.done('PUT', first, { location: 'eastus', properties })
    assert.equal((await arm.send('DELETE', first)).status, 202)
    await settle(arm, first)
    assert.equal((await arm.send('GET', first)).status, 404)
    assert.equal((await arm.send('DELETE', first)).status, 204)
  })

  test('nothing of it is left, and what it lay in can go at once', async () => {
    assert.deepEqual(await holds(arm), {})
    await arm.regions.release('eastus', 'test/snap')
    for (const region of arm.regions.names) {
      await arm.regions.collect(region)
      assert.equal(
        (await arm.regions.stats(region)).reduce((sum, { chunks }) => sum + chunks, 0),
        0,
        region,
      )
    }
    await arm.done('DELETE', IMAGE)
    await arm.done('DELETE', GALLERY)
  })
})

test('a managed image gives all its disks, their caching and their luns', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const [os, four, nine] = [noise(1), noise(2, 2), noise(3)]
  const image = await arm.managedImage(
    'image',
    os,
    { 4: four, 9: nine },
    {
      storageProfile: {
        osDisk: { osType: 'Linux', osState: 'Generalized', caching: 'ReadOnly' },
        dataDisks: [{ lun: 4, caching: 'ReadWrite' }, { lun: 9 }],
      },
    },
  )
  // As the first two api-versions wrote it.
  const profile = { ...regions('eastus', 'westus2'), source: { managedImage: { id: image } } }
  const query = { 'api-version': '2018-06-01' }
  const made = await arm.done(
    'PUT',
    version('1.0.0'),
    { location: 'eastus', properties: { publishingProfile: profile } },
    query,
  )
  assert.deepEqual(made.properties.publishingProfile.source, { managedImage: { id: image } })
  const { properties } = await arm.done('GET', version('1.0.0'))
  assert.deepEqual(properties.storageProfile, {
    source: { id: image },
    osDiskImage: { sizeInGB: 1, hostCaching: 'ReadOnly' },
    dataDiskImages: [
      { lun: 4, sizeInGB: 1, hostCaching: 'ReadWrite' },
      { lun: 9, sizeInGB: 1, hostCaching: 'None' },
    ],
  })
  assert.equal(properties.safetyProfile.allowDeletionOfReplicatedLocations, true)
  for (const region of ['eastus', 'westus2']) {
    assert.ok((await readBack(arm, version('1.0.0'), region)).equals(os))
    assert.ok((await readBack(arm, version('1.0.0'), region, 4)).equals(four))
    assert.ok((await readBack(arm, version('1.0.0'), region, 9)).equals(nine))
  }
  await arm.done('PUT', version('1.0.0'), made, query)
  const dataDiskImages = [{ lun: 9, hostCaching: 'None' }]
  await arm.done('PATCH', version('1.0.0'), { properties: { storageProfile: { dataDiskImages } } })
  const still = await arm.done('GET', version('1.0.0'))
  assert.deepEqual(still.properties.storageProfile, properties.storageProfile)
  assert.match(
    await arm.refused('PATCH', version('1.0.0'), {
      properties: { storageProfile: { dataDiskImages: [{ lun: 9, source: { id: image } }] } },
    }),
    /Changing property 'galleryImageVersion\.properties\.storageProfile\.dataDiskImages\.source\.id' is not allowed/,
  )
  // A region may be left without being asked: the version is older than the rule.
  await arm.done('PATCH', version('1.0.0'), { properties: { publishingProfile: regions('eastus') } })
  assert.deepEqual(Object.keys(await holds(arm)), ['eastus'])
})

test('a region that fails fails the version, not the others, and an update mends it', async context => {
  const arm = await startTestGallery({ regions: ['eastus', 'westus2', 'westeurope'] })
  context.after(() => arm.close())
  const bytes = noise(1, 2)
  const id = await arm.snapshot('snap', bytes)
  const store = path.join(arm.folder, 'regions', 'westus2-0')
  await fs.rename(store, `${store}.away`)
  const answer = await arm.send('PUT', version('1.0.0'), ofDisk(id, regions('eastus', 'westus2', 'westeurope')))
  const failed = await settle(arm, version('1.0.0'))
  assert.equal(failed.provisioningState, 'Failed')
  const operation = await operationOf(arm, answer.headers)
  assert.equal(operation?.status, 'Failed')
  assert.match(
    operation?.error?.message ?? '',
    /^Gallery replication jobs failed in one or more regions\. The failing regions' details are as follows: '\{region:westus2, detail:.*\}'\. If retry does not work, then please do an update by removing the failed regions and update again by adding them back\.$/,
  )
  const states = async () =>
    Object.fromEntries(
      (await status(arm, version('1.0.0'))).summary.map((one: { region: string; state: string }) => [
        one.region,
        one.state,
      ]),
    )
  assert.deepEqual(await states(), { 'East US': 'Completed', 'West US 2': 'Failed', 'West Europe': 'Completed' })
  assert.equal((await status(arm, version('1.0.0'))).aggregatedState, 'Failed')
  assert.ok((await readBack(arm, version('1.0.0'), 'westeurope')).equals(bytes))

  // The safety profile protects what was replicated; a region that failed was not.
  await arm.done('PATCH', version('1.0.0'), { properties: { publishingProfile: regions('eastus', 'westeurope') } })
  assert.deepEqual(await states(), { 'East US': 'Completed', 'West Europe': 'Completed' })

  await arm.send('PATCH', version('1.0.0'), {
    properties: { publishingProfile: regions('eastus', 'westeurope', 'westus2') },
  })
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  await fs.rename(`${store}.away`, store)
  const { body } = await arm.send('GET', version('1.0.0'))
  await arm.done('PUT', version('1.0.0'), body)
  assert.equal((await arm.done('GET', version('1.0.0'))).properties.provisioningState, 'Succeeded')
  assert.deepEqual(await states(), { 'East US': 'Completed', 'West Europe': 'Completed', 'West US 2': 'Completed' })
  assert.ok((await readBack(arm, version('1.0.0'), 'westus2')).equals(bytes))
})

test('a version whose source could not be read has no bytes, and a PUT of the same tries again', async context => {
  const arm = await startTestGallery({ regions: ['eastus', 'westus2'] })
  context.after(() => arm.close())
  const bytes = noise(1)
  const id = await arm.snapshot('snap', bytes)
  await arm.regions.release('eastus', 'test/snap')
  await arm.regions.collect('eastus')
  const body = ofDisk(id, regions('eastus', 'westus2'))
  const answer = await arm.send('PUT', version('1.0.0'), body)
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  const operation = await operationOf(arm, answer.headers)
  assert.match(JSON.stringify(operation?.error), /is not found/)
  assert.deepEqual(
    (await status(arm, version('1.0.0'))).summary.map((one: { state: string }) => one.state),
    ['Failed', 'Failed'],
  )

  await arm.regions.ingest('eastus', bytesOf(bytes), 'test/snap')
  await arm.done('PUT', version('1.0.0'), body)
  assert.ok((await readBack(arm, version('1.0.0'), 'westus2')).equals(bytes))
})

test('a disk beyond 2 TB is published in its region only', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const compose = await arm.regions.compose('eastus', [{ hole: true, length: 2520 * 2 ** 30 }], 'test/huge')
  const id = await arm.snapshot('huge', Buffer.alloc(2 ** 20))
  await arm.arm.resources.change(id.toLowerCase(), document => ({
    ...document,
    hidden: { disk: { manifest: compose.manifest, sizeBytes: 2520 * 2 ** 30 } },
  }))
  const answer = await arm.send('PUT', version('1.0.0'), ofDisk(id))
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  const operation = await operationOf(arm, answer.headers)
  assert.deepEqual(operation?.error, {
    code: 'GallerySourceResourceExceedsMaxSize',
    message:
      "Replication failed in this region due to 'The GalleryImageVersion source resource size 2520 exceeds the max size 2048 supported.'",
  })
  const shallow = await arm.done('PUT', version('1.0.1'), ofDisk(id, { replicationMode: 'shallow' }))
  assert.equal(shallow.properties.publishingProfile.replicationMode, 'Shallow')
  assert.match(
    await arm.refused('PATCH', version('1.0.1'), { properties: { publishingProfile: regions('eastus', 'westus2') } }),
    /'Shallow' has one replica in its location 'East US'/,
  )
  assert.match(
    await arm.refused('PATCH', version('1.0.1'), {
      properties: { publishingProfile: regions({ name: 'eastus', regionalReplicaCount: 2 }) },
    }),
    /'Shallow' has one replica/,
  )
})

test('versions are listed by number', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const id = await arm.snapshot('snap', noise(1))
  for (const number of ['1.0.12', '1.0.9', '0.1.0', '10.0.0']) await arm.done('PUT', version(number), ofDisk(id))
  const { value } = await arm.done('GET', `${IMAGE}/versions`)
  assert.deepEqual(
    value.map(({ name }: { name: string }) => name),
    ['0.1.0', '1.0.9', '1.0.12', '10.0.0'],
  )
  assert.match(
    await arm.refused('DELETE', IMAGE),
    /^409 CannotDeleteResource: .*Microsoft\.Compute\/galleries\/g\/images\/i\/versions\/0\.1\.0/,
  )
  assert.equal(
    await arm.refused('PUT', `${GALLERY}/images/none/versions/1.0.0`, ofDisk(id)),
    "404 ParentResourceNotFound: Can not perform requested operation on nested resource. Parent resource 'g/none' not found.",
  )
  await arm.done('PUT', `${GALLERY}/images/other`, definition({ identifier: { publisher: 'p', offer: 'o', sku: 's' } }))
  assert.deepEqual((await arm.done('GET', `${GALLERY}/images/other/versions`)).value, [])
})

test('reconciling keeps what versions promise and releases what nobody promises', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  const bytes = noise(1)
  const id = await arm.snapshot('snap', bytes)
  const kept = version('1.0.0')
  await arm.done('PUT', kept, ofDisk(id, regions('eastus', 'westus2')))
  const manifest =
    disksOf((await arm.arm.resources.find(kept.toLowerCase())) ?? assert.fail())?.os?.manifest ?? assert.fail()
  const before = await holds(arm)
  const orphan = `${version('0.0.1').toLowerCase()}@gone/os`
  await arm.regions.hold('westeurope', manifest, orphan, 1)
  for await (const { name } of arm.regions.holds('westus2')) await arm.regions.release('westus2', name)
  assert.notDeepEqual(await holds(arm), before)
  const done = await reconcile(arm.regions, versionPromises(arm.arm.resources, arm.regions), isVersionHold, silentLog)
  assert.deepEqual(done, { released: 1, kept: 2, failed: [] })
  assert.deepEqual(await holds(arm), before)

  // Neither a region that failed half-way nor bytes that are on their way in are orphans.
  for (const hidden of [
    { regions: { westus2: { state: 'Failed', progress: 50, details: '', copies: 1 } } },
    { disks: undefined },
  ]) {
    await arm.arm.resources.change(kept.toLowerCase(), document => ({
      ...document,
      hidden: {
        ...document.hidden,
        ...hidden,
        regions: { ...(document.hidden.regions as JsonObject), ...hidden.regions },
      },
    }))
    await reconcile(arm.regions, versionPromises(arm.arm.resources, arm.regions), isVersionHold, silentLog)
    assert.deepEqual(await holds(arm), before)
  }
})
