import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPUTE } from '../galleries/test-gallery.ts'
import { diskOf } from '../stored-disk.ts'
import { machineOf } from './machine-document.ts'
import { MACHINE, NIC, osBytes, startTestMachines, type TestMachines } from './test-machine.ts'

let arm: TestMachines
before(async () => {
  arm = await startTestMachines()
})
after(() => arm.close())

const osDiskKey = async () =>
  machineOf(await arm.document()).storageProfile?.osDisk?.managedDisk?.id?.toLowerCase() ?? ''
const disk = async (key: string) => (await arm.send('GET', key)).body

test('a machine of an image version: made, written to, deallocated, generalized, deleted', async () => {
  const made = await arm.made()
  assert.equal(made.properties.provisioningState, 'Succeeded')
  assert.equal(made.properties.storageProfile.imageReference.exactVersion, '1.0.0')
  assert.deepEqual(await arm.statuses(), ['ProvisioningState/succeeded', 'PowerState/running'])
  const { vmId } = made.properties
  const spec = arm.machines.specOf(vmId)
  assert.equal(spec?.cores, 2)
  assert.equal(spec?.memoryMiB, 8192)
  assert.equal(spec?.identity.login?.adminUsername, 'azureuser')
  assert.deepEqual(spec?.nics[0]?.forwards, [{ protocol: 'tcp', address: arm.publicAddress, port: 22 }])
  assert.equal((await arm.send('GET', NIC)).body.properties.virtualMachine.id, MACHINE)

  const key = await osDiskKey()
  const before = await disk(key)
  assert.equal(before.managedBy, MACHINE)
  assert.equal(before.properties.diskState, 'Attached')
  assert.equal(before.properties.osType, 'Linux')
  assert.match(await arm.refused('DELETE', key), /409 OperationNotAllowed: Disk .* is attached to VM/)

  const uid = spec?.disks[0]?.id ?? ''
  arm.machines.write(vmId, uid, 1_000_000, Buffer.from('written by the guest'))
  assert.match(await arm.post('generalize'), /^409 OperationNotAllowed/)
  assert.equal(await arm.post('deallocate'), '202')
  assert.deepEqual(await arm.statuses(), ['ProvisioningState/succeeded', 'PowerState/deallocated'])
  assert.equal((await disk(key)).properties.diskState, 'Reserved')
  assert.deepEqual(await arm.machines.listDisks(), [])

  const document = await arm.arm.resources.find(key)
  const stored = document && diskOf(document)
  assert.ok(stored)
  const bytes = await arm.regions.open('eastus', stored.manifest)
  const read = Buffer.alloc(osBytes.length)
  await bytes.read(0, read)
  await bytes.close()
  const expected = Buffer.from(osBytes)
  expected.write('written by the guest', 1_000_000)
  assert.ok(read.equals(expected))

  assert.equal(await arm.post('generalize'), '200')
  assert.ok((await arm.statuses()).includes('OSState/generalized'))
  assert.match(
    await arm.post('start'),
    /409 OperationNotAllowed: Operation 'start' is not allowed on VM 'vm' since the VM is generalized/,
  )

  await arm.done('DELETE', MACHINE)
  assert.equal((await arm.send('GET', MACHINE)).status, 404)
  assert.equal((await disk(key)).properties.diskState, 'Unattached')
  assert.equal((await arm.send('GET', NIC)).body.properties.virtualMachine, undefined)
  assert.deepEqual(await arm.machines.list(), [])
  await arm.done('DELETE', key)
  assert.equal((await arm.send('GET', `${COMPUTE}/virtualMachines`)).body.value.length, 0)
})

test('a guest that was provisioned is told no secret again by a host that kept nothing of it', async () => {
  const { vmId } = machineOf(await arm.made())
  const isProvisioned = () => arm.machines.specOf(vmId)?.identity.isProvisioned ?? false
  const startAnew = async () => {
    assert.equal(await arm.post('deallocate'), '202')
    assert.equal(await arm.post('start'), '202')
    return isProvisioned()
  }
  assert.equal(isProvisioned(), false)
  assert.equal(await startAnew(), true)
  assert.equal(await arm.post('deallocate'), '202')
  assert.equal(await arm.post('reimage'), '202')
  assert.equal(await arm.post('start'), '202')
  assert.equal(isProvisioned(), false, 'It is another instance.')
  assert.equal(await startAnew(), false)
  arm.machines.becomeReady(vmId)
  assert.equal(await startAnew(), true)
})
