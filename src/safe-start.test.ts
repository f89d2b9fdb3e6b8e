import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { silentLog } from '#foundation/log.ts'
import { configOf } from './config.ts'
import { closeDataFolder, requireSafeListening, UnsafeStart } from './safe-start.ts'

const SECRET = 'Zq8xPk2mVw9rTn4bYc7dLf5gHj3sKa6e'

test('beyond loopback a server needs a name for its certificate and a secret that nobody can guess', () => {
  const check = (host: string, hostNames: string[], secret?: string) =>
    requireSafeListening(configOf({ dataFolder: 'x', host, hostNames }), secret)
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) check(host, [], 'demo')
  check('0.0.0.0', ['gallery.example.org'], SECRET)
  check('192.0.2.1', [], SECRET)
  check('0.0.0.0', ['gallery.example.org'], undefined) // admin.json was put away
  assert.throws(() => check('0.0.0.0', [], SECRET), UnsafeStart)
  assert.throws(() => check('::', [], SECRET), /--host-name/)
  for (const secret of ['demo', '', 'changeme', 'a'.repeat(40), 'abcabcabcabcabcabcabcabc'])
    assert.throws(() => check('192.0.2.1', [], secret), /too easy to guess/, secret)
})

test('a data folder that stands open is closed, and that is told', { skip: process.platform === 'win32' }, async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-open-'))
  const warnings: unknown[] = []
  const log = { ...silentLog, warn: (_message: string, fields?: object) => void warnings.push(fields) }
  try {
    await fs.writeFile(path.join(folder, 'grant.key'), 'x')
    await fs.chmod(path.join(folder, 'grant.key'), 0o644)
    await fs.chmod(folder, 0o755)
    await closeDataFolder(folder, log)
    assert.equal((await fs.stat(folder)).mode & 0o777, 0o700)
    assert.equal((await fs.stat(path.join(folder, 'grant.key'))).mode & 0o777, 0o600)
    assert.deepEqual(warnings, [{ opened: [folder, 'grant.key'] }])
    await closeDataFolder(folder, log)
    assert.equal(warnings.length, 1)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
})
