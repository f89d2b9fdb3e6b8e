import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPUTE } from '../galleries/test-gallery.ts'
import { machineOf } from './machine-document.ts'
import {
  ADDRESS,
  MACHINE,
  machineBody,
  NIC,
  nicBody,
  startTestMachines,
  storage,
  type TestMachines,
} from './test-machine.ts'

let arm: TestMachines
before(async () => {
  arm = await startTestMachines()
})
after(() => arm.close())

type Option = 'Delete' | 'Detach'

/** A machine with a network interface, an address and a data disk of its own; their paths. */
const make = async (name: string, options: { os: Option; data: Option; nic: Option; address: Option }) => {
  const [path, nic, address] = [`${MACHINE}-${name}`, `${NIC}-${name}`, `${ADDRESS}-${name}`]
  await arm.done('PUT', address, {
    location: 'eastus',
    sku: { name: 'Standard' },
    properties: { publicIPAllocationMethod: 'Static' },
  })
  const publicIPAddress = { id: address, properties: { deleteOption: options.address } }
  await arm.done('PUT', nic, nicBody({ publicIPAddress }))
  await arm.made(
    machineBody({
      networkProfile: { networkInterfaces: [{ id: nic, properties: { deleteOption: options.nic } }] },
      storageProfile: storage({
        osDisk: { createOption: 'FromImage', deleteOption: options.os },
        dataDisks: [{ lun: 0, createOption: 'Empty', diskSizeGB: 1, deleteOption: options.data }],
      }),
    }),
    path,
  )
  const { osDisk, dataDisks = [] } = machineOf(await arm.document(path)).storageProfile ?? {}
  return { path, nic, address, os: osDisk?.managedDisk?.id ?? '', data: dataDisks[0]?.managedDisk?.id ?? '' }
}

const status = async (path: string) => (await arm.send('GET', path)).status

test('what is to stay stays as it was, is nobody’s, and can be used again', async () => {
  const made = await make('stay', { os: 'Detach', data: 'Detach', nic: 'Detach', address: 'Delete' })
  await arm.done('DELETE', made.path)
  for (const disk of [made.os, made.data]) {
    const { body } = await arm.send('GET', disk)
    assert.deepEqual([body.properties.diskState, body.managedBy], ['Unattached', undefined])
  }
  const nic = (await arm.send('GET', made.nic)).body
  assert.equal(nic.properties.virtualMachine, undefined)
  // An address goes with its network interface, and that stays.
  assert.equal(await status(made.address), 200)

  const { osProfile: _, ...properties } = machineBody().properties as Record<string, never>
  const again = await arm.complete('PUT', `${made.path}-again`, {
    location: 'eastus',
    properties: {
      ...properties,
      networkProfile: { networkInterfaces: [{ id: made.nic }] },
      storageProfile: { osDisk: { createOption: 'Attach', osType: 'Linux', managedDisk: { id: made.os } } },
    },
  })
  assert.ok(again.status < 300, JSON.stringify(again.body))
  assert.equal((await arm.send('GET', made.nic)).body.properties.virtualMachine.id, `${made.path}-again`)
})

test('what is to go with the machine goes, without asking the guest when it is forced', async () => {
  const made = await make('go', { os: 'Delete', data: 'Delete', nic: 'Delete', address: 'Delete' })
  const { vmId } = machineOf(await arm.document(made.path))
  await arm.done('DELETE', made.path, undefined, { forceDeletion: 'true' })
  for (const path of [made.path, made.os, made.data, made.nic, made.address])
    assert.equal(await status(path), 404, path)
  assert.equal((await arm.machines.list()).includes(vmId), false)
})

test('each by its own option', async () => {
  const made = await make('mixed', { os: 'Delete', data: 'Detach', nic: 'Delete', address: 'Detach' })
  await arm.done('DELETE', made.path)
  const left = await Promise.all([made.os, made.data, made.nic, made.address].map(status))
  assert.deepEqual(left, [404, 200, 404, 200])
  const address = (await arm.send('GET', made.address)).body
  assert.equal(address.properties.ipConfiguration, undefined)
})

test('a machine that goes while its new guest comes up leaves both disks by their option', async () => {
  const made = await make('cut', { os: 'Detach', data: 'Delete', nic: 'Delete', address: 'Delete' })
  assert.equal((await arm.send('POST', `${made.path}/reimage`, {})).status, 202)
  await arm.until(async () => {
    const { storageProfile } = machineOf(await arm.document(made.path))
    return storageProfile?.osDisk?.managedDisk?.id !== made.os
  })
  const { osDisk } = machineOf(await arm.document(made.path)).storageProfile ?? {}
  await arm.done('DELETE', made.path)
  const old = (await arm.send('GET', made.os)).body
  assert.deepEqual([old.properties.diskState, old.managedBy], ['Unattached', undefined])
  const fresh = (await arm.send('GET', osDisk?.managedDisk?.id ?? '')).body
  assert.deepEqual([fresh.properties.diskState, fresh.managedBy], ['Unattached', undefined])
})

test('a machine that goes as soon as its reimage was asked for leaves no disk behind that is still its own', async () => {
  const made = await make('soon', { os: 'Delete', data: 'Delete', nic: 'Delete', address: 'Delete' })
  assert.equal((await arm.send('POST', `${made.path}/reimage`, {})).status, 202)
  await arm.done('DELETE', made.path)
  const { value } = await arm.done('GET', `${COMPUTE}/disks`)
  const ours = value.filter(({ name }: { name: string }) => name.startsWith('vm-soon'))
  assert.deepEqual(ours, [])
})
