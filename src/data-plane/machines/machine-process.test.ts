import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { endOf, findProcess, isGone, nameOf, searchProcess, signalProcess } from './machine-process.ts'
import { readEnd, readLog } from './read-end.ts'
import { supervised } from './supervise.ts'

const linux = process.platform === 'linux' ? {} : { skip: '/proc is Linux’s' }
const hasTools = ['setpriv', 'prlimit'].every(tool => spawnSync(tool, ['--version']).status === 0)
const withTools = hasTools ? {} : { skip: 'setpriv and prlimit (util-linux) are not installed' }

const temporary = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'process-'))
  t.after(() => fs.rm(folder, { recursive: true, maxRetries: 3 }))
  return folder
}

test('a process is believed by its command line, not by its number', linux, async t => {
  const folder = await temporary(t)
  const id = `test-${process.pid}`
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-name', `${nameOf(id)},process=x`])
  t.after(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.once('spawn', resolve))
  const limit = { clock: systemClock, limitMs: 5000 }
  assert.equal(await findProcess(id, folder), undefined)
  for (const [note, found] of [
    [`${process.pid}\n`, undefined],
    ['1\n', undefined],
    ['-1\n', undefined],
    ['nonsense', undefined],
    [`${child.pid}\n`, { pid: child.pid }],
  ] as const) {
    await fs.writeFile(path.join(folder, 'pid'), note)
    assert.deepEqual(await findProcess(id, folder), found, note)
  }
  assert.equal(await findProcess('test-1', folder), undefined)
  assert.deepEqual(await searchProcess(id, systemClock), { pid: child.pid })
  assert.equal(await isGone(id, { pid: child.pid ?? 0 }, { ...limit, limitMs: 0 }), false)
  await signalProcess('another', { pid: child.pid ?? 0 }, 'SIGKILL')
  assert.equal(child.killed || child.exitCode !== null, false)
  await signalProcess(id, { pid: child.pid ?? 0 }, 'SIGKILL')
  assert.equal(await isGone(id, { pid: child.pid ?? 0 }, limit), true)
  assert.equal(await findProcess(id, folder), undefined)
  assert.equal(await searchProcess(id, systemClock), undefined)
})

test('an end is orderly or has a reason', () => {
  assert.deepEqual(endOf('0\n', ''), { isOrderly: true, reason: '' })
  assert.match(endOf('', '').reason, /nothing was left/)
  assert.match(endOf('137\n', '').reason, /signal 9/)
  const killed = endOf('0\n', 'qemu-system-x86_64: terminating on signal 15 from pid 42 (kill)\n')
  assert.deepEqual([killed.isOrderly, /signal 15 from pid 42 \(kill\)/.test(killed.reason)], [false, true])
  assert.match(endOf('1\n', 'first\nqemu: no such device\n').reason, /no such device/)
})

test('what a stranger may have put in place of a log is not followed', async t => {
  const folder = await temporary(t)
  const at = (name: string) => path.join(folder, name)
  await fs.writeFile(at('secret'), 'secret')
  await fs.symlink(at('secret'), at('link'))
  spawnSync('mkfifo', [at('fifo')])
  assert.equal((await readEnd(at('link'), 100)).length, 0)
  assert.equal((await readEnd(at('fifo'), 100)).length, 0)
  assert.equal((await readEnd(at('none'), 100)).length, 0)
  assert.equal((await readEnd(at('secret'), 3)).toString(), 'ret')
})

test('a supervisor keeps the end of what was said, and how it ended', withTools, async t => {
  const folder = await temporary(t)
  const keptLogBytes = 2000
  const talk = 'head -c 9000 /dev/zero >&3; echo bye >&3; echo trouble >&2; exit 7'
  const parts = { runFolder: '.', user: undefined, maxAddressBytes: 2 ** 32, keptLogBytes }
  const [program = '', ...args] = supervised(['sh', '-c', talk], parts)
  const child = spawn(program, args, { cwd: folder, stdio: 'ignore' })
  await new Promise(resolve => child.once('exit', resolve))
  assert.equal((await readEnd(path.join(folder, 'exit'), 8)).toString(), '7\n')
  assert.equal((await readLog(folder, 'qemu', 100)).toString(), 'trouble\n')
  const log = await readLog(folder, 'serial', 2 ** 20)
  assert.ok(log.length >= keptLogBytes && log.length <= 2 * keptLogBytes, String(log.length))
  assert.ok(log.toString().endsWith('bye\n'))
  assert.equal((await readLog(folder, 'serial', 4)).toString(), 'bye\n')
})
