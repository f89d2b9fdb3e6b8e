import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { COMPUTE } from '../galleries/test-gallery.ts'
import { machineOf } from './machine-document.ts'
import { MACHINE, machineBody, NIC, nicBody, startTestMachines, storage, type TestMachines } from './test-machine.ts'

let arm: TestMachines
let vmId = ''
before(async () => {
  arm = await startTestMachines({ machineLimits: { coresPerRegion: 8 } })
  vmId = machineOf(await arm.made()).vmId
})
after(() => arm.close())

/** What az does: reads the machine, changes it, puts it back. */
const update = async (change: (properties: Readonly<Record<string, object>>) => object) => {
  const { body } = await arm.send('GET', MACHINE)
  const answer = await arm.complete('PUT', MACHINE, {
    ...body,
    properties: { ...body.properties, ...change(body.properties) },
  })
  return `${answer.status}${answer.status >= 400 ? ` ${answer.body.error.code}: ${answer.body.error.message}` : ''}`
}
const withDisks = (...dataDisks: JsonObject[]) =>
  update(({ storageProfile }) => ({ storageProfile: { ...storageProfile, dataDisks } }))
const spec = () => arm.machines.specOf(vmId)

test('data disks come and go while it runs, and keep what was written', async () => {
  await arm.done('PUT', `${COMPUTE}/disks/data`, {
    location: 'eastus',
    properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
  })
  const attach = { lun: 2, createOption: 'Attach', managedDisk: { id: `${COMPUTE}/disks/data` } }
  assert.equal(await withDisks(attach, { lun: 0, createOption: 'Empty', diskSizeGB: 1 }), '200')
  assert.deepEqual(
    spec()?.disks.map(({ lun }) => lun),
    [undefined, 0, 2],
  )
  const disk = (await arm.send('GET', `${COMPUTE}/disks/data`)).body
  assert.deepEqual([disk.properties.diskState, disk.managedBy], ['Attached', MACHINE])
  assert.match(
    await arm.refused('PUT', `${MACHINE}2`, {
      ...machineBody(),
      properties: { ...(machineBody().properties as object), networkProfile: { networkInterfaces: [{ id: NIC }] } },
    }),
    /NicInUse/,
  )

  const uid = spec()?.disks.find(({ lun }) => lun === 2)?.id ?? ''
  arm.machines.write(vmId, uid, 12_345, Buffer.from('data'))
  assert.equal(await withDisks({ lun: 0, createOption: 'Attach', managedDisk: { id: (await dataDisk(0)).id } }), '200')
  assert.deepEqual(
    spec()?.disks.map(({ lun }) => lun),
    [undefined, 0],
  )
  const detached = (await arm.send('GET', `${COMPUTE}/disks/data`)).body
  assert.deepEqual([detached.properties.diskState, detached.managedBy], ['Unattached', undefined])

  assert.equal(await withDisks(attach), '200')
  assert.equal((await arm.send('GET', `${COMPUTE}/disks/data`)).body.properties.diskState, 'Attached')
  const base = spec()?.disks.find(({ lun }) => lun === 2)?.base
  const bytes = await base?.open()
  const read = Buffer.alloc(4)
  await bytes?.read(12_345, read)
  await bytes?.close()
  assert.equal(read.toString(), 'data')
})

test('a disk has one lun of one machine', async () => {
  const osDisk = machineOf(await arm.document()).storageProfile?.osDisk?.managedDisk?.id ?? ''
  const dataDisks = machineOf(await arm.document()).storageProfile?.dataDisks as unknown as JsonObject[]
  const attach = (lun: number, id: string) => ({ lun, createOption: 'Attach', managedDisk: { id } })
  const owned = /^409 ConflictingUserInput: Disk '.*' cannot be attached as the disk is already owned by VM '.*[/]vm'/
  const data = `${COMPUTE}/disks/DATA`
  assert.match(await withDisks(...dataDisks, attach(3, data)), owned)
  assert.match(await withDisks(attach(3, data)), owned)
  assert.match(await withDisks(...dataDisks, attach(3, osDisk)), owned)
  await arm.done('PUT', `${COMPUTE}/disks/free`, {
    location: 'eastus',
    properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
  })
  const free = `${COMPUTE}/disks/free`
  assert.match(
    await withDisks(...dataDisks, attach(3, free), attach(4, free.toUpperCase().replace('MICROSOFT', 'Microsoft'))),
    owned,
  )
  await arm.done('PUT', `${NIC}3`, nicBody())
  const another = machineBody({
    networkProfile: { networkInterfaces: [{ id: `${NIC}3` }] },
    storageProfile: storage({ dataDisks: [attach(0, free), attach(1, free)] }),
  })
  assert.match(await arm.refused('PUT', `${MACHINE}3`, another), /^409 ConflictingUserInput: Disk/)
})

