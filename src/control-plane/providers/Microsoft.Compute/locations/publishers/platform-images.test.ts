import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aliasDocument } from '#data-plane/catalog/alias-document.ts'
import { SUBSCRIPTION, startTestArm, type TestArm } from '../../../../../../test/support/test-arm.ts'

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus'] })
})
after(() => arm.close())

const publishers = 'providers/Microsoft.Compute/locations/eastus/publishers'
const skus = `${publishers}/canonical/artifacttypes/vmimage/offers/0001-com-ubuntu-server-jammy/skus`
const get = (path: string, query: Record<string, string> = {}) => arm.send('GET', path, undefined, query)
const namesOf = (answer: { body: { name: string }[] }) => answer.body.map(({ name }) => name)

test('the catalogue is walked level by level, as bare arrays', async () => {
  const found = await get(publishers)
  assert.equal(found.status, 200)
  assert.ok(namesOf(found).includes('Canonical') && namesOf(found).includes('OpenGallery'))
  assert.deepEqual(
    found.body.find(({ name }: { name: string }) => name === 'Canonical'),
    {
      location: 'eastus',
      name: 'Canonical',
      id: `/Subscriptions/${SUBSCRIPTION}/Providers/Microsoft.Compute/Locations/eastus/Publishers/Canonical`,
    },
  )
  const offers = await get(`${publishers}/Canonical/artifacttypes/vmimage/offers`)
  assert.deepEqual(namesOf(offers), ['0001-com-ubuntu-server-jammy', 'ubuntu-24_04-lts'])
  assert.deepEqual(namesOf(await get(skus)), ['22_04-lts', '22_04-lts-gen2'])
})

test('versions have an order, a limit and, if asked for, their properties', async () => {
  const newest = await get(`${skus}/22_04-lts-gen2/versions`, { $top: '1', $orderby: 'name desc' })
  assert.equal(newest.body.length, 1)
  assert.equal(newest.body[0].properties, undefined)
  const expanded = await get(`${skus}/22_04-lts-gen2/versions`, { $expand: 'properties' })
  const one = await get(`${skus}/22_04-lts-gen2/versions/${newest.body[0].name}`)
  assert.deepEqual(one.body, expanded.body[0])
  assert.deepEqual(one.body.properties, {
    hyperVGeneration: 'V2',
    architecture: 'x64',
    features: [],
    osDiskImage: { operatingSystem: 'Linux' },
    dataDiskImages: [],
    automaticOSUpgradeProperties: { automaticOSUpgradeSupported: false },
    imageDeprecationStatus: { imageState: 'Active' },
  })
  const ascending = await get(skus, { $orderby: 'name asc' })
  assert.deepEqual(namesOf(await get(skus, { $orderby: 'NAME DESC' })), namesOf(ascending).toReversed())
  assert.equal((await get(skus, { $orderby: 'location' })).body.error.code, 'InvalidQueryParameterValue')
})

test('what is not there is refused as Azure does it', async () => {
  for (const path of [
    `${publishers}/nobody/artifacttypes/vmimage/offers`,
    `${publishers}/Canonical/artifacttypes/disc/offers`,
    `${skus}/nothing/versions`,
    `${skus}/22_04-lts/versions/1.2.3`,
  ]) {
    const { status, body } = await get(path)
    assert.deepEqual(
      { status, error: body.error },
      { status: 404, error: { code: 'NotFound', message: 'Artifact: VMImage was not found.' } },
      path,
    )
  }
  const elsewhere = await get('providers/Microsoft.Compute/locations/nowhere/publishers')
  assert.equal(elsewhere.body.error.code, 'LocationNotAvailableForResourceType')
})

test('every alias leads to an image of the catalogue, with the architecture that az insists on', async () => {
  const { Linux } = aliasDocument(await arm.catalog.images()).outputs.aliases.value
  assert.deepEqual(Linux.Ubuntu2204, {
    publisher: 'Canonical',
    offer: '0001-com-ubuntu-server-jammy',
    sku: '22_04-lts-gen2',
    version: 'latest',
    architecture: 'x64',
  })
  for (const [alias, image] of Object.entries(Linux)) {
    const { publisher, offer, sku } = image as Record<string, string>
    const found = await get(`${publishers}/${publisher}/artifacttypes/vmimage/offers/${offer}/skus/${sku}/versions`)
    assert.equal(found.body.length, 1, alias)
  }
})
