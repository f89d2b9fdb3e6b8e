import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { Guests } from './guests.ts'
import { nameOf } from './machine-process.ts'
import { recordOf } from './machine-record.ts'
import { machine } from './machines.contract.ts'

const id = '7d2b6c1e-0000-4000-8000-00000000000a'
const linux = process.platform === 'linux' ? {} : { skip: '/proc is Linux’s' }

test('a machine can be looked at while it is forgotten', async t => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'guests-'))
  t.after(() => fs.rm(root, { recursive: true, force: true }))
  await fs.mkdir(path.join(root, 'guests'))
  const guests = new Guests(root, systemClock)
  const record = { ...recordOf(machine(id, []), '2026-01-01T00:00:00Z', 'boot'), wanted: 'stopped' } as const
  for (let round = 0; round < 150; round++) {
    await guests.keep(record)
    await guests.becomeReady(id)
    let isForgotten = false
    const look = async () => {
      while (!isForgotten) assert.deepEqual(await guests.state(id), { kind: 'stopped' })
    }
    const forget = async () => {
      await guests.forget(id)
      isForgotten = true
    }
    await Promise.all([forget(), ...Array.from({ length: 8 }, look)])
  }
})

test('what is kept already is not written again', async t => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'guests-'))
  t.after(() => fs.rm(root, { recursive: true, force: true }))
  await fs.mkdir(path.join(root, 'guests'))
  const guests = new Guests(root, systemClock)
  const record = recordOf(machine(id, []), '2026-01-01T00:00:00Z', 'boot')
  const fileOf = async () => (await fs.stat(path.join(guests.folder(id), 'machine.json'))).ino
  await guests.keep(record)
  const first = await fileOf()
  await guests.keep(recordOf(machine(id, []), '2026-01-01T00:00:00Z', 'boot'))
  assert.equal(await fileOf(), first)
  await guests.keep({ ...record, wanted: 'stopped' })
  assert.equal((await guests.record(id))?.wanted, 'stopped')
})

test('what a running guest says of why it is not ready is told until it is ready, or starts anew', linux, async t => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'guests-'))
  t.after(() => fs.rm(root, { recursive: true, force: true }))
  await fs.mkdir(path.join(root, 'guests'))
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', nameOf(id)])
  t.after(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.once('spawn', resolve))
  const guests = new Guests(root, systemClock)
  const start = (startedAt: string) => guests.keep(recordOf(machine(id, []), startedAt, 'boot'))
  await start('2026-01-01T00:00:00Z')
  await fs.mkdir(guests.runPath(id))
  await fs.writeFile(path.join(guests.runPath(id), 'pid'), `${child.pid}\n`)
  const report = async () => {
    const state = await guests.state(id)
    return state.kind === 'running' ? state.report : assert.fail(state.kind)
  }
  await guests.hearTrouble(id, 'no lease')
  assert.equal(await report(), 'no lease')
  await start('2026-01-02T00:00:00Z')
  assert.equal(await report(), undefined)
  await guests.hearTrouble(id, 'no disc')
  await guests.becomeReady(id)
  assert.equal(await report(), undefined)
})
