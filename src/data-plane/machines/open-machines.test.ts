import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { openIn } from './test-machines.ts'

test('what an earlier run had not finished is removed, and nothing else', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'open-machines-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const put = async (...names: string[]) => {
    for (const name of names) await fs.writeFile(path.join(folder, name), '')
  }
  for (const name of ['captures', 'origins']) await fs.mkdir(path.join(folder, name))
  await put('captures/capture-1.qcow2', 'origins/one.draft', 'origins/two.draft.partial', 'origins/three.raw')
  const machines = await openIn(folder)
  await machines.close()
  assert.deepEqual(await fs.readdir(path.join(folder, 'captures')), [])
  assert.deepEqual(await fs.readdir(path.join(folder, 'origins')), ['three.raw'])
})
