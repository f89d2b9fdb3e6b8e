import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { type Neighbour, SUBSCRIPTION } from '../../../../../../test/support/test-arm.ts'
import { diskOf, disksOf } from '../../stored-disk.ts'
import { GALLERY, IMAGE, noise, ofDisk, regions, version } from '../test-gallery.ts'
import {
  COLLEAGUE,
  COMMUNITY,
  FOREIGN_TENANT,
  FOREIGNER,
  ofColleague,
  ofTenant,
  startTestSharing,
  type TestSharing,
  UNIQUE_NAME,
} from './test-neighbours.ts'

let arm: TestSharing
before(async () => {
  arm = await startTestSharing()
})
after(() => arm.close())

const sharedId = (tail = '') => `/SharedGalleries/${UNIQUE_NAME}/Images/i${tail}`
const communityId = (tail = '') => `/CommunityGalleries/${arm.publicName}/Images/open${tail}`

const diskPath = (who: Neighbour, name: string) => `${arm.groupOf(who)}/providers/Microsoft.Compute/disks/${name}`
const diskBody = (galleryImageReference: JsonObject, location = 'eastus'): JsonObject => ({
  location,
  properties: { creationData: { createOption: 'FromImage', galleryImageReference } },
})
const disk = (who: Neighbour, name: string, reference: JsonObject, location?: string) =>
  arm.by(who.caller).done('PUT', diskPath(who, name), diskBody(reference, location))
const noDisk = (who: Neighbour, reference: JsonObject, location?: string) =>
  arm.by(who.caller).refused('PUT', diskPath(who, 'refused'), diskBody(reference, location))
const manifestOf = async (path: string) => {
  const document = await arm.arm.resources.find(path.toLowerCase())
  assert.ok(document, path)
  return diskOf(document)?.manifest ?? disksOf(document)?.os?.manifest
}

test('a disk of a directly shared image is its bytes, in every form of its name, and tells no more than was sent', async () => {
  assert.match(
    await noDisk(COLLEAGUE, { sharedGalleryImageId: sharedId('/Versions/1.0.0') }),
    /^404 GalleryImageNotFound/,
  )
  await arm.share(GALLERY, 'Add', ofColleague)
  for (const [name, tail, number] of [
    ['exact', '/Versions/1.0.0', '1.0.0'],
    ['latest', '/versions/LATEST', '1.1.0'],
    ['definition', '', '1.1.0'],
  ] as const) {
    const made = await disk(COLLEAGUE, name, { sharedGalleryImageId: sharedId(tail) })
    assert.deepEqual(made.properties.creationData.galleryImageReference, { sharedGalleryImageId: sharedId(tail) })
    assert.equal(await manifestOf(diskPath(COLLEAGUE, name)), await manifestOf(version(number)))
  }
  // Read through the consumer's region: what is not there is refused, and `latest` is that of the region.
  await disk(COLLEAGUE, 'west', { sharedGalleryImageId: sharedId() }, 'westus2')
  assert.equal(await manifestOf(diskPath(COLLEAGUE, 'west')), await manifestOf(version('1.0.0')))
  const west = await noDisk(COLLEAGUE, { sharedGalleryImageId: sharedId('/Versions/1.1.0') }, 'westus2')
  assert.match(
    west,
    /^404 GalleryImageNotFound: "The gallery image \/SharedGalleries\/.*\/Versions\/1\.1\.0 is not available in westus2/,
  )

  const unknown = `/SharedGalleries/${SUBSCRIPTION}-NONE/Images/i`
  const stranger = await noDisk(FOREIGNER, { sharedGalleryImageId: sharedId() })
  assert.equal(
    stranger.replace(sharedId(), 'X'),
    (await noDisk(FOREIGNER, { sharedGalleryImageId: unknown })).replace(unknown, 'X'),
  )
  await arm.share(GALLERY, 'Remove', ofColleague)
})