const dataDisk = async (lun: number) =>
  (await arm.send('GET', MACHINE)).body.properties.storageProfile.dataDisks.find(
    (disk: { lun: number }) => disk.lun === lun,
  ).managedDisk

test('another size starts it anew', async () => {
  assert.equal(await update(() => ({ hardwareProfile: { vmSize: 'Standard_D4s_v5' } })), '200')
  assert.equal(spec()?.cores, 4)
  assert.match(
    await update(() => ({ hardwareProfile: { vmSize: 'Standard_D1_v2' } })),
    /^409 OperationNotAllowed|200|BadRequest/,
  )
  assert.match(
    await update(() => ({ hardwareProfile: { vmSize: 'Standard_D16s_v5' } })),
    /^409 OperationNotAllowed: Operation could not be completed as it results in exceeding approved Total Regional Cores quota.*Current Limit: 8, Current Usage: 0, Additional Required: 16/,
  )
})

test('a deallocated machine changes its size without being started', async () => {
  assert.equal(await arm.post('deallocate'), '202')
  assert.equal(await update(() => ({ hardwareProfile: { vmSize: 'Standard_D2s_v5' } })), '200')
  assert.ok((await arm.statuses()).includes('PowerState/deallocated'))
  const tagged = { ...(await arm.send('GET', MACHINE)).body, tags: { x: 'y' } }
  assert.equal((await arm.complete('PUT', MACHINE, tagged)).status, 200)
  assert.equal(await arm.post('reapply'), '202')
  assert.ok((await arm.statuses()).includes('PowerState/deallocated'))
  assert.equal(await arm.post('start'), '202')
  assert.equal(spec()?.cores, 2)
  assert.deepEqual((await arm.send('GET', MACHINE)).body.tags, { x: 'y' })
  assert.equal(await arm.post('redeploy'), '202')
  assert.ok((await arm.statuses()).includes('PowerState/running'))
})

test('what can not change is refused', async () => {
  assert.match(
    await update(({ storageProfile }) => ({
      storageProfile: { ...storageProfile, imageReference: { id: `${COMPUTE}/galleries/g/images/i` } },
    })),
    /^409 PropertyChangeNotAllowed: Changing property 'imageReference' is not allowed\./,
  )
  assert.match(
    await update(({ osProfile }) => ({ osProfile: { ...osProfile, computerName: 'another' } })),
    /^409 PropertyChangeNotAllowed/,
  )
  await arm.done('PUT', `${NIC}2`, nicBody())
  assert.match(
    await update(() => ({
      networkProfile: { networkInterfaces: [{ id: NIC, properties: { primary: true } }, { id: `${NIC}2` }] },
    })),
    /^409 OperationNotAllowed: Changing network interfaces is not allowed while VM 'vm' is allocated/,
  )
})

test('tags and user data need no work', async () => {
  const answer = await arm.send('PATCH', MACHINE, { tags: { a: 'b' }, properties: { userData: 'aGVsbG8=' } })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.properties.provisioningState, 'Succeeded')
  assert.equal((await arm.send('GET', MACHINE)).body.properties.userData, undefined)
  assert.equal(
    (await arm.send('GET', MACHINE, undefined, { $expand: 'userData' })).body.properties.userData,
    'aGVsbG8=',
  )
})

test('more machines of an image than its replicas serve wait, and say so', async () => {
  const crowded = await startTestMachines({ machineLimits: { deploymentsPerReplica: 1 } })
  try {
    await crowded.done('PUT', `${NIC}2`, nicBody())
    await crowded.send('PUT', MACHINE, machineBody())
    await crowded.until(async () => (await crowded.machines.list()).length === 1)
    const second = `${MACHINE}2`
    await crowded.send('PUT', second, machineBody({ networkProfile: { networkInterfaces: [{ id: `${NIC}2` }] } }))
    const waiting = async () =>
      (await crowded.send('GET', second, undefined, { $expand: 'instanceView' })).body.properties.instanceView
        .statuses[0].message
    await crowded.until(async () => /waits for its turn/.test((await waiting()) ?? ''))
    crowded.machines.becomeReady(machineOf(await crowded.document()).vmId)
    await crowded.until(async () => (await crowded.machines.list()).length === 2)
    assert.equal(await waiting(), undefined)
  } finally {
    await crowded.close()
  }
})
