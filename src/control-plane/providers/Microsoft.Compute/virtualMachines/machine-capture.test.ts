import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPUTE, definition, GALLERY, IMAGE, regions } from '../galleries/test-gallery.ts'
import { readBack } from '../galleries/test-version.ts'
import { machineOf } from './machine-document.ts'
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

const specialized = `${GALLERY}/images/specialized`

let arm: TestMachines
let vmId = ''
let written: Buffer
before(async () => {
  arm = await startTestMachines()
  const identifier = { publisher: 'p', offer: 'o', sku: 'specialized' }
  await arm.done('PUT', specialized, definition({ osState: 'Specialized', identifier }))
  const dataDisks = [{ lun: 1, createOption: 'Empty', diskSizeGB: 1, caching: 'ReadOnly' }]
  await arm.made(machineBody({ storageProfile: storage({ dataDisks }) }))
  vmId = machineOf(await arm.document()).vmId
  const [os, data] = arm.machines.specOf(vmId)?.disks ?? []
  arm.machines.write(vmId, os?.id ?? '', 70_000, Buffer.from('by the guest'))
  arm.machines.write(vmId, data?.id ?? '', 5, Buffer.from('data'))
  written = Buffer.from(osBytes)
  written.write('by the guest', 70_000)
})
after(() => arm.close())

const ofMachine = (source: object, publishingProfile = regions('eastus', 'westeurope')) =>
  ({ location: 'eastus', properties: { publishingProfile, storageProfile: { source } } }) as never

test('a machine that runs is captured as it is, as a specialized version', async () => {
  assert.match(
    await arm.refused('PUT', `${IMAGE}/versions/2.0.0`, ofMachine({ id: MACHINE })),
    /^400 InvalidParameter: Cannot create Gallery Image Version from: .* since the OS State in the parent gallery image \('Generalized'\) is not 'Specialized'\./,
  )
  const path = `${specialized}/versions/1.0.0`
  await arm.done('PUT', path, ofMachine({ virtualMachineId: MACHINE }), { 'api-version': '2024-03-03' })
  assert.ok((await readBack(arm, path, 'westeurope')).equals(written))
  const data = await readBack(arm, path, 'westeurope', 1)
  assert.equal(data.toString('utf8', 5, 9), 'data')
  assert.equal((await arm.machines.state(vmId)).kind, 'running')
})

test('a snapshot of a disk that is being written to has what was written by then', async () => {
  const id = machineOf(await arm.document()).storageProfile?.osDisk?.managedDisk?.id ?? ''
  const path = `${COMPUTE}/snapshots/live`
  await arm.done('PUT', path, {
    location: 'eastus',
    properties: { creationData: { createOption: 'Copy', sourceResourceId: id } },
  })
  await arm.done('PUT', `${specialized}/versions/1.0.1`, {
    location: 'eastus',
    properties: { storageProfile: { osDiskImage: { source: { id: path } } } },
  })
  assert.ok((await readBack(arm, `${specialized}/versions/1.0.1`, 'eastus')).equals(written))
})

test('a machine of a specialized version has no administrator and needs none', async () => {
  await arm.done('PUT', `${NIC}3`, nicBody())
  const { osProfile: _, ...properties } = machineBody({
    storageProfile: storage({ imageReference: { id: specialized } }),
    networkProfile: { networkInterfaces: [{ id: `${NIC}3` }] },
  }).properties as Record<string, never>
  await arm.done('PUT', `${MACHINE}3`, { location: 'eastus', properties })
  const spec = arm.machines.specOf(machineOf(await arm.document(`${MACHINE}3`)).vmId)
  assert.equal(spec?.identity.login, undefined)
  assert.equal(spec?.disks.length, 1)
})

test('a generalized machine becomes a version and a managed image, with all its disks', async () => {
  const image = { location: 'eastus', properties: { sourceVirtualMachine: { id: MACHINE }, hyperVGeneration: 'V1' } }
  assert.match(await arm.refused('PUT', `${COMPUTE}/images/img`, image), /^409 OperationNotAllowed: .* not generalized/)
  await arm.post('deallocate')
  await arm.post('generalize')
  assert.match(
    await arm.refused('PUT', `${specialized}/versions/3.0.0`, ofMachine({ id: MACHINE })),
    /the OS State in the parent gallery image \('Specialized'\) is not 'Generalized'/,
  )
  // The spelling of one api-version is good in every other one.
  await arm.done('PUT', `${IMAGE}/versions/2.0.0`, ofMachine({ id: MACHINE }), { 'api-version': '2024-03-03' })
  assert.ok((await readBack(arm, `${IMAGE}/versions/2.0.0`, 'westeurope')).equals(written))
  const made = await arm.done('PUT', `${COMPUTE}/images/img`, image)
  assert.equal(made.properties.storageProfile.dataDisks[0].lun, 1)
  await arm.arm.resources.change(made.id.toLowerCase(), document => ({
    ...document,
    provisioningState: 'Failed',
    hidden: {},
  }))
  assert.deepEqual((await arm.done('PUT', made.id, image)).properties, made.properties, 'one that failed, tried again')
  await arm.done('DELETE', MACHINE)
  await arm.done('PUT', `${IMAGE}/versions/2.0.1`, ofMachine({ id: `${COMPUTE}/images/img` }))
  assert.ok((await readBack(arm, `${IMAGE}/versions/2.0.1`, 'eastus')).equals(written))

  await arm.made(machineBody({ storageProfile: storage({ imageReference: { id: IMAGE } }) }))
  assert.deepEqual(
    arm.machines.specOf(machineOf(await arm.document()).vmId)?.disks.map(({ lun }) => lun),
    [undefined, 1],
  )
  assert.equal((await arm.send('GET', MACHINE)).body.properties.storageProfile.imageReference.exactVersion, '2.0.1')
})
