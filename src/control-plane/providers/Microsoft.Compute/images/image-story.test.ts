import assert from 'node:assert/strict'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ContainerClient } from '@azure/storage-blob'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import {
  assertVhdOf,
  diskImage,
  download,
  fixedVhd,
  signedBlob,
  uploadBlob,
} from '../../../../../test/scenarios/disk-image.ts'
import { startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import { disksOf } from '../stored-disk.ts'

const group = 'resourceGroups/rg'
const compute = `${group}/providers/Microsoft.Compute`
const account = `${group}/providers/Microsoft.Storage/storageAccounts/golden`
const image = diskImage(20, 5)
const data = Buffer.from(image.toReversed())

let arm: TestArm
let blobs: ContainerClient
let osUri: string
let dataUri: string
before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'], allowedVhdHosts: ['http://files.example.com'] })
  await arm.send('PUT', group, { location: 'eastus' })
  const made = await arm.complete('PUT', account, {
    location: 'eastus',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
  })
  const sas = await arm.send('POST', `${account}/listAccountSas`, {
    signedServices: 'b',
    signedResourceTypes: 'sco',
    signedPermission: 'rwdlac',
    signedExpiry: '2027-01-01T00:00:00Z',
  })
  blobs = new ContainerClient(`${made.body.properties.primaryEndpoints.blob}vhds?${sas.body.accountSasToken}`)
  await blobs.create()
  osUri = (await uploadBlob(blobs, 'os.vhd', fixedVhd(image))).url.split('?')[0] ?? ''
  dataUri = (await uploadBlob(blobs, 'data.vhd', fixedVhd(data))).url.split('?')[0] ?? ''
})
after(() => arm.close())

const put = (path: string, properties: object, location = 'eastus') =>
  arm.complete('PUT', `${compute}/${path}`, { location, properties } as never)
const get = async (path: string) => (await arm.send('GET', `${compute}/${path}`)).body
const read = async (path: string) => {
  const access = await arm.complete('POST', `${compute}/${path}/beginGetAccess`, {
    access: 'Read',
    durationInSeconds: 60,
  })
  const bytes = await download(signedBlob(access.body))
  await arm.complete('POST', `${compute}/${path}/endGetAccess`)
  return bytes
}
/** The size and the first bytes of each disk of an image, the OS disk first. */
const disksOfImage = async (name: string): Promise<{ sizeBytes: number; start: Buffer }[]> => {
  const document = await arm.arm.resources.find((await get(`images/${name}`)).id.toLowerCase())
  const disks = document && disksOf(document)
  assert.ok(disks?.os)
  const read = async ({ manifest, sizeBytes }: { manifest: ManifestId; sizeBytes: number }) => {
    const file = await arm.regions.open('eastus', manifest)
    const start = Buffer.alloc(image.length)
    await file.read(0, start)
    await file.close()
    return { sizeBytes, start }
  }
  return await Promise.all([disks.os, ...disks.data].map(read))
}

