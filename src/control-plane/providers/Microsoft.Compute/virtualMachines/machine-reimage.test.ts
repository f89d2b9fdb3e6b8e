import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { COMPUTE, definition, GALLERY, IMAGE, noise, ofDisk, regions, version } from '../galleries/test-gallery.ts'
import { diskOf } from '../stored-disk.ts'
import { hiddenOf, machineOf } from './machine-document.ts'
import {
  MACHINE,
  machineBody,
  NIC,
  nicBody,
  osBytes,
  startTestMachines,
  storage,
  type TestMachines,
} from './test-machine.ts'

const newer = noise(7, 4)
let arm: TestMachines
before(async () => {
  arm = await startTestMachines()
  const dataDisks = [{ lun: 0, createOption: 'Empty', diskSizeGB: 1 }]
  const osDisk = { createOption: 'FromImage', deleteOption: 'Detach' }
  await arm.made(
    machineBody({
      storageProfile: storage({ dataDisks, osDisk }),
      osProfile: {
        computerName: 'vm',
        adminUsername: 'azureuser',
        adminPassword: 'First-password-1',
        customData: 'Zmlyc3Q=',
      },
    }),
  )
  await arm.done('PUT', version('1.1.0'), ofDisk(await arm.snapshot('newer', newer), regions('eastus')))
})
after(() => arm.close())

const profile = async (path = MACHINE) => machineOf(await arm.document(path)).storageProfile
const osDiskId = async (path = MACHINE) => (await profile(path))?.osDisk?.managedDisk?.id ?? ''
const spec = async (path = MACHINE) => arm.machines.specOf(machineOf(await arm.document(path)).vmId)

/** What a disk holds in its store, by its id. */
const bytesOf = async (id: string): Promise<Buffer> => {
  const document = await arm.arm.resources.find(id.toLowerCase())
  const stored = document && diskOf(document)
  assert.ok(stored, `${id} has no bytes.`)
  const bytes = await arm.regions.open('eastus', stored.manifest)
  const read = Buffer.alloc(4 * 2 ** 20)
  await bytes.read(0, read)
  await bytes.close()
  return read
}

/** Sends the request and has the guest of the new disk be ready; `200`, or what was said. */
const reimage = async (body: JsonObject = {}, path = MACHINE): Promise<string> => {
  const { status, body: answer } = await arm.send('POST', `${path}/reimage`, body)
  if (status >= 400) return `${status} ${answer.error.code}: ${answer.error.message}`
  const { instanceId } = hiddenOf(await arm.document(path))
  await arm.until(async () => {
    const document = await arm.document(path)
    const { vmId } = machineOf(document)
    const isNew = hiddenOf(document).instanceId !== instanceId
    if (isNew && (await arm.machines.state(vmId)).kind === 'running') arm.machines.becomeReady(vmId)
    return (await arm.operations.active(document.key)) === undefined
  })
  return String(status)
}

test('the OS disk is made of the image again, the guest is a new one, and what there was is kept', async () => {
  const [before, old] = [await spec(), await osDiskId()]
  const { vmId } = machineOf(await arm.document())
  const [os, data] = before?.disks ?? []
  arm.machines.write(vmId, os?.id ?? '', 4096, Buffer.from('gone astray'))
  arm.machines.write(vmId, data?.id ?? '', 0, Buffer.from('data'))
  assert.equal(await reimage({ osProfile: { adminPassword: 'Second-password-2', customData: 'Zmlyc3Q=' } }), '202')

  const now = await spec()
  assert.notEqual(now?.disks[0]?.id, os?.id)
  assert.equal(now?.disks[1]?.id, data?.id)
  assert.notEqual(now?.identity.instanceId, before?.identity.instanceId)
  assert.equal(now?.identity.login?.adminPassword, 'Second-password-2')
  assert.equal(Buffer.from(now?.identity.customData ?? []).toString(), 'first')
  assert.ok((await bytesOf(await osDiskId())).equals(osBytes))
  assert.equal((await profile())?.imageReference?.exactVersion, '1.0.0')
  assert.deepEqual(await arm.statuses(), ['ProvisioningState/succeeded', 'PowerState/running'])

  const kept = (await arm.send('GET', old)).body
  assert.deepEqual([kept.properties.diskState, kept.managedBy], ['Unattached', undefined])
  assert.equal((await bytesOf(old)).toString('utf8', 4096, 4107), 'gone astray')
  assert.equal(await arm.post('deallocate'), '202')
  const [disk] = (await profile())?.dataDisks ?? []
  assert.equal((await bytesOf(disk?.managedDisk?.id ?? '')).toString('utf8', 0, 4), 'data')
})

