import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admit } from './admission.ts'
import { machine } from './machines.contract.ts'
import { HostFull } from './machines.ts'
import { diskNodes, qemuArguments } from './qemu-arguments.ts'

const id = '7d2b6c1e-0000-4000-8000-000000000004'
const base = { id: 'image', open: () => assert.fail('QEMU’s arguments need no bytes') }
const boot = { id: `os-${id}`, lun: undefined, sizeBytes: 2 ** 30, base }
const data = { id: 'data', lun: 7, sizeBytes: 2 ** 30, base: undefined, isReadOnly: true }
const launch = {
  accelerator: 'tcg',
  runFolder: `guests/${id}/run`,
  disks: [
    { disk: boot, origin: { kind: 'socket', file: 'origins/a.sock' } },
    { disk: data, origin: undefined },
  ],
  firmware: undefined,
  surroundings: ['-netdev', 'x'],
} as const

test('a machine is one command line, with every node named and nothing probed', () => {
  const spec = machine(id, [boot, data], { label: 'a,b "c"', cores: 3 })
  const args = qemuArguments(spec, launch)
  const after = (option: string) => args.flatMap((arg, index) => (arg === option ? [args[index + 1] ?? ''] : []))
  assert.deepEqual(after('-name'), [`guest=${id},process=a-b--c-`])
  assert.deepEqual(after('-smp'), ['cpus=3,sockets=1'])
  assert.deepEqual(after('-netdev'), ['x'])
  assert.deepEqual(after('-drive'), [])
  const nodes = after('-blockdev').map(node => JSON.parse(node) as Record<string, unknown>)
  assert.deepEqual(
    nodes.map(({ driver }) => driver),
    ['nbd', 'file', 'qcow2', 'file', 'qcow2'],
  )
  for (const node of nodes) assert.ok(String(node['node-name']).length <= 31)
  assert.equal(nodes[2]?.backing, nodes[0]?.['node-name'])
  assert.equal(nodes[4]?.backing, null)
  const devices = after('-device').filter(device => device.startsWith('{'))
  assert.match(devices[0] ?? '', /virtio-blk-pci.*"bootindex":0/)
  assert.match(devices[1] ?? '', /scsi-hd.*"lun":7/)
})

test('only a local copy is read as a raw file, and only an overlay is written', () => {
  const nodes = diskNodes({ disk: boot, origin: { kind: 'file', file: 'origins/a.raw' } })
  assert.deepEqual(
    nodes.map(node => [node.driver, node['read-only']]),
    [
      ['file', true],
      ['raw', true],
      ['file', false],
      ['qcow2', false],
    ],
  )
})

test('UEFI comes with variables of the machine’s own', () => {
  const firmware = { code: '/usr/share/code.fd', variables: '/usr/share/vars.fd' }
  const text = qemuArguments(machine(id, []), { ...launch, disks: [], firmware }).join(' ')
  assert.match(text, /readonly=on,file=\/usr\/share\/code.fd/)
  assert.match(text, /readonly=off,file=guests\/[^ ]+\/nvram/)
})

test('a host lets in what it has room for', () => {
  const limits = { cores: 4, memoryMiB: 1000, diskReserveBytes: 100 }
  const running = [{ cores: 3, memoryMiB: 500 }]
  admit({ cores: 1, memoryMiB: 500 }, running, limits, 100)
  const lacks = (what: string) => (error: unknown) => error instanceof HostFull && error.lacking === what
  assert.throws(() => admit({ cores: 2, memoryMiB: 500 }, running, limits, 100), lacks('cores'))
  assert.throws(() => admit({ cores: 1, memoryMiB: 501 }, running, limits, 100), lacks('memory'))
  assert.throws(() => admit({ cores: 1, memoryMiB: 500 }, running, limits, 99), lacks('disk'))
})