describe('a disk by import', () => {
  test('is the VHD of a blob, with the bytes that it had when it was asked for', async () => {
    const storageAccountId = (await arm.send('GET', account)).body.id
    const made = await put('disks/imported', {
      creationData: { createOption: 'Import', sourceUri: `${osUri}?sig=x`, storageAccountId },
      osType: 'Linux',
    })
    assert.equal(made.status, 200)
    const { properties } = await get('disks/imported')
    assert.equal(properties.diskSizeBytes, image.length)
    assert.equal(properties.creationData.sourceUri, osUri, 'without its signature')
    assertVhdOf(await read('disks/imported'), image)
    const again = (sourceUri: string) =>
      put('disks/imported', { creationData: { createOption: 'Import', sourceUri, storageAccountId } })
    assert.deepEqual((await again(`${osUri}?sig=y`)).body.properties, properties, 'the same, signed anew')
    assert.deepEqual((await get('disks/imported')).properties, properties)
    assert.equal((await again(`${dataUri}?sig=y`)).body.error.code, 'PropertyChangeNotAllowed')
    const snapshot = await put('snapshots/imported', { creationData: { createOption: 'Import', sourceUri: osUri } })
    assert.equal(snapshot.body.properties.diskSizeBytes, image.length)
  })

  test('refuses what is no VHD, is not there, lies elsewhere, or belongs to another account', async () => {
    await blobs.uploadBlockBlob('text.vhd', 'no disk', 7)
    const url = (name: string) => osUri.replace('os.vhd', name)
    const id = (await arm.send('GET', account)).body.id
    const cases: readonly (readonly [object, RegExp, string?])[] = [
      [{ sourceUri: url('text.vhd') }, /not a supported VHD/],
      [{ sourceUri: url('none.vhd') }, /not found/],
      [{ sourceUri: osUri, storageAccountId: id.replace('golden', 'silver') }, /not the one of the source blob/],
      [{ sourceUri: osUri }, /same location/, 'westus2'],
      [{ sourceUri: 'https://evil.example.net/a.vhd?sig=s' }, /'evil.example.net' is not among them/],
      [{ sourceUri: 'https://127.0.0.1/a.vhd' }, /not among them/],
      [{ sourceUri: 'nonsense' }, /invalid/],
      [{}, /sourceUri' is missing/],
    ]
    for (const [index, [source, message, location]] of cases.entries()) {
      const creationData = { createOption: 'Import', ...source }
      const refused = await put(`disks/refused-${index}`, { creationData }, location)
      assert.match(refused.body.error.message, message, JSON.stringify(source))
      assert.ok(!refused.body.error.message.includes('sig='))
      await arm.complete('DELETE', `${compute}/disks/refused-${index}`)
    }
  })

  test('that failed can be asked for again', async () => {
    const creationData = { createOption: 'Import', sourceUri: osUri.replace('os.vhd', 'text.vhd') }
    const refused = await put('disks/again', { creationData })
    assert.equal(refused.body.error.code, 'InvalidVhd')
    const failed = await get('disks/again')
    assert.equal(failed.properties.provisioningState, 'Failed')
    const access = { access: 'Read', durationInSeconds: 60 }
    const unreadable = await arm.send('POST', `${compute}/disks/again/beginGetAccess`, access)
    assert.equal(unreadable.body.error.code, 'OperationNotAllowed')
    await blobs.deleteBlob('text.vhd')
    await uploadBlob(blobs, 'text.vhd', fixedVhd(data))
    const made = await put('disks/again', { creationData })
    assert.equal(made.body.properties.provisioningState, 'Succeeded')
    assert.equal(made.body.properties.uniqueId, failed.properties.uniqueId)
    assertVhdOf(await read('disks/again'), data)
    await arm.complete('DELETE', `${compute}/disks/again`)
  })

  test('a listed host is asked only at public addresses', async () => {
    let asked = false
    const server = http.createServer(() => {
      asked = true
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const other = await startTestArm({ regions: ['eastus'], allowedVhdHosts: [`http://localhost:${port}`] })
    try {
      await other.send('PUT', group, { location: 'eastus' })
      const creationData = { createOption: 'Import', sourceUri: `http://localhost:${port}/a.vhd` }
      const refused = await other.complete('PUT', `${compute}/disks/inside`, {
        location: 'eastus',
        properties: { creationData },
      })
      assert.match(refused.body.error.message, /not among them|not public/)
      assert.equal(asked, false)
    } finally {
      await other.close()
      server.close()
    }
  })

  test('az makes up an account id where accounts stand in the path', async () => {
    const id = (await arm.send('GET', account)).body.id.replace('golden', osUri.split('.')[0]?.split('/').at(-1))
    const creationData = { createOption: 'Import', sourceUri: osUri, storageAccountId: id }
    assert.equal((await put('disks/by-az', { creationData })).status, 200)
  })
})

describe('a managed image', () => {
  const osDisk = async (source: object) => ({ osType: 'Linux', osState: 'Generalized', ...source })

  test('of a disk, a snapshot and a blob holds their bytes for itself', async () => {
    const diskId = (await get('disks/imported')).id
    const creationData = { createOption: 'Copy', sourceResourceId: diskId }
    const snapshot = await put('snapshots/os', { creationData })
    const made = await put('images/all', {
      storageProfile: {
        osDisk: await osDisk({ managedDisk: { id: diskId }, caching: 'readwrite' }),
        dataDisks: [
          { lun: 3, blobUri: dataUri },
          { lun: 0, snapshot: { id: snapshot.body.id }, diskSizeGB: 1 },
        ],
      },
    })
    assert.equal(made.status, 200)
    const shown = await get('images/all')
    assert.equal(shown.properties.hyperVGeneration, 'V1')
    const [first, second] = shown.properties.storageProfile.dataDisks
    assert.deepEqual([first.lun, first.diskSizeGB, second.lun, second.diskSizeGB], [3, 1, 0, 1])
    assert.equal(shown.properties.storageProfile.osDisk.caching, 'ReadWrite')
    assert.equal(shown.properties.storageProfile.osDisk.storageAccountType, 'Standard_LRS')
    await arm.complete('DELETE', `${compute}/disks/imported`)
    await arm.complete('DELETE', `${compute}/snapshots/os`)
    await arm.regions.collect('eastus')
    const [os, blob, larger] = await disksOfImage('all')
    assert.ok(os?.start.equals(image))
    assert.ok(blob?.start.equals(data))
    assert.equal(larger?.sizeBytes, 2 ** 30, 'a larger size is room behind the bytes')
    assert.ok(larger?.start.equals(image))
  })

  test('takes new tags, the same again, what GET gave, and no change', async () => {
    const sent = {
      location: 'eastus',
      tags: { a: 'b' },
      properties: {
        storageProfile: {
          dataDisks: [
            { lun: 0, diskSizeGB: 1 },
            { lun: 3, blobUri: `${dataUri}?sig=y` },
          ],
        },
      },
    }
    const again = await arm.complete('PUT', `${compute}/images/all`, sent)
    assert.equal(again.status, 200)
    assert.deepEqual(again.body.tags, { a: 'b' })
    const echoed = await arm.complete('PUT', `${compute}/images/all`, again.body)
    assert.deepEqual(echoed.body.properties, again.body.properties)
    const patched = await arm.complete('PATCH', `${compute}/images/all`, { tags: { c: 'd' } })
    assert.deepEqual(patched.body.tags, { c: 'd' })
    for (const storageProfile of [
      { osDisk: await osDisk({ blobUri: dataUri }) },
      { osDisk: { ...(await osDisk({})), osType: 'Windows' } },
      { dataDisks: [] },
      { dataDisks: [{ lun: 1, blobUri: dataUri }, { lun: 0 }] },
      { dataDisks: [{ lun: 3, caching: 'ReadOnly' }, { lun: 0 }] },
    ]) {
      const refused = await put('images/all', { storageProfile })
      assert.equal(refused.body.error.code, 'PropertyChangeNotAllowed', JSON.stringify(storageProfile))
    }
    const generation = await put('images/all', { hyperVGeneration: 'V2' })
    assert.equal(generation.body.error.code, 'PropertyChangeNotAllowed')
  })

  test('refuses sources that will not do', async () => {
    const disk = await put('disks/gen2', {
      creationData: { createOption: 'Import', sourceUri: osUri },
      osType: 'Linux',
      hyperVGeneration: 'V2',
    })
    const { id } = disk.body
    const cases: readonly (readonly [object, RegExp])[] = [
      [{}, /osDisk' is missing/],
      [{ storageProfile: { osDisk: await osDisk({}) } }, /Exactly one of/],
      [{ storageProfile: { osDisk: await osDisk({ managedDisk: { id }, blobUri: osUri }) } }, /Exactly one of/],
      [{ storageProfile: { osDisk: await osDisk({ snapshot: { id } }) } }, /cannot be used/],
      [{ storageProfile: { osDisk: await osDisk({ managedDisk: { id: `${id}x` } }) } }, /not found/],
      [{ storageProfile: { osDisk: await osDisk({ managedDisk: { id } }) } }, /hyperVGeneration 'V1'/],
      [
        {
          hyperVGeneration: 'V2',
          storageProfile: { osDisk: { ...(await osDisk({ managedDisk: { id } })), osType: 'Windows' } },
        },
        /osType 'Windows'/,
      ],
      [
        {
          storageProfile: {
            osDisk: await osDisk({ blobUri: osUri }),
            dataDisks: [
              { lun: 1, blobUri: dataUri },
              { lun: 1, blobUri: dataUri },
            ],
          },
        },
        /Duplicated lun/,
      ],
      [{ sourceVirtualMachine: { id: id.replace('disks', 'virtualMachines') } }, /not found/],
    ]
    for (const [properties, message] of cases) {
      const refused = await put('images/refused', properties)
      assert.ok(refused.status >= 400)
      assert.match(refused.body.error.message, message, JSON.stringify(properties))
    }
    const [first] = (await arm.send('GET', `${compute}/images`)).body.value
    assert.equal(first.name, 'all')
  })

  test('deleted with everything else leaves nothing behind', async () => {
    for (const path of ['images/all', 'disks/by-az', 'disks/gen2', 'snapshots/imported'])
      assert.equal((await arm.complete('DELETE', `${compute}/${path}`)).status, 204, path)
    assert.equal((await arm.complete('DELETE', account)).status, 200)
    for await (const { name } of arm.regions.holds('eastus')) assert.fail(name)
    await arm.regions.collect('eastus')
    const [stats] = await arm.regions.stats('eastus')
    assert.equal(stats?.chunks, 0)
  })
})
