import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import * as tls from 'node:tls'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { catalogFile, catalogFolder } from '#data-plane/catalog/catalog-file.ts'
import type { CatalogImage } from '#data-plane/catalog/catalog-image.ts'
import { fileSum } from '#data-plane/disks/file-sum.ts'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { silentLog } from '#foundation/log.ts'
import { diskImage } from '../../../../test/scenarios/disk-image.ts'
import { SUBSCRIPTION, startTestArm, type TestArm } from '../../../../test/support/test-arm.ts'
import { findPlatformImage } from './find-platform-image.ts'
import { diskOf } from './stored-disk.ts'

const bytes = diskImage(21, 5)
const group = 'resourceGroups/rg'
const versionId = (version: string) =>
  `/Subscriptions/${SUBSCRIPTION}/Providers/Microsoft.Compute/Locations/eastus/Publishers/Acme/ArtifactTypes/VMImage/Offers/linux/Skus/one/Versions/${version}`

let arm: TestArm
let file: string
const image = async (version: string): Promise<CatalogImage> => ({
  publisher: 'Acme',
  offer: 'linux',
  sku: 'one',
  version,
  osType: 'Linux',
  hyperVGeneration: 'V2',
  architecture: 'x64',
  source: { file: 'acme.raw', format: 'raw', sha256: await fileSum(file), diskBytes: bytes.length },
})
const offer = async (...images: CatalogImage[]) =>
  fs.writeFile(catalogFile(arm.folder), JSON.stringify({ images, removed: [] }))
const makeDisk = (name: string, id: string, location = 'eastus', more: object = {}) =>
  arm.complete('PUT', `${group}/providers/Microsoft.Compute/disks/${name}`, {
    location,
    properties: { creationData: { createOption: 'FromImage', imageReference: { id } }, ...more },
  } as never)
const holdsOf = async (region: string) => {
  const names: string[] = []
  for await (const { name } of arm.regions.holds(region)) if (name.startsWith('catalog/')) names.push(name)
  return names
}

before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'] })
  await fs.mkdir(catalogFolder(arm.folder))
  file = path.join(catalogFolder(arm.folder), 'acme.raw')
  await fs.writeFile(file, bytes)
  await offer(await image('1.0.9'), await image('1.0.10'))
  await arm.send('PUT', group, { location: 'eastus' })
})
after(() => arm.close())

const reference = { publisher: 'acme', offer: 'Linux', sku: 'ONE' }

test('latest is the highest version by its numbers, whatever the case of the reference', async () => {
  const found = await findPlatformImage(arm, { ...reference, version: 'latest' }, 'eastus')
  assert.deepEqual(found.name, { publisher: 'Acme', offer: 'linux', sku: 'one', version: '1.0.10' })
  assert.equal(found.id(SUBSCRIPTION), versionId('1.0.10'))
  assert.equal(found.hyperVGeneration, 'V2')
})

test('what is not in the catalogue is refused in Azure’s words', async () => {
  await assert.rejects(findPlatformImage(arm, { ...reference, version: '2.0.0' }, 'eastus'), {
    status: 404,
    code: 'PlatformImageNotFound',
    target: 'imageReference',
    message:
      "The platform image 'acme:Linux:ONE:2.0.0' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile.",
  })
})

test('an image whose bytes are not here is refused with the command that gets them', async () => {
  const ubuntu = { publisher: 'Canonical', offer: '0001-com-ubuntu-server-jammy', sku: '22_04-lts-gen2' }
  await assert.rejects(findPlatformImage(arm, { ...ubuntu, version: 'latest' }, 'eastus'), {
    status: 409,
    code: 'PlatformImageNotFetched',
    message: /opengallery catalog fetch Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22\.04\.0$/,
  })
  await assert.rejects(
    findPlatformImage(arm, { publisher: 'OpenGallery', offer: 'tiny', sku: 'gen2', version: 'latest' }, 'eastus'),
    { code: 'PlatformImageNotFetched', message: /opengallery catalog build tiny$/ },
  )
})

