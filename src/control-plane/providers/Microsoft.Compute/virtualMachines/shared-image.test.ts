import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { SUBSCRIPTION, TENANT } from '../../../../../test/support/test-arm.ts'
import { COLLEAGUE, communityInfo } from '../galleries/sharing/test-neighbours.ts'
import { COMPUTE, definition } from '../galleries/test-gallery.ts'
import { hiddenOf } from './machine-document.ts'
import { MACHINE, machineBody, NIC, nicBody, startTestMachines, storage, type TestMachines } from './test-machine.ts'

const group = `/subscriptions/${COLLEAGUE.subscriptionId}/resourceGroups/theirs`
const compute = `${group}/providers/Microsoft.Compute`
const gallery = `${compute}/galleries/lent`
const open = `${compute}/galleries/open`
const unique = `${COLLEAGUE.subscriptionId}-LENT`
const sharedId = (tail = '') => `/SharedGalleries/${unique}/Images/i${tail}`

let arm: TestMachines
let colleague: Pick<TestMachines, 'done' | 'refused'>
let publicName: string

before(async () => {
  arm = await startTestMachines({ neighbours: [COLLEAGUE] })
  colleague = arm.by(COLLEAGUE.caller)
  await colleague.done('PUT', group, { location: 'eastus' })
  for (const name of ['one', 'two'])
    await colleague.done('PUT', `${compute}/disks/${name}`, {
      location: 'eastus',
      properties: { creationData: { createOption: 'Empty' }, diskSizeGB: name === 'one' ? 1 : 2 },
    })
  await colleague.done('PUT', gallery, {
    location: 'eastus',
    properties: { sharingProfile: { permissions: 'Groups' } },
  })
  const made = await colleague.done('PUT', open, {
    location: 'eastus',
    properties: { sharingProfile: { permissions: 'Community', communityGalleryInfo: communityInfo } },
  })
  publicName = made.properties.sharingProfile.communityGalleryInfo.publicNames[0]
  for (const one of [gallery, open]) {
    await colleague.done('PUT', `${one}/images/i`, definition())
    await publish(one, '1.0.0', 'one')
  }
  await arm.done('PUT', `${NIC}2`, nicBody())
})
after(() => arm.close())

const publish = (path: string, number: string, disk: string) =>
  colleague.done('PUT', `${path}/images/i/versions/${number}`, {
    location: 'eastus',
    properties: { storageProfile: { osDiskImage: { source: { id: `${compute}/disks/${disk}` } } } },
  })
const share = (path: string, operationType: string, ...ids: string[]) =>
  colleague.done('POST', `${path}/share`, {
    operationType,
    ...(ids.length > 0 ? { groups: [{ type: 'Subscriptions', ids }] } : {}),
  })
const of = (imageReference: JsonObject) => machineBody({ storageProfile: storage({ imageReference }) })
const osDiskOf = async (machine: { properties: { storageProfile: { osDisk: { managedDisk: { id: string } } } } }) =>
  (await arm.done('GET', machine.properties.storageProfile.osDisk.managedDisk.id)).properties

test('a machine of a directly shared image lives on when the sharing ends, and none is made after that', async () => {
  assert.match(
    await arm.refused('PUT', MACHINE, of({ sharedGalleryImageId: sharedId() })),
    /^404 GalleryImageNotFound: "The gallery image \/SharedGalleries\/[^ ]* is not available in eastus/,
  )
  await share(gallery, 'Add', SUBSCRIPTION)
  const reference = { sharedGalleryImageId: sharedId('/Versions/latest') }
  const made = await arm.made(of(reference))
  assert.equal(made.properties.provisioningState, 'Succeeded')
  assert.deepEqual(made.properties.storageProfile.imageReference, { ...reference, exactVersion: '1.0.0' })
  assert.deepEqual((await osDiskOf(made)).creationData.galleryImageReference, {
    sharedGalleryImageId: sharedId('/Versions/1.0.0'),
  })
  await arm.done('PUT', MACHINE, of(reference))
  assert.match(
    await arm.refused('PUT', MACHINE, of({ sharedGalleryImageId: sharedId('/Versions/1.0.0') })),
    /^409 PropertyChangeNotAllowed: Changing property 'imageReference'/,
  )

  await publish(gallery, '2.0.0', 'two')
  const { instanceId } = hiddenOf(await arm.document())
  assert.equal((await arm.send('POST', `${MACHINE}/reimage`, { exactVersion: '2.0.0' })).status, 202)
  await arm.until(async () => {
    const document = await arm.document()
    const { vmId } = made.properties
    const isNew = hiddenOf(document).instanceId !== instanceId
    if (isNew && (await arm.machines.state(vmId)).kind === 'running') arm.machines.becomeReady(vmId)
    return (await arm.operations.active(document.key)) === undefined
  })
  const now = await arm.done('GET', MACHINE)
  assert.deepEqual(now.properties.storageProfile.imageReference, { ...reference, exactVersion: '2.0.0' })
  assert.equal((await osDiskOf(now)).diskSizeBytes, 2 * 2 ** 30)

  await share(gallery, 'Reset')
  assert.equal(await arm.post('restart'), '202')
  assert.equal(await arm.post('deallocate'), '202')
  assert.equal(await arm.post('start'), '202')
  assert.match(await arm.post('reimage'), /^404 GalleryImageNotFound/)
  assert.match(
    await arm.refused('PUT', `${COMPUTE}/virtualMachines/late`, of({ sharedGalleryImageId: sharedId() })),
    /^404 GalleryImageNotFound/,
  )
  assert.deepEqual((await colleague.done('POST', `${gallery}/listConsumers`)).value, [
    {
      image: 'i',
      version: '2.0.0',
      location: 'eastus',
      access: 'SharedGallery',
      subscriptionId: SUBSCRIPTION,
      tenantId: TENANT,
      isStillShared: false,
      virtualMachines: 1,
      disks: 0,
    },
  ])
})

test('a machine of the community’s image shows nothing of who owns it', async () => {
  await share(open, 'EnableCommunity')
  const path = `${MACHINE}2`
  const communityGalleryImageId = `/CommunityGalleries/${publicName}/Images/i/Versions/1.0.0`
  const body = machineBody({
    storageProfile: storage({ imageReference: { communityGalleryImageId } }),
    networkProfile: { networkInterfaces: [{ id: `${NIC}2` }] },
  })
  const made = await arm.made(body, path)
  assert.deepEqual(made.properties.storageProfile.imageReference, { communityGalleryImageId, exactVersion: '1.0.0' })
  const disk = await osDiskOf(made)
  assert.deepEqual(disk.creationData.galleryImageReference, { communityGalleryImageId })
  const view = await arm.done('GET', path, undefined, { $expand: 'instanceView' })
  const told = JSON.stringify([made, disk, view])
  for (const secret of [COLLEAGUE.subscriptionId, 'theirs', '/galleries/'])
    assert.ok(!told.includes(secret), `${secret} is told: ${told}`)
})