test('what names no image is refused by its form', async () => {
  for (const [reference, message] of [
    [
      { sharedGalleryImageId: communityId() },
      /^400 InvalidParameter: .*imageReference\.sharedGalleryImageId' is invalid/,
    ],
    [
      { communityGalleryImageId: sharedId() },
      /^400 InvalidParameter: .*imageReference\.communityGalleryImageId' is invalid/,
    ],
    [{ sharedGalleryImageId: 'nonsense' }, /^400 InvalidParameter/],
    [
      { sharedGalleryImageId: sharedId(), communityGalleryImageId: communityId() },
      /^400 InvalidParameter: .*imageReference is invalid/,
    ],
    [{ id: version('1.0.0'), sharedGalleryImageId: sharedId() }, /^400 InvalidParameter/],
    [{ id: GALLERY }, /^400 InvalidParameter: .*imageReference is invalid/],
  ] as const)
    assert.match(await noDisk(COLLEAGUE, reference), message)
})

test('by its id it takes a role, or a sharing, which goes over tenants too', async () => {
  const id = version('1.0.0')
  assert.match(
    await noDisk(COLLEAGUE, { id }),
    /^403 LinkedAuthorizationFailed: The client '.*' has permission to perform action 'Microsoft\.Compute\/disks\/write' .*'Microsoft\.Compute\/galleries\/images\/versions\/read' on the linked scope/,
  )
  const foreign = await noDisk(FOREIGNER, { id })
  assert.match(
    foreign,
    new RegExp(
      `^403 LinkedAuthorizationFailed: .*however the current tenant '${FOREIGN_TENANT}' is not authorized to access linked subscription '${SUBSCRIPTION}'`,
    ),
  )
  // Nothing is told of what is there: not the version, not even the subscription.
  const none = id.replace('1.0.0', '9.9.9')
  assert.equal(await noDisk(FOREIGNER, { id: none }), foreign)
  const nowhere = '99999999-9999-4999-8999-999999999999'
  assert.equal(
    (await noDisk(FOREIGNER, { id: id.replace(SUBSCRIPTION, nowhere) })).replace(nowhere, SUBSCRIPTION),
    foreign,
  )
  assert.match(await noDisk(FOREIGNER, { id: IMAGE }), /^403 LinkedAuthorizationFailed/)

  await arm.share(GALLERY, 'Add', [...ofColleague, ...ofTenant])
  await disk(COLLEAGUE, 'byId', { id })
  await disk(FOREIGNER, 'byId', { id: IMAGE })
  assert.equal(await manifestOf(diskPath(FOREIGNER, 'byId')), await manifestOf(version('1.1.0')))
  await disk(FOREIGNER, 'byName', { sharedGalleryImageId: sharedId('/Versions/latest') })
  await arm.share(GALLERY, 'Remove', [...ofColleague, ...ofTenant])
  assert.match(await noDisk(COLLEAGUE, { id }), /^403 LinkedAuthorizationFailed/)
  assert.match(await noDisk(FOREIGNER, { sharedGalleryImageId: sharedId() }), /^404 GalleryImageNotFound/)
})