test('a disk of a platform image has its bytes and what it is, in every region', async () => {
  for (const location of ['eastus', 'westus2']) {
    const made = await makeDisk(`of-${location}`, versionId('1.0.9'), location)
    assert.equal(made.status, 200, JSON.stringify(made.body))
    const { osType, hyperVGeneration, supportedCapabilities, provisioningState } = made.body.properties
    assert.deepEqual(
      { osType, hyperVGeneration, supportedCapabilities, provisioningState },
      {
        osType: 'Linux',
        hyperVGeneration: 'V2',
        supportedCapabilities: { architecture: 'x64' },
        provisioningState: 'Succeeded',
      },
    )
    const stored = diskOf((await arm.arm.resources.find(made.body.id.toLowerCase())) as never)
    const opened = await arm.regions.open(location, stored?.manifest as never)
    const read = Buffer.alloc(bytes.length)
    await opened.read(0, read)
    await opened.close()
    assert.ok(read.equals(bytes))
  }
  assert.deepEqual(
    [await holdsOf('eastus'), await holdsOf('westus2')].map(holds => holds.length),
    [1, 1],
  )
})

test('a disk can be larger than its image', async () => {
  assert.equal((await makeDisk('grown', versionId('1.0.9'), 'eastus', { diskSizeGB: 2 })).body.properties.diskSizeGB, 2)
  const id = versionId('1.0.9').replace('Publishers/Acme', 'Publishers/Nobody')
  assert.equal((await makeDisk('none', id)).body.error.code, 'PlatformImageNotFound')
})

test('upkeep keeps what is offered and lets go of what is not', async () => {
  const round = () => reconcile(arm.regions, arm.catalog.promises(), arm.catalog.owns, silentLog)
  assert.equal((await round()).released, 0)
  assert.equal((await holdsOf('eastus')).length, 1)
  await fs.writeFile(catalogFile(arm.folder), 'no JSON')
  assert.equal((await round()).released, 0, 'A list that is broken says nothing.')
  await offer()
  assert.equal((await round()).released, 2)
  assert.deepEqual(await holdsOf('eastus'), [])
})

test('another file under the same name is not taken for the image', async () => {
  await offer(await image('1.0.9'))
  const entry = await image('1.0.9')
  await fs.writeFile(file, diskImage(21, 6))
  await offer(entry)
  const made = await makeDisk('changed', versionId('1.0.9'))
  assert.equal(made.body.error.code, 'PlatformImageUnusable')
  assert.match(made.body.error.message, /SHA-256 differs/)
})

test('an image that may be fetched when it is used is fetched then, once, and only with its sum', async t => {
  let fetches = 0
  tls.setDefaultCACertificates(tls.getCACertificates('bundled')) // two of one name would be taken for each other
  const server = https.createServer(trustedTestCertificate(), (_request, response) => {
    fetches++
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await fs.writeFile(file, bytes)
  const { source, ...named } = await image('2.0.0')
  const sha256 = 'sha256' in source ? (source.sha256 ?? '') : ''
  await offer(
    { ...named, source: { url: `${url}/a.raw`, format: 'raw', sha256, fetchOnUse: true } },
    {
      ...named,
      version: '2.1.0',
      source: { url: `${url}/b.raw`, format: 'raw', sha256: 'a'.repeat(64), fetchOnUse: true },
    },
    { ...named, version: '2.2.0', source: { url: `${url}/c.raw`, format: 'raw', sha256 } },
  )
  const made = await Promise.all(['one', 'two'].map(name => makeDisk(name, versionId('2.0.0'))))
  for (const { body } of made) assert.equal(body.properties?.provisioningState, 'Succeeded', JSON.stringify(body))
  assert.equal(fetches, 1)
  const wrong = await makeDisk('wrong', versionId('2.1.0'))
  assert.match(wrong.body.error.message, /is not what it has to be/)
  assert.equal((await makeDisk('asked', versionId('2.2.0'))).body.error.code, 'PlatformImageNotFetched')
})
