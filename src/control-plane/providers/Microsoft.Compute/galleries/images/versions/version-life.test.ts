import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import {
  COMPUTE,
  GALLERY,
  IMAGE,
  noise,
  ofDisk,
  regions,
  startTestGallery,
  type TestGallery,
  version,
} from '../../test-gallery.ts'
import { holds, readBack, settle, status } from '../../test-version.ts'

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
    const none = { osDiskImage: {}, dataDiskImages: [] }
    await arm.done('PATCH', first, {
      properties: { publishingProfile: { targetRegions: [{ ...west, encryption: none }, ...others] } },
    })
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
    const { eastus = [], ...others } = await holds(arm)
    assert.match(eastus.join(), new RegExp(`^${first.toLowerCase()}/os-[0-9a-f]{16}$`))
    assert.deepEqual(others, { southeastasia: eastus })
    for (const region of arm.regions.names) await arm.regions.collect(region)
    await assert.rejects(readBack(arm, first, 'westeurope'))
    assert.deepEqual(
      (await status(arm, first)).summary.map(({ region }: { region: string }) => region),
      ['East US', 'Southeast Asia'],
    )
  })

  test('a region that is no longer configured is no obstacle, be it the home', async () => {
    const lost = version('1.9.0')
    await arm.done('PUT', lost, ofDisk(snapshot, regions('eastus', 'westus2')))
    const rename = (text: string) =>
      JSON.parse(text.replaceAll('westus2', 'atlantis').replaceAll('West US 2', 'Atlantis'))
    await arm.arm.resources.change(lost.toLowerCase(), document => rename(JSON.stringify(document)))
    const tagged = await arm.done('PATCH', lost, { tags: { a: 'b' } })
    const names = ({ properties }: typeof tagged) =>
      properties.publishingProfile.targetRegions.map(({ name }: { name: string }) => name)
    assert.deepEqual(names(tagged), ['East US', 'Atlantis'])
    assert.deepEqual(names(await arm.done('PUT', lost, tagged)), ['East US', 'Atlantis'])
    assert.deepEqual(names(await arm.done('PATCH', lost, { properties: { publishingProfile: regions('eastus') } })), [
      'East US',
    ])
    await arm.arm.resources.change(lost.toLowerCase(), document =>
      JSON.parse(JSON.stringify(document).replaceAll('"eastus"', '"atlantis"').replaceAll('East US', 'Atlantis')),
    )
    assert.deepEqual(names(await arm.done('PATCH', lost, { tags: {} })), ['Atlantis'])
    await arm.done('DELETE', lost)
    for await (const { name } of arm.regions.holds('westus2')) await arm.regions.release('westus2', name)
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