test('a deallocated machine stays that, and a disk that is to go with it goes', async () => {
  const patch = { properties: { storageProfile: { osDisk: { deleteOption: 'Delete' } } } }
  await arm.done('PATCH', MACHINE, patch)
  const old = await osDiskId()
  assert.equal(await reimage(), '202')
  assert.equal((await arm.send('GET', old)).status, 404)
  assert.ok((await arm.statuses()).includes('PowerState/deallocated'))
  assert.equal((await arm.send('GET', await osDiskId())).body.properties.diskState, 'Reserved')
})

test('another version of the definition, by number or the latest', async () => {
  assert.equal(await reimage({ exactVersion: '1.1.0' }), '202')
  assert.ok((await bytesOf(await osDiskId())).equals(newer))
  assert.deepEqual((await profile())?.imageReference, { id: version('1.1.0'), exactVersion: '1.1.0' })
  assert.match(await reimage({ exactVersion: '9.9.9' }), /^404 GalleryImageNotFound/)
  assert.match(await reimage({ exactVersion: '1.0.0/../x' }), /^400 InvalidParameter/)
  assert.equal(await reimage({ exactVersion: '1.0.0' }), '202')
  assert.equal(await reimage({ exactVersion: 'latest' }), '202')
  assert.ok((await bytesOf(await osDiskId())).equals(newer))

  await arm.done('PUT', `${NIC}-latest`, nicBody())
  const latest = `${MACHINE}-latest`
  const networkInterfaces = [{ id: `${NIC}-latest` }]
  const storageProfile = storage({ imageReference: { id: IMAGE } })
  await arm.made(machineBody({ networkProfile: { networkInterfaces }, storageProfile }), latest)
  assert.equal(await reimage({ exactVersion: '1.0.0' }, latest), '202')
  assert.deepEqual((await profile(latest))?.imageReference, { id: IMAGE, exactVersion: '1.0.0' })
})

test('what can not be done is refused, and changes nothing', async () => {
  const before = await osDiskId()
  assert.match(await reimage({ tempDisk: true }), /^400 InvalidParameter: The value of parameter tempDisk is invalid/)
  assert.match(
    await reimage({ osProfile: { customData: 'b3RoZXI=' } }),
    /^400 BadRequest: Reimage requires the custom data/,
  )
  assert.match(await reimage({ osProfile: { adminPassword: 'weak' } }), /^400 InvalidParameter: The supplied password/)
  await arm.done('DELETE', version('1.1.0'))
  assert.match(await reimage(), /^404 GalleryImageNotFound/)
  assert.equal(await osDiskId(), before)
  assert.match(await arm.post('capture'), /^409 OperationNotAllowed: The Capture action is only supported on/)
})

test('a machine of an attached disk has no image, and one of a specialized image keeps its identity', async () => {
  const creationData = { createOption: 'Copy', sourceResourceId: await arm.snapshot('attached', osBytes) }
  await arm.done('PUT', `${COMPUTE}/disks/attached`, {
    location: 'eastus',
    properties: { osType: 'Linux', creationData },
  })
  await arm.done('PUT', `${NIC}-other`, nicBody())
  const networkProfile = { networkInterfaces: [{ id: `${NIC}-other` }] }
  const managedDisk = { id: `${COMPUTE}/disks/attached` }
  const other = `${MACHINE}-other`
  const { osProfile: _, ...rest } = machineBody().properties as JsonObject
  const body = (storageProfile: JsonObject) => ({
    location: 'eastus',
    properties: { ...rest, networkProfile, storageProfile },
  })
  const { status, body: made } = await arm.complete(
    'PUT',
    other,
    body({ osDisk: { createOption: 'Attach', managedDisk, osType: 'Linux' } }),
  )
  assert.equal(status, 200, JSON.stringify(made))
  assert.match(
    await reimage({}, other),
    /^409 OperationNotAllowed: Operation 'reimage' is not allowed on VM 'vm-other' since its OS disk/,
  )
  await arm.done('DELETE', other)

  const special = `${GALLERY}/images/special`
  const identifier = { publisher: 'p', offer: 'o', sku: 'special' }
  await arm.done('PUT', special, definition({ osState: 'Specialized', identifier }))
  await arm.done('PUT', `${special}/versions/1.0.0`, ofDisk(await arm.snapshot('special', osBytes), regions('eastus')))
  await arm.complete('PUT', other, body(storage({ imageReference: { id: special } })))
  const { instanceId } = hiddenOf(await arm.document(other))
  assert.match(
    await reimage({ osProfile: { adminPassword: 'Second-password-2' } }, other),
    /^400 InvalidParameter: Parameter 'osProfile'/,
  )
  assert.equal(await reimage({}, other), '202')
  assert.equal(hiddenOf(await arm.document(other)).instanceId, instanceId)
  assert.equal((await spec(other))?.disks.length, 1)
})
