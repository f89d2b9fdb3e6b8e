import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
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
  version,
} from '../../test-gallery.ts'
import { holds, operationOf, readBack, settle, status } from '../../test-version.ts'
import { isVersionHold, versionPromises } from './promises.ts'

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

test('a region that fails to get more replicas is used as before', async context => {
  const arm = await startTestGallery({ regions: ['eastus', 'westus2:2'] })
  context.after(() => arm.close())
  const bytes = noise(1, 2)
  const id = await arm.snapshot('snap', bytes)
  await arm.done('PUT', version('1.0.0'), ofDisk(id, regions('eastus', 'westus2')))
  const store = path.join(arm.folder, 'regions', 'westus2-1')
  await fs.rename(store, `${store}.away`)
  const more = { publishingProfile: regions('eastus', { name: 'westus2', regionalReplicaCount: 2 }) }
  await arm.send('PATCH', version('1.0.0'), { properties: more })
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  assert.equal((await status(arm, version('1.0.0'))).aggregatedState, 'Failed')
  const creationData = { createOption: 'FromImage', galleryImageReference: { id: IMAGE } }
  await arm.done('PUT', `${COMPUTE}/disks/d`, { location: 'westus2', properties: { creationData } })

  // As with any region that failed, to leave it out mends the version.
  await arm.done('PATCH', version('1.0.0'), { properties: { publishingProfile: regions('eastus') } })
  assert.deepEqual(Object.keys(await holds(arm)), ['eastus'])
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

test('a version that is tried again has the disks that its source has by then', async context => {
  const arm = await startTestGallery({ regions: ['eastus'] })
  context.after(() => arm.close())
  const id = await arm.managedImage('image', noise(1), { 1: noise(2), 2: noise(3) })
  await arm.managedImage('later', noise(1), { 2: noise(3), 5: noise(4) })
  await arm.regions.release('eastus', 'test/image/1')
  await arm.regions.collect('eastus')
  const body = { location: 'eastus', properties: { storageProfile: { source: { id } } } }
  await arm.send('PUT', version('1.0.0'), body)
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  const later = (await arm.arm.resources.find(`${COMPUTE}/images/later`.toLowerCase())) ?? assert.fail()
  await arm.arm.resources.change(id.toLowerCase(), document => ({ ...document, hidden: later.hidden }))
  const { properties } = await arm.done('PUT', version('1.0.0'), body)
  assert.deepEqual(
    properties.storageProfile.dataDiskImages.map(({ lun }: { lun: number }) => lun),
    [2, 5],
  )
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
  assert.deepEqual(done, { released: 1, kept: 4, failed: [] })
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
