import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ComputeManagementClient } from '@azure/arm-compute'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import {
  assertVhdOf,
  diskImage,
  download,
  fixedVhd,
  mebibyte,
  signedBlob,
  uploadBlob,
  uploadPages,
} from './disk-image.ts'
import { type RunningServer, startServer } from './running-server.ts'

const fast = { updateIntervalInMs: 200 }
const group = 'images'

const clientsOf = ({ url, admin }: RunningServer) => {
  const credential = new ClientSecretCredential(admin.tenantId, admin.clientId, admin.clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
  })
  const options = { endpoint: url, credentials: { scopes: [`${url}/.default`] } }
  return {
    compute: new ComputeManagementClient(credential, admin.subscriptionId, options),
    resources: new ResourceManagementClient(credential, admin.subscriptionId, options),
    token: async () => (await credential.getToken(`${url}/.default`)).token,
  }
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

test('the JavaScript SDK: an image is published, replicated, found, pulled back and retired', async t => {
  const server = await startServer(t)
  const { compute, resources, token } = clientsOf(server)
  const image = diskImage(64)
  const vhd = fixedVhd(image)
  const id = (rest: string) => `/subscriptions/${server.admin.subscriptionId}/resourceGroups/${group}/providers/${rest}`
  const definition = id('Microsoft.Compute/galleries/corp/images/ubuntu')

  await t.test('a group, a gallery, a definition', async () => {
    const made = await resources.resourceGroups.createOrUpdate(group, { location: 'eastus', tags: { team: 'images' } })
    assert.equal(made.properties?.provisioningState, 'Succeeded')
    assert.equal((await resources.resourceGroups.checkExistence(group)).body, true)
    const gallery = await compute.galleries.createOrUpdate(group, 'corp', { location: 'eastus' }, fast)
    assert.equal(gallery.provisioningState, 'Succeeded')
    assert.equal(gallery.id, id('Microsoft.Compute/galleries/corp'))
    const image = await compute.galleryImages.createOrUpdate(
      group,
      'corp',
      'ubuntu',
      {
        location: 'eastus',
        osType: 'Linux',
        osState: 'Generalized',
        hyperVGeneration: 'V2',
        architecture: 'x64',
        identifier: { publisher: 'Contoso', offer: 'Linux', sku: 'Base' },
      },
      fast,
    )
    assert.equal(image.id, definition)
    assert.deepEqual(image.identifier, { publisher: 'Contoso', offer: 'Linux', sku: 'Base' })
  })

  await t.test('a disk is uploaded by page blob and becomes a version in three regions', async () => {
    const disk = await compute.disks.createOrUpdate(
      group,
      'golden',
      {
        location: 'eastus',
        osType: 'Linux',
        hyperVGeneration: 'V2',
        creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length },
      },
      fast,
    )
    assert.equal(disk.diskState, 'ReadyToUpload')
    const access = await compute.disks.grantAccess(group, 'golden', { access: 'Write', durationInSeconds: 3600 }, fast)
    await uploadPages(signedBlob(access), vhd)
    await compute.disks.revokeAccess(group, 'golden', fast)
    const uploaded = await compute.disks.get(group, 'golden')
    assert.equal(uploaded.diskState, 'Unattached')
    assert.equal(uploaded.diskSizeBytes, image.length)

    const states: string[] = []
    const poller = compute.galleryImageVersions.createOrUpdate(
      group,
      'corp',
      'ubuntu',
      '1.0.0',
      {
        location: 'eastus',
        storageProfile: { osDiskImage: { source: { id: uploaded.id ?? '' } } },
        publishingProfile: {
          targetRegions: [
            { name: 'eastus', regionalReplicaCount: 1 },
            { name: 'West US 2' },
            { name: 'westeurope', excludeFromLatest: true },
          ],
        },
      },
      fast,
    )
    poller.onProgress(state => states.push(state.status))
    const version = await poller
    assert.equal(version.provisioningState, 'Succeeded')
    assert.deepEqual(
      version.publishingProfile?.targetRegions?.map(({ name }) => name),
      ['East US', 'West US 2', 'West Europe'],
    )
    assert.equal(states.at(-1), 'succeeded')
    const shown = await compute.galleryImageVersions.get(group, 'corp', 'ubuntu', '1.0.0', {
      expand: 'ReplicationStatus',
    })
    assert.equal(shown.replicationStatus?.aggregatedState, 'Completed')
    assert.deepEqual(
      shown.replicationStatus?.summary?.map(({ state, progress }) => ({ state, progress })),
      Array.from({ length: 3 }, () => ({ state: 'Completed', progress: 100 })),
    )
  })

  await t.test('bytes come back from each region; the latest honours exclusion', async () => {
    const read = async (name: string, location: string, from: string) => {
      await compute.disks.createOrUpdate(
        group,
        name,
        { location, creationData: { createOption: 'FromImage', galleryImageReference: { id: from } } },
        fast,
      )
      const access = await compute.disks.grantAccess(group, name, { access: 'Read', durationInSeconds: 600 }, fast)
      const bytes = await download(signedBlob(access))
      await compute.disks.revokeAccess(group, name, fast)
      return bytes
    }
    assertVhdOf(await read('east', 'eastus', `${definition}/versions/1.0.0`), image)
    assertVhdOf(await read('west', 'westus2', definition), image)
    assertVhdOf(await read('europe', 'westeurope', `${definition}/versions/1.0.0`), image)
    await assert.rejects(read('europe-latest', 'westeurope', definition), { name: 'RestError' })
    await assert.rejects(read('asia', 'southeastasia', `${definition}/versions/1.0.0`), { name: 'RestError' })
  })

  await t.test('snapshots, full and incremental, and a managed image', async () => {
    const source = id('Microsoft.Compute/disks/golden')
    const creationData = { createOption: 'Copy', sourceResourceId: source }
    const full = await compute.snapshots.createOrUpdate(group, 'full', { location: 'eastus', creationData }, fast)
    assert.equal(full.diskSizeBytes, image.length)
    await compute.snapshots.createOrUpdate(group, 'part', { location: 'eastus', creationData, incremental: true }, fast)
    const access = await compute.snapshots.grantAccess(group, 'part', { access: 'Read', durationInSeconds: 600 }, fast)
    assertVhdOf(await download(signedBlob(access)), image)
    await compute.snapshots.revokeAccess(group, 'part', fast)
    const managed = await compute.images.createOrUpdate(
      group,
      'managed',
      {
        location: 'eastus',
        hyperVGeneration: 'V2',
        storageProfile: { osDisk: { osType: 'Linux', osState: 'Generalized', snapshot: { id: full.id ?? '' } } },
      },
      fast,
    )
    const version = await compute.galleryImageVersions.createOrUpdate(
      group,
      'corp',
      'ubuntu',
      '1.1.0',
      { location: 'eastus', storageProfile: { source: { id: managed.id ?? '' } } },
      fast,
    )
    assert.equal(version.provisioningState, 'Succeeded')
    assert.deepEqual(
      (await collect(compute.snapshots.listByResourceGroup(group))).map(({ name }) => name),
      ['full', 'part'],
    )
  })

  await t.test('a storage account, its blobs, and a version of a VHD in it', async () => {
    const path = id('Microsoft.Storage/storageAccounts/vhdstore')
    const authorization = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    const call = async (method: string, rest: string, body?: unknown) => {
      const answer = await fetch(`${server.url}${path}${rest}?api-version=2023-01-01`, {
        method,
        headers: authorization,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      assert.ok(answer.ok, `${method} ${rest}: ${answer.status} ${await answer.clone().text()}`)
      return answer
    }
    await call('PUT', '', { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} })
    const account = await until(
      async () => (await (await call('GET', '')).json()) as { properties: AccountProperties },
      ({ properties }) => properties.provisioningState === 'Succeeded',
    )
    const { keys } = (await (await call('POST', '/listKeys')).json()) as { keys: { value: string }[] }
    const credential = new StorageSharedKeyCredential('vhdstore', keys[0]?.value ?? '')
    const service = new BlobServiceClient(account.properties.primaryEndpoints.blob, credential)
    const container = service.getContainerClient('vhds')
    await container.create()
    const page = await uploadBlob(container, 'golden.vhd', vhd)
    await page.uploadPages(Buffer.alloc(512, 7), 4096, 512)
    await page.clearPages(4096, 512)
    assert.ok((await download(page)).equals(vhd))

    const text = container.getBlockBlobClient('notes/readme.txt')
    await text.uploadData(Buffer.alloc(9 * mebibyte, 'read me '), { blockSize: 4 * mebibyte, maxSingleShotSize: 1024 })
    assert.equal((await text.getProperties()).contentLength, 9 * mebibyte)
    assert.equal((await text.downloadToBuffer(8 * mebibyte, 8)).toString(), 'read me ')
    const names = (await collect(container.listBlobsFlat())).map(({ name, properties }) => [name, properties.blobType])
    assert.deepEqual(names, [
      ['golden.vhd', 'PageBlob'],
      ['notes/readme.txt', 'BlockBlob'],
    ])

    const version = await compute.galleryImageVersions.createOrUpdate(
      group,
      'corp',
      'ubuntu',
      '1.2.0',
      {
        location: 'eastus',
        storageProfile: { osDiskImage: { source: { storageAccountId: `${path}`, uri: page.url } } },
      },
      fast,
    )
    assert.equal(version.provisioningState, 'Succeeded')
    await compute.disks.createOrUpdate(
      group,
      'imported',
      { location: 'eastus', creationData: { createOption: 'Import', sourceUri: page.url, storageAccountId: path } },
      fast,
    )
    await text.delete()
    await page.delete()
    const access = await compute.disks.grantAccess(group, 'imported', { access: 'Read', durationInSeconds: 600 }, fast)
    assertVhdOf(await download(signedBlob(access)), image)
    await compute.disks.revokeAccess(group, 'imported', fast)
  })

  await t.test('lists are in numeric order and a PATCH changes what it names', async () => {
    for (const name of ['1.10.0', '1.9.0']) {
      const source = { id: `${definition}/versions/1.0.0` }
      const version = { location: 'eastus', storageProfile: { source } }
      await compute.galleryImageVersions.createOrUpdate(group, 'corp', 'ubuntu', name, version, fast)
    }
    const versions = await collect(compute.galleryImageVersions.listByGalleryImage(group, 'corp', 'ubuntu'))
    assert.deepEqual(
      versions.map(({ name }) => name),
      ['1.0.0', '1.1.0', '1.2.0', '1.9.0', '1.10.0'],
    )
    const patched = await compute.galleryImageVersions.update(
      group,
      'corp',
      'ubuntu',
      '1.9.0',
      { tags: { a: 'b' } },
      fast,
    )
    assert.deepEqual(patched.tags, { a: 'b' })
    assert.deepEqual(
      patched.publishingProfile?.targetRegions?.map(({ name }) => name),
      ['East US'],
    )
  })

  await t.test('all of it goes with its group', async () => {
    const versions = await collect(compute.galleryImageVersions.listByGalleryImage(group, 'corp', 'ubuntu'))
    for (const { name } of versions)
      await compute.galleryImageVersions.delete(group, 'corp', 'ubuntu', name ?? '', fast)
    await assert.rejects(compute.galleryImageVersions.get(group, 'corp', 'ubuntu', '1.0.0'), { statusCode: 404 })
    await compute.galleryImages.delete(group, 'corp', 'ubuntu', fast)
    await resources.resourceGroups.delete(group, fast)
    assert.equal((await resources.resourceGroups.checkExistence(group)).body, false)
    assert.deepEqual(await collect(resources.resources.list()), [])
  })
})

interface AccountProperties {
  provisioningState: string
  primaryEndpoints: { blob: string }
}

const until = async <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> => {
  for (let tries = 0; tries < 200; tries++) {
    const value = await read()
    if (holds(value)) return value
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('It did not come true within 20 seconds.')
}
