import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { nameOf } from './machine-process.ts'
import { recordOf, writeRecord } from './machine-record.ts'
import { machine } from './machines.contract.ts'
import { openIn } from './test-machines.ts'

/** A minute takes a tenth of a second. */
const beganMs = systemClock.now().getTime()
const hurried: Clock = {
  now: () => new Date(beganMs + (systemClock.now().getTime() - beganMs) * 600),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / 600, signal),
}

const linux = process.platform === 'linux' ? {} : { skip: '/proc is Linux’s' }

test('a QEMU that does not listen any more is ended all the same', linux, async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'machines-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const id = `test-${process.pid}`
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', nameOf(id)])
  t.after(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.once('spawn', resolve))
  const ended = new Promise(resolve => child.once('exit', resolve))
  const run = path.join(folder, 'guests', id, 'run')
  await fs.mkdir(run, { recursive: true })
  await writeRecord(path.dirname(run), recordOf(machine(id, []), '2026-01-01T00:00:00Z', 'boot'))
  await fs.writeFile(path.join(run, 'pid'), `${child.pid}\n`)
  const deaf = net.createServer(socket => socket.destroy())
  await new Promise<void>(resolve => deaf.listen(path.join(run, 'qmp'), resolve))
  t.after(() => deaf.close())
  const machines = await openIn(folder, { clock: hurried })
  t.after(() => machines.close())
  await machines.stop(id, 60_000)
  await ended
  assert.deepEqual(await machines.state(id), { kind: 'stopped' })
})
