import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { changedText, guestWrites, machine, machinesContract, sectorBytes } from './machines.contract.ts'
import { HostFull } from './machines.ts'
import { MemoryMachines } from './memory-machines.ts'

const sizeBytes = 2 ** 20
const base = { id: 'zeros', open: async () => bytesOf(new Uint8Array(sizeBytes)) }
const id = 'c0ffee00-0000-4000-8000-000000000001'
const disk = { id: 'disk', lun: undefined, sizeBytes, base }

machinesContract('machines in memory', async () => {
  const machines = new MemoryMachines({ clock: new FakeClock(), cores: 2, memoryMiB: 128 })
  return {
    machines,
    bootDisk: diskId => ({ ...disk, id: diskId }),
    async guestIdles(machineId) {
      const diskId = machines.specOf(machineId)?.disks[0]?.id ?? ''
      machines.print(machineId, `hello from ${diskId}\n`)
      machines.write(machineId, diskId, sectorBytes, Buffer.from(guestWrites))
    },
    kill: async machineId => machines.die(machineId, 'SIGKILL'),
    reopen: async () => machines,
  }
})

test('what is written twice counts once, as it was written last', async () => {
  const machines = new MemoryMachines({ clock: new FakeClock() })
  await machines.start(machine(id, [disk]))
  machines.write(id, 'disk', 100, Buffer.alloc(50, 'a'))
  machines.write(id, 'disk', 110, Buffer.alloc(10, 'b'))
  const change = await machines.changes(disk)
  assert.ok(change)
  const extents = []
  for await (const { offset, length } of change.changes()) extents.push([offset, length])
  assert.deepEqual(extents, [
    [100, 10],
    [110, 10],
    [120, 30],
  ])
  assert.equal(await changedText(change, 110, 10), 'bbbbbbbbbb')
  assert.throws(() => machines.write(id, 'disk', sizeBytes, Buffer.alloc(1)), RangeError)
  assert.throws(() => machines.write(id, 'other', 0, Buffer.alloc(1)))
})

test('calls fail as they are told to, and guests play along', async () => {
  const machines = new MemoryMachines({ clock: new FakeClock() })
  machines.failing = call => (call === 'start' ? new HostFull('disk', 'no room') : undefined)
  await assert.rejects(machines.start(machine(id, [disk])), HostFull)
  machines.failing = () => undefined
  await machines.start(machine(id, [disk]))
  machines.becomeReady(id)
  const state = await machines.state(id)
  assert.ok(state.kind === 'running' && state.isReady)
  machines.answerScripts((machineId, script) => ({ exitCode: 0, stdout: `${machineId} ${script}`, stderr: '' }))
  assert.equal((await machines.runScript(id, 'date')).stdout, `${id} date`)
  machines.powerOff(id)
  assert.deepEqual(await machines.state(id), { kind: 'stopped' })
})
