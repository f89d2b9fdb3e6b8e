import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  assertVhdOf,
  diskImage,
  download,
  fixedVhd,
  signedBlob,
  uploadPages,
} from '../../../../../test/scenarios/disk-image.ts'
import { startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'

const group = 'resourceGroups/rg'
const compute = `${group}/providers/Microsoft.Compute`
const definition = `${compute}/galleries/g/images/d`
const image = diskImage(20, 8)
const vhd = fixedVhd(image)

let arm: TestArm
const put = (path: string, properties: object, location = 'eastus') =>
  arm.complete('PUT', path, { location, properties } as never)
const idOf = async (path: string): Promise<string> => (await arm.send('GET', path)).body.id

before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'] })
  await arm.send('PUT', group, { location: 'eastus' })
  await put(`${compute}/disks/os`, {
    creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length },
    osType: 'Linux',
  })
  const grant = { access: 'Write', durationInSeconds: 60 }
  const { body } = await arm.complete('POST', `${compute}/disks/os/beginGetAccess`, grant)
  await uploadPages(signedBlob(body), vhd)
  await arm.complete('POST', `${compute}/disks/os/endGetAccess`)
  await put(`${compute}/disks/data`, { creationData: { createOption: 'Empty' }, diskSizeGB: 2 })
  await put(`${compute}/galleries/g`, {})
  await put(definition, {
    osType: 'Linux',
    osState: 'Specialized',
    hyperVGeneration: 'V1',
    architecture: 'x64',
    identifier: { publisher: 'p', offer: 'o', sku: 's' },
  })
  for (const [name, targetRegions] of [
    ['1.0.0', [{ name: 'eastus' }, { name: 'westus2' }]],
    ['1.1.0', [{ name: 'eastus' }]],
  ] as const) {
    const made = await put(`${definition}/versions/${name}`, {
      publishingProfile: { targetRegions },
      storageProfile: {
        osDiskImage: { source: { id: await idOf(`${compute}/disks/os`) } },
        dataDiskImages: [{ lun: 7, source: { id: await idOf(`${compute}/disks/data`) } }],
      },
    })
    assert.equal(made.body.properties.provisioningState, 'Succeeded', JSON.stringify(made.body))
  }
})
after(() => arm.close())

const fromImage = (name: string, galleryImageReference: object, location = 'eastus', more: object = {}) =>
  put(
    `${compute}/disks/${name}`,
    { creationData: { createOption: 'FromImage', galleryImageReference }, ...more },
    location,
  )

describe('a disk from a gallery image', () => {
  test('of a version has its bytes, its OS and its generation, in the region of the disk', async () => {
    const made = await fromImage('west', { id: await idOf(`${definition}/versions/1.0.0`) }, 'westus2')
    assert.equal(made.status, 200, JSON.stringify(made.body))
    assert.equal(made.body.properties.osType, 'Linux')
    assert.equal(made.body.properties.hyperVGeneration, 'V1')
    assert.equal(made.body.properties.supportedCapabilities.architecture, 'x64')
    const access = await arm.complete('POST', `${compute}/disks/west/beginGetAccess`, {
      access: 'Read',
      durationInSeconds: 60,
    })
    assertVhdOf(await download(signedBlob(access.body)), image)
  })

  test('of a definition or of latest is the newest that the region has', async () => {
    const id = await idOf(definition)
    const find = async (name: string) => {
      const document = await arm.arm.resources.find((await idOf(`${compute}/disks/${name}`)).toLowerCase())
      return document?.properties.diskSizeBytes
    }
    for (const [name, reference, location] of [
      ['east', id, 'eastus'],
      ['latest', `${id}/versions/latest`, 'eastus'],
      ['old', `${id}/versions/LATEST`, 'westus2'],
    ] as const) {
      assert.equal((await fromImage(name, { id: reference }, location)).status, 200)
      assert.equal(await find(name), image.length)
    }
  })

  test('of a data disk has no OS', async () => {
    const made = await fromImage('lun', { id: await idOf(`${definition}/versions/1.1.0`), lun: 7 })
    assert.equal(made.body.properties.diskSizeGB, 2)
    assert.equal(made.body.properties.osType, undefined)
  })

  test('can be larger', async () => {
    const made = await fromImage('larger', { id: await idOf(definition) }, 'eastus', { diskSizeGB: 4 })
    assert.equal(made.body.properties.diskSizeBytes, 4 * 2 ** 30)
  })

  test('is refused where the image is not, and for what is no image', async () => {
    const id = await idOf(definition)
    const cases: readonly (readonly [object, string, RegExp])[] = [
      [{ id: `${id}/versions/1.1.0` }, 'westus2', /^"The gallery image .*1\.1\.0 is not available in westus2 region/],
      [{ id: `${id}/versions/9.9.9` }, 'eastus', /is not available in eastus region/],
      [{ id: `${id}x` }, 'eastus', /is not available in eastus region/],
      [{ id: `${id}/versions/1.0.0`, lun: 8 }, 'eastus', /imageReference is invalid/],
      [{ id: await idOf(`${compute}/disks/os`) }, 'eastus', /imageReference is invalid/],
      [{ lun: 1 }, 'eastus', /imageReference is invalid/],
      [{ sharedGalleryImageId: '/SharedGalleries/a/Images/b' }, 'eastus', /a\/Images\/b is not available in eastus/],
      [{ communityGalleryImageId: '/CommunityGalleries/a/Images/b' }, 'eastus', /b is not available in eastus/],
    ]
    for (const [reference, location, message] of cases) {
      const refused = await fromImage('refused', reference, location)
      assert.ok(refused.status >= 400)
      assert.match(refused.body.error.message, message, JSON.stringify(reference))
    }
    const platform = { createOption: 'FromImage', imageReference: { id: '/Subscriptions/s/Providers/x' } }
    const refused = await put(`${compute}/disks/platform`, { creationData: platform })
    assert.match(refused.body.error.message, /imageReference is invalid/)
  })
})
