import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { UnsupportedDisk } from './hostile-disk.ts'
import { inspectQcow2 } from './inspect-qcow2.ts'
import * as sample from './sample-disks.contract.ts'

/** Counts what is read of the file. */
const counted = (bytes: Buffer): SparseBytes & { reads: number } => {
  const file = {
    ...bytesOf(bytes),
    reads: 0,
    read(offset: number, target: Uint8Array) {
      file.reads++
      return bytesOf(bytes).read(offset, target)
    },
  }
  return file
}

/** A qcow2 with clusters of 512 bytes whose L1 table names so many L2 tables. */
const withTables = (count: number): Buffer => {
  const file = Buffer.concat([sample.sampleQcow2(3, count * 32 * 1024), Buffer.alloc(count * (512 + 8) + 512)])
  const [l1Offset, firstTable] = [3072, 3072 + Math.ceil((count * 8) / 512) * 512]
  file.writeUInt32BE(count, 36)
  file.writeBigUInt64BE(BigInt(l1Offset), 40)
  for (let index = 0; index < count; index++)
    file.writeBigUInt64BE((1n << 63n) | BigInt(firstTable + index * 512), l1Offset + index * 8)
  return file
}

test('more L2 tables than any sensible disk has are refused before one of them is read', async () => {
  const hostile = counted(withTables(2 ** 18 + 1))
  await assert.rejects(inspectQcow2(hostile), (error: Error) => {
    assert.ok(error instanceof UnsupportedDisk)
    assert.match(error.message, /262145 L2 tables.*clusters of 512 bytes.*qemu-img convert/)
    return true
  })
  assert.ok(hostile.reads < 10, `${hostile.reads} reads`)
  const many = counted(withTables(2000))
  assert.equal((await inspectQcow2(many)).dataBytes, 0)
  assert.ok(many.reads > 2000)
})

test('an inspection ends when its signal aborts', async () => {
  const stopping = new AbortController()
  const bytes = withTables(2000)
  const file = counted(bytes)
  const inspected = inspectQcow2(file, stopping.signal)
  stopping.abort(new Error('enough'))
  await assert.rejects(inspected, /enough/)
  assert.ok(file.reads < 20, `${file.reads} reads`)
})
