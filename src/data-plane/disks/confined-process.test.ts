import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { type Confinement, runConfined } from './confined-process.ts'

const works = (...[program = '', ...args]: string[]) => spawnSync(program, args).status === 0
const skipUnless = (means: boolean, reason: string) => (means ? {} : { skip: reason })
const unix = skipUnless(process.platform === 'linux', 'only Linux has /proc/self/fd')
const unshare = skipUnless(
  works('unshare', '-Urn', 'true') || works('unshare', '-n', 'true'),
  'unshare does not work here',
)
const prlimit = skipUnless(works('prlimit', '--cpu=1', 'true'), 'prlimit is not installed')

let folder: string
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'confined-'))
})
after(() => fs.rmSync(folder, { recursive: true }))

const confinement = (more: Partial<Confinement> = {}): Confinement => ({
  maxFileBytes: 1_000_000,
  maxCpuSeconds: 5,
  maxMemoryBytes: 2 ** 30,
  timeoutMs: 20_000,
  files: [],
  ...more,
})
const shell = (script: string, more?: Partial<Confinement>) => runConfined(['sh', '-c', script], confinement(more))

test('a confined program sees no network but its own loopback, which is down', unshare, async () => {
  const file = fs.openSync(path.join(folder, 'any'), 'w+', 0o600)
  for (const files of [[], [file]]) {
    const outcome = await shell('cat /proc/net/dev', { files })
    const devices = outcome?.output.split('\n').flatMap(line => /^\s*(\w+):/.exec(line)?.[1] ?? [])
    assert.deepEqual(devices, ['lo'])
  }
  fs.closeSync(file)
})

test('a confined program can fill neither the disk, nor the memory, nor the processor', prlimit, async () => {
  const target = fs.openSync(path.join(folder, 'out'), 'w+')
  const full = await shell('head -c 3000000 /dev/zero > /proc/self/fd/3', { files: [target] })
  assert.notEqual(full?.exitCode, 0)
  assert.equal(fs.fstatSync(target).size, 1_000_000)
  fs.closeSync(target)
  const hungry = 'head -c 60000000 /dev/zero | tail -c 59000000 > /dev/null'
  assert.equal((await shell(hungry))?.exitCode, 0)
  assert.notEqual((await shell(hungry, { maxMemoryBytes: 40_000_000 }))?.exitCode, 0)
  const busy = await shell('while :; do :; done', { maxCpuSeconds: 1 })
  assert.equal(busy?.exitCode, undefined)
  assert.equal(busy?.isTimeout, false)
})

test('a confined program reads the very file it was given, under whatever name', unix, async () => {
  const name = path.join(folder, 'in')
  fs.writeFileSync(name, 'content')
  const file = fs.openSync(name, 'r')
  fs.rmSync(name)
  assert.deepEqual(await shell('cat /proc/self/fd/3', { files: [file] }), {
    exitCode: 0,
    output: 'content',
    isTimeout: false,
  })
  fs.closeSync(file)
})

test('a confined program that hangs is killed by time or by its signal; one that is missing is told apart', async () => {
  const late = await shell('exec sleep 60', { timeoutMs: 200 })
  assert.deepEqual([late?.exitCode, late?.isTimeout], [undefined, true])
  const stop = new AbortController()
  const stopped = shell('echo started; exec sleep 60', { signal: stop.signal })
  setTimeout(() => stop.abort(), 300)
  await assert.rejects(stopped, { name: 'AbortError' })
  await assert.rejects(shell('true', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  assert.equal(await runConfined(['no-such-program-here'], confinement()), undefined)
  const talkative = await shell('head -c 100000 /dev/zero | tr "\\\\0" x')
  assert.equal(talkative?.output.length, 16_384)
})
