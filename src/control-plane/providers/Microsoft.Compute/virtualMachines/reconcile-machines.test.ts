import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Arm } from '#arm/resource-type.ts'
import { silentLog } from '#foundation/log.ts'
import { testHosting } from '../test-hosting.ts'
import { diskDocuments } from './machine-disks.ts'
import { hiddenOf, machineOf } from './machine-document.ts'
import { reconcileMachines, removeOrphans } from './reconcile-machines.ts'
import { noteMachine } from './start-machine.ts'
import { MACHINE, SECURITY, securityBody, startTestMachines, type TestMachines } from './test-machine.ts'

let arm: TestMachines
let boot = 'boot'
before(async () => {
  arm = await startTestMachines({ machineLimits: { provisioningTimeoutMs: 60_000 } })
})
after(() => arm.close())

const parts = () => ({
  regions: arm.regions,
  hosting: { ...testHosting(), machines: arm.machines, hostBoot: async () => boot },
})
const round = () => reconcileMachines(parts(), arm.arm, silentLog)
let vmId = ''
beforeEach(async () => {
  boot = 'boot'
  await arm.done('DELETE', MACHINE)
  vmId = machineOf((await arm.made()) as never).vmId
})
const view = async () =>
  (await arm.send('GET', MACHINE, undefined, { $expand: 'instanceView' })).body.properties.instanceView

test('one that switched itself off stays off, also when the host is started anew', async () => {
  arm.machines.powerOff(vmId)
  assert.equal((await view()).statuses.at(-1).code, 'PowerState/stopped')
  await round()
  boot = 'another boot'
  await round()
  assert.equal((await arm.machines.state(vmId)).kind, 'stopped')
  assert.equal((await view()).statuses.at(-1).message, 'the guest switched itself off.')
  assert.equal(await arm.post('start'), '202')
  assert.equal((await view()).statuses.at(-1).code, 'PowerState/running')
})

test('one that died is told of, with its last words, and left alone', async () => {
  arm.machines.print(vmId, 'Kernel panic\n')
  arm.machines.die(vmId, 'QEMU was killed.')
  await round()
  await round()
  assert.equal((await arm.machines.state(vmId)).kind, 'died')
  const { code, level, message } = (await view()).statuses.at(-1)
  assert.deepEqual([code, level], ['PowerState/stopped', 'Error'])
  assert.match(message, /^QEMU was killed\. Its console ended with: Kernel panic/)
})

test('one that ran when the host went down runs again', async () => {
  arm.machines.die(vmId, 'The host was started anew while the machine ran.')
  boot = 'another boot'
  await round()
  assert.equal((await arm.machines.state(vmId)).kind, 'running')
  assert.equal(hiddenOf(await arm.document()).hostBoot, 'another boot')
})

test('what is deallocated stays that', async () => {
  await arm.post('deallocate')
  boot = 'another boot'
  await round()
  assert.equal((await arm.machines.state(vmId)).kind, 'stopped')
})

test('a change of its network reaches one that runs', async () => {
  assert.equal(arm.machines.specOf(vmId)?.nics[0]?.forwards.length, 1)
  await arm.done('PUT', SECURITY, securityBody('8080'))
  await round()
  assert.deepEqual(arm.machines.specOf(vmId)?.nics[0]?.forwards, [
    { protocol: 'tcp', address: arm.publicAddress, port: 8080 },
  ])
})

test('a guest that reports after its time has been given up is provisioned all the same', async () => {
  await arm.done('DELETE', MACHINE)
  const { machineBody } = await import('./test-machine.ts')
  await arm.send('PUT', MACHINE, machineBody())
  await arm.until(async () => (await arm.document()).provisioningState === 'Failed')
  assert.deepEqual(await arm.statuses(), ['ProvisioningState/failed/OSProvisioningTimedOut', 'PowerState/running'])
  vmId = machineOf(await arm.document()).vmId
  arm.machines.becomeReady(vmId)
  await round()
  assert.deepEqual(await arm.statuses(), ['ProvisioningState/succeeded', 'PowerState/running'])
})

test('a look at one that goes on as it was changes nothing', async () => {
  const { version } = await arm.document()
  await noteMachine(arm.arm, MACHINE.toLowerCase(), { power: 'running', ended: null, waiting: null })
  await round()
  assert.equal((await arm.document()).version, version)
  await noteMachine(arm.arm, MACHINE.toLowerCase(), { ended: { reason: 'r', time: 't' } })
  await noteMachine(arm.arm, MACHINE.toLowerCase(), { ended: { reason: 'r', time: 't' } })
  assert.equal((await arm.document()).version, version + 1)
})

test('one whose network could not be read keeps the one that it has', async () => {
  const { nics } = arm.machines.specOf(vmId) ?? {}
  for (const lost of ['/networkinterfaces/nic', '/effectivenetworksecuritygroups']) {
    const isLost = ({ path }: { readonly path: string }) => path.toLowerCase().endsWith(lost)
    const failing = { status: 500, headers: {}, body: { error: { code: 'InternalServerError', message: 'lost' } } }
    const { send, complete } = arm.arm
    const lossy: Arm = {
      ...arm.arm,
      send: async request => (isLost(request) ? failing : send(request)),
      complete: async request => (isLost(request) ? failing : complete(request)),
    }
    await reconcileMachines(parts(), lossy, silentLog)
    assert.deepEqual(arm.machines.specOf(vmId)?.nics, nics, lost)
  }
})

test('what no document stands on is removed, and nothing else', async () => {
  const [disk] = await diskDocuments(await arm.document(), arm.arm)
  const spec = arm.machines.specOf(vmId)
  assert.ok(spec && disk)
  const orphan = { ...spec, id: '99999999-9999-4999-8999-999999999999', disks: [] }
  await arm.machines.start({
    ...orphan,
    disks: [{ id: 'nobodys', lun: undefined, sizeBytes: 2 ** 20, base: undefined }],
  })
  await removeOrphans(parts(), arm.arm, silentLog)
  assert.deepEqual(await arm.machines.list(), [vmId])
  assert.deepEqual(await arm.machines.listDisks(), [disk.uid])
})
