import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as path from 'node:path'
import { test } from 'node:test'
import { machine, sectorBytes } from '#data-plane/machines/machines.contract.ts'
import { MachineFailed } from '#data-plane/machines/machines.ts'
import { bootSector } from '#data-plane/machines/test-guest.ts'
import { consoleOf, machinesFolder, openIn, pidOf, until, withQemu } from '#data-plane/machines/test-machines.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'

const id = '7d2b6c1e-0000-4000-8000-000000000005'
const content = Buffer.alloc(sectorBytes * 2048)
bootSector('disk').copy(content)
const base = { id: 'boots', open: async () => bytesOf(content) }
const disk = { id: 'disk', lun: undefined, sizeBytes: content.length, base }
const identity = {
  instanceId: id,
  hostname: 'web',
  login: {
    adminUsername: 'ann',
    adminPassword: 'open sesame 1',
    disablePasswordAuthentication: false,
    publicKeys: [],
  },
  customData: Buffer.from('a secret token'),
}

test('QEMU has no rights, no secrets and no home', withQemu, async t => {
  const folder = await machinesFolder(t)
  const machines = await openIn(folder)
  t.after(() => machines.close())
  await machines.start(machine(id, [disk], { identity }))
  const pid = await pidOf(folder, id)
  const proc = (name: string) => fs.readFile(`/proc/${pid}/${name}`, 'utf8')
  const status = await proc('status')
  assert.match(status, /^NoNewPrivs:\t1$/m)
  assert.match(status, /^Seccomp:\t2$/m)
  if (process.getuid?.() === 0) {
    assert.doesNotMatch(status, /^Uid:.*\t0\b/m)
    assert.match(status, /^CapEff:\t0+400$/m) // CAP_NET_BIND_SERVICE
    assert.match(status, /^CapBnd:\t0+400$/m)
    assert.match(await proc('limits'), /^Max processes +16384 +16384/m)
  }
  assert.doesNotMatch(await proc('environ'), /HOME=/)
  const kept = await fs.readFile(path.join(folder, 'guests', id, 'machine.json'), 'utf8')
  for (const text of [await proc('cmdline'), kept]) assert.doesNotMatch(text, /sesame|secret token/)
  const disc = await fs.stat(path.join(folder, 'guests', id, 'run', 'disc.iso'))
  assert.equal(disc.mode & 0o077, 0)
})

test(
  'a forward to a port that is taken is refused with who has it, and the machine starts once it is free',
  withQemu,
  async t => {
    const folder = await machinesFolder(t)
    const machines = await openIn(folder)
    t.after(() => machines.close())
    const server = net.createServer()
    await new Promise<void>(resolve => server.listen(0, '127.10.99.5', resolve))
    const { port } = server.address() as net.AddressInfo
    const nic = { mac: '00:0d:3a:00:00:01', network: 'n', privateAddress: '10.0.0.4', prefixLength: 24 }
    const wired = machine(id, [disk], {
      nics: [{ ...nic, forwards: [{ protocol: 'tcp', address: '127.10.99.5', port }] }],
    })
    await assert.rejects(
      machines.start(wired),
      error => error instanceof MachineFailed && /is taken by/.test(error.message),
    )
    assert.deepEqual(await machines.state(id), { kind: 'stopped' })
    await machines.start(machine(id, [disk], { nics: [{ ...nic, forwards: [] }] }))
    // As after a start of ours that found the guest's relay alone: whatever else fails, its metadata is answered.
    await fs.rm(path.join(folder, 'guests', id, 'run', 'metadata'))
    await assert.rejects(machines.apply(wired), MachineFailed)
    assert.ok((await fs.stat(path.join(folder, 'guests', id, 'run', 'metadata'))).isSocket())
    await new Promise(resolve => server.close(resolve))
    await machines.apply(wired)
    const socket = net.connect(port, '127.10.99.5')
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.destroy()
  },
)

test('a start that was cut off is finished by the same call', withQemu, async t => {
  const folder = await machinesFolder(t)
  const machines = await openIn(folder)
  t.after(() => machines.close())
  const spec = machine(id, [disk])
  await machines.start(spec)
  await machines.stop(id, 0)
  // As if the process had been killed after it had written down what it wanted.
  const record = path.join(folder, 'guests', id, 'machine.json')
  await fs.writeFile(record, (await fs.readFile(record, 'utf8')).replace('"wanted":"stopped"', '"wanted":"running"'))
  await fs.rm(path.join(folder, 'guests', id, 'run'), { recursive: true })
  assert.equal((await machines.state(id)).kind, 'died')
  await machines.start(spec)
  await until('the guest runs', async () => (await consoleOf(machines, id)).includes('hello'))
  assert.equal((await machines.state(id)).kind, 'running')
})

test('a machine that QEMU itself refuses is told in its own words, and leaves nothing behind', withQemu, async t => {
  const folder = await machinesFolder(t)
  const machines = await openIn(folder)
  t.after(() => machines.close())
  const twice = [
    disk,
    { id: 'a', lun: 1, sizeBytes: 2 ** 20, base: undefined },
    { id: 'b', lun: 1, sizeBytes: 2 ** 20, base: undefined },
  ]
  await assert.rejects(
    machines.start(machine(id, twice)),
    error => error instanceof MachineFailed && /lun/i.test(error.message),
  )
  assert.deepEqual(await machines.state(id), { kind: 'stopped' })
  assert.equal((await machines.host()).usedCores, 0)
  await machines.start(machine(id, twice.slice(0, 2)))
})
