import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { requireTarget } from './target-file.ts'

test('only a file is replaced, and only by force; a folder, a device and a missing folder are told at once', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-target-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const [there, free] = [path.join(folder, 'there'), path.join(folder, 'free')]
  await fs.writeFile(there, 'x')
  await requireTarget(free, false)
  await requireTarget(there, true)
  await assert.rejects(requireTarget(there, false), { message: /exists already/, exitCode: 2 })
  await assert.rejects(requireTarget(folder, true), { message: /not a regular file/, exitCode: 2 })
  if (process.platform !== 'win32') await assert.rejects(requireTarget(os.devNull, true), { exitCode: 2 })
  await assert.rejects(requireTarget(path.join(folder, 'none', 'free'), true), { message: /no folder/, exitCode: 2 })
})
