import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { machine, sectorBytes } from '#data-plane/machines/machines.contract.ts'
import type { DiskOrigin, MachineDisk } from '#data-plane/machines/machines.ts'
import { readingBootSector } from '#data-plane/machines/test-guest.ts'
import { consoleOf, machinesFolder, openIn, until, withQemu } from '#data-plane/machines/test-machines.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'

const id = '7d2b6c1e-0000-4000-8000-000000000003'
const content = Buffer.alloc(sectorBytes * 2048)
readingBootSector().copy(content)
content.fill('x', sectorBytes, 2 * sectorBytes)

/** Bytes that can be read at random from the beginning; reading all of them to make a copy waits until the gate opens. */
const gated = () => {
  let open = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const bytes = bytesOf(content)
  const origin: DiskOrigin = {
    id: 'reads itself',
    open: async (): Promise<SparseBytes> => ({
      ...bytes,
      async writeTo(to, signal) {
        await Promise.race([gate, new Promise(resolve => signal?.addEventListener('abort', resolve))])
        signal?.throwIfAborted()
        await to.write(content, 0)
      },
    }),
  }
  return { origin, open }
}

const diskOver = (base: DiskOrigin): MachineDisk => ({ id: 'disk', lun: undefined, sizeBytes: content.length, base })

const originsIn = async (folder: string, ending: string) =>
  (await fs.readdir(path.join(folder, 'origins'))).filter(name => name.endsWith(ending))
const copies = (folder: string) => originsIn(folder, '.raw')
const sockets = (folder: string) => originsIn(folder, '.sock')

test('a guest boots before its image is here, and moves to the copy while it runs', withQemu, async t => {
  const folder = await machinesFolder(t)
  const machines = await openIn(folder)
  t.after(() => machines.close())
  const { origin, open } = gated()
  const disk = diskOver(origin)
  await machines.start(machine(id, [disk]))
  await until('the guest reads', async () => (await consoleOf(machines, id)).includes('xxx'))
  assert.deepEqual(await copies(folder), [])
  open()
  await until('the copy is here', async () => (await copies(folder)).length === 1)
  const [copy = ''] = await copies(folder)
  assert.ok((await fs.readFile(path.join(folder, 'origins', copy))).equals(content))
  await until('the socket is closed', async () => (await sockets(folder)).length === 0)
  // Nobody serves the bytes any longer, and the guest reads on.
  await machines.close()
  const later = await openIn(folder)
  t.after(() => later.close())
  const before = (await consoleOf(later, id)).length
  await until('the guest reads on', async () => (await consoleOf(later, id)).length > before + 20)
  assert.doesNotMatch(await consoleOf(later, id), /!/)
  assert.equal(await later.changes(disk), undefined)
})

test('a guest waits while its image is not served, and reads on as if nothing had been', withQemu, async t => {
  const folder = await machinesFolder(t)
  const script = path.join(import.meta.dirname, 'test-owner.ts')
  const owner = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => owner.stdout.once('data', resolve))
  owner.kill('SIGKILL')
  const machines = await openIn(folder)
  t.after(() => machines.close())
  const { origin, open } = gated()
  const disk = diskOver(origin)
  assert.equal((await machines.state(id)).kind, 'running')
  let before = -1
  let same = 0
  await until('the guest waits', async () => {
    const now = (await consoleOf(machines, id)).length
    same = now === before ? same + 1 : 0
    before = now
    return same === 10
  })
  await machines.apply(machine(id, [disk]))
  await until('the guest reads on', async () => (await consoleOf(machines, id)).length > before + 20)
  assert.deepEqual(await copies(folder), [])
  open()
  await until('the copy is here', async () => (await copies(folder)).length === 1)
  await until('the socket is closed', async () => (await sockets(folder)).length === 0)
  assert.doesNotMatch(await consoleOf(machines, id), /!/)
})

test('a copy that came when nobody could tell the machine is found by the next process', withQemu, async t => {
  const folder = await machinesFolder(t)
  const machines = await openIn(folder)
  const { origin } = gated()
  await machines.start(machine(id, [diskOver(origin)]))
  await until('the guest reads', async () => (await consoleOf(machines, id)).includes('xxx'))
  const [socket = ''] = await sockets(folder)
  await machines.close()
  await fs.writeFile(path.join(folder, 'origins', socket.replace('.sock', '.raw')), content)
  await fs.chmod(path.join(folder, 'origins', socket.replace('.sock', '.raw')), 0o444)
  const later = await openIn(folder)
  t.after(() => later.close())
  const before = (await consoleOf(later, id)).length
  await until('the guest reads on', async () => (await consoleOf(later, id)).length > before + 20)
})