test('the community’s images are for everybody with a subscription, as disks and as versions', async () => {
  assert.match(await noDisk(FOREIGNER, { communityGalleryImageId: communityId() }), /^404 GalleryImageNotFound/)
  await arm.share(COMMUNITY, 'EnableCommunity')
  const open = `${COMMUNITY}/images/open/versions/2.0.0`
  const made = await disk(FOREIGNER, 'open', { communityGalleryImageId: communityId('/Versions/latest') })
  assert.equal(await manifestOf(diskPath(FOREIGNER, 'open')), await manifestOf(open))
  assert.ok(!JSON.stringify(made).includes(SUBSCRIPTION))
  assert.equal(made.properties.osType, 'Linux')

  const gallery = `${arm.groupOf(FOREIGNER)}/providers/Microsoft.Compute/galleries/own`
  const their = arm.by(FOREIGNER.caller)
  await their.done('PUT', gallery, { location: 'eastus' })
  const properties = {
    osType: 'Linux',
    osState: 'Specialized',
    hyperVGeneration: 'V1',
    identifier: { publisher: 'p', offer: 'o', sku: 's' },
  }
  await their.done('PUT', `${gallery}/images/copy`, { location: 'eastus', properties })
  const of = (source: JsonObject, location = 'eastus') => ({ location, properties: { storageProfile: { source } } })
  const copy = `${gallery}/images/copy/versions`
  const copied = await their.done(
    'PUT',
    `${copy}/1.0.0`,
    of({ communityGalleryImageId: communityId('/Versions/2.0.0') }),
  )
  assert.equal(await manifestOf(`${copy}/1.0.0`), await manifestOf(open))
  assert.ok(!JSON.stringify(copied).includes(SUBSCRIPTION))
  assert.match(
    await their.refused('PUT', `${copy}/2.0.0`, of({ communityGalleryImageId: communityId('/Versions/9.0.0') })),
    /^(400|404) InvalidParameter: Source/,
  )
  assert.match(
    await their.refused('PUT', `${copy}/2.0.0`, of({ communityGalleryImageId: communityId(), id: version('1.0.0') })),
    /^400 InvalidParameter: .*One and only one source/,
  )
  assert.match(
    await their.refused('PUT', `${copy}/2.0.0`, of({ id: version('1.0.0') })),
    /^403 LinkedAuthorizationFailed/,
  )
})

test('a template uses it over tenants, and is refused before anything is made when the image is not there', async () => {
  await arm.share(GALLERY, 'Add', ofTenant)
  const properties = {
    creationData: {
      createOption: 'FromImage',
      galleryImageReference: { sharedGalleryImageId: "[parameters('image')]" },
    },
  }
  const one = { type: 'Microsoft.Compute/disks', apiVersion: '2024-03-02', location: 'eastus', properties }
  const template = {
    $schema: 'x',
    contentVersion: '1.0.0.0',
    parameters: { image: { type: 'string' }, name: { type: 'string' } },
    resources: [
      {
        type: 'Microsoft.Compute/galleries',
        apiVersion: '2024-03-03',
        name: "[parameters('name')]",
        location: 'eastus',
      },
      { ...one, name: "[parameters('name')]" },
    ],
  }
  const deploy = (name: string, image: string) =>
    arm
      .as(FOREIGNER.caller)
      .complete('PUT', `${arm.groupOf(FOREIGNER)}/providers/Microsoft.Resources/deployments/${name}`, {
        properties: { mode: 'Incremental', template, parameters: { image: { value: image }, name: { value: name } } },
      })
  const made = await deploy('first', sharedId('/Versions/latest'))
  assert.equal(made.body.properties.provisioningState, 'Succeeded', JSON.stringify(made.body))
  assert.equal(await manifestOf(diskPath(FOREIGNER, 'first')), await manifestOf(version('1.1.0')))
  await arm.share(GALLERY, 'Remove', ofTenant)
  const refused = (await deploy('second', sharedId('/Versions/latest'))).body.error
  assert.equal(refused.code, 'InvalidTemplateDeployment')
  assert.match(
    refused.details[0].message,
    /^In region eastus, the following list of Shared Image Gallery images referenced from the deployment template were not found: \/SharedGalleries/,
  )
  const gallery = `${arm.groupOf(FOREIGNER)}/providers/Microsoft.Compute/galleries/second`
  assert.match(await arm.by(FOREIGNER.caller).refused('GET', gallery), /^404 /)
  // What is there already needs its image no more.
  assert.equal((await deploy('first', sharedId('/Versions/latest'))).body.properties.provisioningState, 'Succeeded')
})

