import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { iso9660 } from './iso9660.ts'
import { readDisc } from './test-read-disc.ts'

const madeAt = new Date('2026-02-03T04:05:06Z')
const files = [
  { name: 'ovf-env.xml', content: Buffer.from('<Environment/>') },
  { name: 'meta-data', content: Buffer.alloc(2049, 'm') },
  { name: 'meta-data2', content: Buffer.alloc(2048, 'n') },
  { name: 'user-data', content: Buffer.alloc(0) },
]

test('files are read back under their own names', () => {
  const { label, files: found } = readDisc(iso9660('cidata', files, madeAt))
  assert.equal(label, 'cidata')
  assert.deepEqual([...found.keys()].sort(), files.map(file => file.name).sort())
  for (const { name, content } of files) assert.deepEqual(found.get(name)?.content, content)
  for (const { mode } of found.values()) assert.equal(mode, 0o100400)
})

test('any content of any length is read back', () => {
  const name = fc.stringMatching(/^[A-Za-z][\w-]{0,30}([.][a-z]{1,8})?$/)
  const file = fc.record({ name, content: fc.uint8Array({ maxLength: 5000 }).map(bytes => Buffer.from(bytes)) })
  const some = fc.uniqueArray(file, { maxLength: 12, selector: each => each.name })
  fc.assert(
    fc.property(some, written => {
      const { files: found } = readDisc(iso9660('x', written, madeAt))
      assert.deepEqual(
        written.map(each => [each.name, found.get(each.name)?.content.toString('hex')]),
        written.map(each => [each.name, each.content.toString('hex')]),
      )
    }),
    { numRuns: 50 },
  )
})

test('the same arguments make the same bytes', () => {
  assert.deepEqual(iso9660('a', files, madeAt), iso9660('a', files, madeAt))
})

test('names that lead elsewhere and labels that are too long are refused', () => {
  for (const name of ['../x', 'a/b', '', 'a.b.c', 'a'.repeat(65)])
    assert.throws(() => iso9660('a', [{ name, content: Buffer.alloc(0) }], madeAt), name)
  assert.throws(() => iso9660('a'.repeat(33), [], madeAt))
})

const hasIsoinfo = spawnSync('isoinfo', ['-version']).status === 0

test('isoinfo reads the same', { skip: hasIsoinfo ? false : 'isoinfo (genisoimage) is not installed' }, async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'disc-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const disc = path.join(folder, 'a.iso')
  await fs.writeFile(disc, iso9660('provisioning', files, madeAt))
  const isoinfo = (...args: string[]) =>
    spawnSync('isoinfo', [...args, '-R', '-i', disc], { encoding: 'latin1' }).stdout
  assert.match(isoinfo('-d'), /Volume id: provisioning\n[\s\S]*Rock Ridge signatures version 1 found/)
  for (const { name, content } of files) assert.equal(isoinfo('-x', `/${name}`), content.toString('latin1'))
})
