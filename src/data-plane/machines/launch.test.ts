import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { writeForQemu } from './launch.ts'

test('what is written for QEMU goes to its folder, whatever was put there in its way', async t => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'launch-'))
  t.after(() => fs.rm(root, { recursive: true }))
  const run = path.join(root, 'run')
  const secret = path.join(root, 'secret')
  const file = path.join(run, 'disc.iso')
  await fs.mkdir(run)
  await fs.writeFile(secret, 'secret', { mode: 0o644 })
  for (const name of ['disc.iso', 'disc.iso.new']) await fs.symlink(secret, path.join(run, name))
  const { uid, gid } = await fs.stat(root)
  for (const content of ['first', 'second'])
    await writeForQemu(file, Buffer.from(content), { user: { uid, gid }, mode: 0o400 })
  const status = await fs.lstat(file)
  assert.deepEqual([status.isFile(), status.mode & 0o777], [true, 0o400])
  assert.equal(await fs.readFile(file, 'utf8'), 'second')
  assert.equal(await fs.readFile(secret, 'utf8'), 'secret')
  assert.equal((await fs.stat(secret)).mode & 0o777, 0o644)
})