test('what goes wrong with a community image is told by its public name', async () => {
  const key = `${COMMUNITY}/images/open/versions/2.0.0`.toLowerCase()
  const before = await arm.arm.resources.find(key)
  const provenance = { envelope: { payloadType: 'x', payload: 'e30=', signatures: [] } }
  await arm.arm.resources.change(key, version => ({ ...version, hidden: { ...version.hidden, provenance } }))
  const communityGalleryImageId = communityId('/Versions/2.0.0')
  const failed = await arm
    .as(FOREIGNER.caller)
    .complete('PUT', diskPath(FOREIGNER, 'broken'), diskBody({ communityGalleryImageId }))
  assert.ok(failed.status >= 400 && failed.body.error.message.includes(communityGalleryImageId), JSON.stringify(failed))
  assert.ok(!JSON.stringify(failed).includes(SUBSCRIPTION))
  await arm.arm.resources.change(key, version => ({ ...version, hidden: before?.hidden ?? {} }))
})

test('a version that was deleted softly is good for who names it, and never the latest', async () => {
  await arm.share(GALLERY, 'Add', ofColleague)
  await arm.done('PATCH', GALLERY, { properties: { softDeletePolicy: { isSoftDeleteEnabled: true } } })
  await arm.done('PUT', version('7.0.0'), ofDisk(await arm.snapshot('seven', noise(7)), regions('eastus')))
  const manifest = await manifestOf(version('7.0.0'))
  await arm.done('DELETE', version('7.0.0'))
  await disk(COLLEAGUE, 'seven', { sharedGalleryImageId: sharedId('/Versions/7.0.0') })
  assert.equal(await manifestOf(diskPath(COLLEAGUE, 'seven')), manifest)
  await disk(COLLEAGUE, 'after', { sharedGalleryImageId: sharedId() })
  assert.equal(await manifestOf(diskPath(COLLEAGUE, 'after')), await manifestOf(version('1.1.0')))
  arm.clock.advance(8 * 24 * 3600 * 1000)
  assert.match(
    await noDisk(COLLEAGUE, { sharedGalleryImageId: sharedId('/Versions/7.0.0') }),
    /^404 GalleryImageNotFound/,
  )
  await arm.share(GALLERY, 'Remove', ofColleague)
})

test('the owner is told who has what was made of the gallery, and whether they could make more', async () => {
  await arm.share(GALLERY, 'Add', ofTenant)
  await disk(FOREIGNER, 'counted', { sharedGalleryImageId: sharedId('/Versions/1.0.0') })
  await arm.share(GALLERY, 'Reset')
  const { value } = await arm.done('POST', `${GALLERY}/listConsumers`)
  const foreign = value.filter(
    (use: { subscriptionId?: string; version: string; location: string }) =>
      use.subscriptionId === FOREIGNER.subscriptionId && use.version === '1.0.0',
  )
  assert.deepEqual(foreign, [
    {
      image: 'i',
      version: '1.0.0',
      location: 'eastus',
      access: 'SharedGallery',
      subscriptionId: FOREIGNER.subscriptionId,
      tenantId: FOREIGN_TENANT,
      isStillShared: false,
      virtualMachines: 0,
      disks: 1,
    },
  ])
  await arm.by(FOREIGNER.caller).done('DELETE', diskPath(FOREIGNER, 'counted'))
  const left = (await arm.done('POST', `${GALLERY}/listConsumers`)).value
  assert.ok(
    !left.some(
      (use: { version: string; tenantId?: string }) => use.version === '1.0.0' && use.tenantId === FOREIGN_TENANT,
    ),
  )

  // Of the community's consumers there are numbers, and no names.
  const open = (await arm.done('POST', `${COMMUNITY}/listConsumers`)).value
  assert.deepEqual(open, [
    {
      image: 'open',
      version: '2.0.0',
      location: 'eastus',
      access: 'CommunityGallery',
      isStillShared: true,
      virtualMachines: 0,
      disks: 1,
    },
  ])
  assert.match(await arm.by(COLLEAGUE.caller).refused('POST', `${GALLERY}/listConsumers`), /^403 AuthorizationFailed/)
})
