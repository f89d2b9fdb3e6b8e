import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { grantKey } from './data-folder.ts'

test('the key of signed URLs is made once and kept; what is left of a torn one signs nothing', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-key-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const key = await grantKey(folder)
  assert.deepEqual(await grantKey(folder), key)
  for (const left of [Buffer.alloc(0), key.subarray(1)]) {
    await fs.writeFile(path.join(folder, 'grant.key'), left)
    await assert.rejects(grantKey(folder), /grant\.key is not the key/)
  }
})
