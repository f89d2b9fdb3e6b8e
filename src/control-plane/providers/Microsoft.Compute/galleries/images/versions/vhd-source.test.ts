import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ContainerClient } from '@azure/storage-blob'
import type { JsonObject } from '#resources/resource-document.ts'
import { fixedVhd, uploadPages } from '../../../../../../../test/scenarios/disk-image.ts'
import { GROUP, noise, regions, startTestGallery, type TestGallery, version } from '../../test-gallery.ts'
import { readBack, settle } from '../../test-version.ts'

const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/acct`
const image = noise(1, 4)
const data = noise(2)

let arm: TestGallery
let vhds: ContainerClient
let uri: string
before(async () => {
  arm = await startTestGallery({ regions: ['eastus', 'westus2'] })
  await arm.done('PUT', account, { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } })
  const sas = await arm.send('POST', `${account}/ListAccountSas`, {
    signedServices: 'b',
    signedResourceTypes: 'sco',
    signedPermission: 'rwdlac',
    signedExpiry: '2026-06-01T00:00:00Z',
  })
  vhds = new ContainerClient(`${arm.blobs.endpoint('acct')}vhds?${sas.body.accountSasToken}`)
  await vhds.create()
  uri = await upload('os.vhd', fixedVhd(image))
})
after(() => arm.close())

const upload = async (name: string, bytes: Buffer): Promise<string> => {
  const blob = vhds.getPageBlobClient(name)
  await blob.create(bytes.length)
  await uploadPages(blob, bytes)
  return blob.url.split('?')[0] ?? ''
}

const ofVhd = (osSource: JsonObject, dataSource?: JsonObject, location = 'eastus') => ({
  location,
  properties: {
    publishingProfile: regions('eastus', 'westus2'),
    storageProfile: {
      osDiskImage: { source: osSource },
      ...(dataSource ? { dataDiskImages: [{ lun: 2, source: dataSource }] } : {}),
    },
  },
})

test('a VHD in a storage account is published without its footer, in both spellings of az', async () => {
  const dataUri = await upload('data.vhd', fixedVhd(data))
  const body = ofVhd({ uri, storageAccountId: account }, { uri: dataUri, id: account })
  const made = await arm.done('PUT', version('1.0.0'), body, { 'api-version': '2022-03-03' })
  assert.deepEqual(made.properties.storageProfile, {
    osDiskImage: { sizeInGB: 1, hostCaching: 'ReadWrite', source: { uri, storageAccountId: account } },
    dataDiskImages: [{ lun: 2, sizeInGB: 1, hostCaching: 'None', source: { uri: dataUri, id: account } }],
  })
  assert.ok((await readBack(arm, version('1.0.0'), 'westus2')).equals(image))
  assert.ok((await readBack(arm, version('1.0.0'), 'westus2', 2)).equals(data))
  await arm.done('PUT', version('1.0.0'), made)
  const other = { storageProfile: { osDiskImage: { source: { uri: dataUri } } } }
  assert.match(
    await arm.refused('PATCH', version('1.0.0'), { properties: other }),
    /^409 PropertyChangeNotAllowed: Changing property 'galleryImageVersion\.properties\.storageProfile\.osDiskImage\.source\.uri'/,
  )
})

test('a signature in the uri is not shown to those who may read the version', async () => {
  const body = ofVhd({ uri: `${uri}?sv=2024-11-04&sig=secret`, storageAccountId: account })
  const made = await arm.done('PUT', version('1.0.5'), body)
  assert.equal(made.properties.storageProfile.osDiskImage.source.uri, uri)
  await arm.done('PUT', version('1.0.5'), made)
  await arm.done('PUT', version('1.0.5'), body)
})

test('a lock that holds the keys of the account does not hold a version that is made of its blob', async () => {
  const lock = `${account}/providers/Microsoft.Authorization/locks/l`
  await arm.done('PUT', lock, { properties: { level: 'ReadOnly' } })
  await arm.done('PUT', version('1.0.6'), ofVhd({ uri, storageAccountId: account }))
  await arm.done('DELETE', lock)
  assert.match(
    await arm.refused('PUT', version('1.0.7'), ofVhd({ uri, storageAccountId: account.replace('/rg/', '/none/') })),
    /^404 InvalidParameter: Source was not found/,
  )
})

test('a version keeps its bytes when the blob is overwritten and deleted', async () => {
  const passing = await upload('passing.vhd', fixedVhd(data))
  await arm.done('PUT', version('1.1.0'), ofVhd({ uri: passing, storageAccountId: account }))
  await upload('passing.vhd', fixedVhd(image))
  await vhds.deleteBlob('passing.vhd')
  for (const region of arm.regions.names) await arm.regions.collect(region)
  assert.ok((await readBack(arm, version('1.1.0'), 'eastus')).equals(data))
})

test('what is no VHD fails the version with its reason', async () => {
  const raw = await upload('raw.vhd', image)
  await arm.send('PUT', version('2.0.0'), ofVhd({ uri: raw, storageAccountId: account }))
  assert.equal((await settle(arm, version('2.0.0'))).provisioningState, 'Failed')
  const { replicationStatus } = (await arm.done('GET', version('2.0.0'), undefined, { $expand: 'ReplicationStatus' }))
    .properties
  assert.match(replicationStatus.summary[0].details, /cookie value in VHD footer/)
  // With the right bytes under the same name the same PUT goes through.
  await upload('raw.vhd', fixedVhd(image))
  await arm.done('PUT', version('2.0.0'), ofVhd({ uri: raw, storageAccountId: account }))
  assert.ok((await readBack(arm, version('2.0.0'), 'westus2')).equals(image))
})

test('the blob must lie in the region of the version', async () => {
  assert.match(
    await arm.refused('PUT', version('3.0.0'), ofVhd({ uri, storageAccountId: account }, undefined, 'westus2')),
    /^400 InvalidParameter: Source https:.*os\.vhd is not found\. Please check source exists, and is in the same region/,
  )
})
