import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { runCommand } from './test-shell.ts'

const launcher = path.resolve(import.meta.dirname, '../../bin/opengallery.mjs')

test('every command says what it does and how it is used', async () => {
  const { stdout, exitCode } = await runCommand([])
  assert.equal(exitCode, 0)
  const commands = ['start', 'demo', 'publish', 'pull', 'serve-nbd', 'env', 'az', 'status', 'verify', 'gc']
  for (const name of commands) {
    assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
    const help = await runCommand([name, '--help'])
    assert.equal(help.exitCode, 0, name)
    assert.match(help.stdout, new RegExp(`^Usage: opengallery ${name} `))
  }
})

const wrongLines: [string, RegExp][] = [
  ['nope', /unknown command 'nope'/],
  ['statu', /Did you mean status\?/],
  ['publish --definition web', /missing required argument 'file'/],
  ['publish disk.raw', /required option '--definition <id\|name>' not specified/],
  ['start --port 70000', /--port takes a number from 0 to 65535, not '70000'/],
  ['start --region EastUS=/x', /'EastUS=\/x' is not a region with its stores/],
  ['start --region eastus=', /'eastus=' is not a region with its stores/],
  ['start --region eastus=/x --region eastus=/y', /eastus is named twice/],
  ['start --region eastus=/x,/x', /file:.*x is named twice/],
  ['start --port 65535 --data /nowhere', /--blob-port/],
  ['start --log loud', /Allowed choices are error, warn, info/],
  ['pull a/b/c x --format vmdk', /Allowed choices are raw, vhd, qcow2/],
  ['serve-nbd a/b/c --socket x --listen y:1', /can't both be given/],
  ['serve-nbd a/b/c --lun 99', /--lun takes a number from 0 to 63/],
  ['region pull a/b/c x --with y --lun foo', /--lun takes a number from 0 to 63/],
  ['status --nonsense', /unknown option '--nonsense'/],
]

for (const [line, expected] of wrongLines) {
  test(`wrongly called: ${line}`, async () => {
    const { exitCode, stdout, stderr } = await runCommand(line.split(' '))
    assert.equal(exitCode, 2)
    assert.match(stderr, expected)
    assert.equal(stdout, '')
  })
}

test('where no server runs, clients say so and what to do', async t => {
  const folder = await emptyFolder(t)
  for (const command of ['status', 'env', 'az', 'publish disk.raw --definition web', 'pull g/g/d x']) {
    const { exitCode, stderr } = await runCommand([...command.split(' '), '--data', folder])
    assert.equal(exitCode, 1, command)
    assert.match(stderr, /No server runs on .*\n.*opengallery start/)
  }
  const { exitCode, stderr } = await runCommand(['verify', '--data', folder])
  assert.equal(exitCode, 1)
  assert.match(stderr, /is not the data folder of a server/)
  assert.deepEqual(await fs.readdir(folder), [], 'asking leaves nothing behind')
})

test('a server elsewhere that is wrongly named is told in words', async t => {
  const companions = ['TENANT_ID', 'SUBSCRIPTION_ID', 'CLIENT_ID', 'CLIENT_SECRET']
  const env = Object.fromEntries(companions.map(name => [`OPENGALLERY_${name}`, 'x']))
  const told = async (url: string, more: Record<string, string> = {}) => {
    const { exitCode, stderr } = await runCommand(['status'], { ...env, OPENGALLERY_URL: url, ...more })
    return `${exitCode} ${stderr}`
  }
  for (const url of ['gallery', 'ftp://gallery', 'localhost:9443'])
    assert.match(await told(url), /^2 error: OPENGALLERY_URL is '.*'\.\n/)
  const missing = path.join(await emptyFolder(t), 'ca.pem')
  assert.match(await told('https://127.0.0.1:1', { OPENGALLERY_CA: missing }), /^2 error: OPENGALLERY_CA can't be read/)
})

test('env prints lines that a shell takes, whatever the folder is called', async t => {
  const folder = path.join(await emptyFolder(t), "it's a gallery")
  await fs.mkdir(folder)
  await fs.writeFile(path.join(folder, 'server.json'), JSON.stringify({ url: 'https://127.0.0.1:9443', pid: 1 }))
  const admin = { tenantId: 'T', subscriptionId: 'S', clientId: 'C', clientSecret: 'hidden' }
  await fs.writeFile(path.join(folder, 'admin.json'), JSON.stringify(admin))
  await fs.writeFile(path.join(folder, 'ca.pem'), 'OUR AUTHORITY\n')

  const { exitCode, stdout } = await runCommand(['env', '--data', folder])
  assert.equal(exitCode, 0)
  assert.doesNotMatch(stdout, /hidden/)
  const script = `${stdout}\nprintf '%s|%s|%s' "$AZURE_CONFIG_DIR" "$REQUESTS_CA_BUNDLE" "$AZURE_CORE_COLLECT_TELEMETRY"`
  const evaluated = await promisify(execFile)('sh', ['-c', script])
  const [config, bundle = '', telemetry] = evaluated.stdout.split('|')
  assert.equal(config, path.join(folder, 'az'))
  assert.equal(telemetry, 'no')
  if (process.platform !== 'win32')
    assert.equal((await fs.stat(bundle)).mode & 0o077, 0, 'closed, as all of the folder')
  const authorities = await fs.readFile(bundle, 'utf8')
  assert.match(authorities, /OUR AUTHORITY/)
  assert.ok(authorities.split('BEGIN CERTIFICATE').length > 50, 'the public authorities are still trusted')
})

test('the launcher passes arguments, output and exit code', async () => {
  const ended = await promisify(execFile)(process.execPath, [launcher, 'nope']).catch(error => error)
  assert.equal(ended.code, 2)
  assert.match(ended.stderr, /unknown command 'nope'/)
  const help = await promisify(execFile)(process.execPath, [launcher, 'pull', '--help'])
  assert.match(help.stdout, /^Usage: opengallery pull/)
})

test('a server that a launcher has handed over to ends with it, however that one was killed', async t => {
  const data = await emptyFolder(t)
  const child = spawn(process.execPath, [launcher, 'start', '--data', data, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, OPENGALLERY_HANDED_OVER: '1' },
  })
  t.after(() => child.kill('SIGKILL'))
  for await (const text of child.stdout!) if (String(text).includes('Ctrl+C')) break
  child.disconnect()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('work goes on when nobody reads what is said meanwhile', async () => {
  const child = spawn(process.execPath, [launcher, 'nope'], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.destroy()
  assert.deepEqual(await once(child, 'exit'), [2, null])
})

test('a result that can not be written is a failure in words', { skip: process.platform !== 'linux' }, async () => {
  const command = `"${process.execPath}" "${launcher}" --version > /dev/full`
  const ended = await promisify(execFile)('sh', ['-c', command]).catch(error => error)
  assert.deepEqual([ended.code, ended.stderr.split('\n').length], [1, 2])
  assert.match(ended.stderr, /^error: The output could not be written: ENOSPC/)
})

const emptyFolder = async (t: { after(work: () => Promise<void>): void }): Promise<string> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-cli-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  return folder
}
