import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { changedText } from './machines.contract.ts'
import { OtherOrigin, Overlays } from './overlays.ts'

const hasTools = spawnSync('qemu-img', ['--version']).status === 0
const withTools = hasTools ? {} : { skip: 'qemu-img is not installed' }
const mib = 2 ** 20
const base = { id: 'image', open: async () => bytesOf(Buffer.alloc(mib)) }
const disk = { id: 'disk-1', lun: undefined, sizeBytes: 4 * mib, base }

const temporary = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'overlays-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  return new Overlays(folder, undefined)
}

test('an overlay is made once, grows, and stays over what it was made over', async t => {
  const overlays = await temporary(t)
  assert.deepEqual(await overlays.list(), [])
  await overlays.prepare(disk)
  await overlays.prepare(disk)
  assert.deepEqual(await overlays.list(), ['disk-1'])
  assert.deepEqual([...(await overlays.origins())], ['image'])
  assert.equal(await overlays.changes('disk-1'), undefined)
  await overlays.prepare({ ...disk, sizeBytes: 8 * mib })
  await assert.rejects(overlays.prepare(disk), RangeError)
  await assert.rejects(overlays.prepare({ ...disk, base: { ...base, id: 'another' } }), OtherOrigin)
  await assert.rejects(overlays.prepare({ ...disk, base: undefined }), OtherOrigin)
  await overlays.forget('disk-1')
  await overlays.forget('disk-1')
  assert.deepEqual(await overlays.list(), [])
  await overlays.prepare({ ...disk, base: undefined })
  assert.deepEqual([...(await overlays.origins())], [])
})

test('QEMU takes our overlays for sound ones, and we find what it wrote', withTools, async t => {
  const overlays = await temporary(t)
  for (const sizeBytes of [512, 4 * mib, 32 * 2 ** 40]) {
    const id = `disk-${sizeBytes}`
    await overlays.prepare({ ...disk, id, sizeBytes, base: undefined })
    const file = overlays.fileOf(id)
    const image = `json:${JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: file }, backing: null })}`
    const check = spawnSync('qemu-img', ['check', image], { encoding: 'utf8' })
    assert.equal(check.status, 0, check.stdout + check.stderr)
    const at = sizeBytes - 512
    const write = spawnSync('qemu-io', ['-c', `write -P 65 ${at} 512`, image], { encoding: 'utf8' })
    assert.equal(write.status, 0, write.stdout + write.stderr)
    const change = await overlays.changes(id)
    assert.ok(change)
    assert.equal(change.sizeBytes, sizeBytes)
    assert.equal(await changedText(change, at, 3), 'AAA')
    let bytes = 0
    for await (const { length } of change.changes()) bytes += length
    assert.ok(bytes <= 4096, 'what was not written is not copied up from below')
    await change.close()
  }
})
