import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { cutPages, nominalBytesFor, PAGE_BYTES } from './page-cut.ts'
import { noise } from './temporary-store.ts'

const NOMINAL = 64 * 1024

const cut = (bytes: Uint8Array, start = 0, end = bytes.length) => {
  const chunks: { start: number; length: number }[] = []
  cutPages(bytes, start, end, NOMINAL, (at, length) => chunks.push({ start: at, length }))
  return chunks
}

test('chunks and the zeros between them are the bytes', () => {
  const page = fc.constantFrom(0, 0, 1, 2, 3)
  fc.assert(
    fc.property(fc.array(page, { maxLength: 200 }), fc.nat(5000), fc.nat(5000), (kinds, lead, tail) => {
      const bytes = Buffer.alloc((kinds.length + 2) * PAGE_BYTES)
      for (const [i, kind] of kinds.entries()) if (kind > 0) noise(i * kind, PAGE_BYTES).copy(bytes, i * PAGE_BYTES)
      const [start, end] = [Math.min(lead, bytes.length), Math.max(lead, bytes.length - tail)]
      const rebuilt = Buffer.alloc(bytes.length)
      let last = start
      for (const chunk of cut(bytes, start, end)) {
        assert.ok(chunk.start >= last && chunk.length > 0 && chunk.length < NOMINAL * 4 + PAGE_BYTES)
        bytes.copy(rebuilt, chunk.start, chunk.start, chunk.start + chunk.length)
        last = chunk.start + chunk.length
      }
      assert.ok(last <= end)
      assert.ok(rebuilt.subarray(start, end).equals(bytes.subarray(start, end)))
    }),
    { numRuns: 60 },
  )
})

test('zeros are never part of a chunk of their own, and odd ends are', () => {
  assert.deepEqual(cut(Buffer.alloc(10 * PAGE_BYTES)), [])
  assert.deepEqual(cut(Buffer.alloc(100)), [])
  const bytes = Buffer.alloc(3 * PAGE_BYTES)
  bytes[2 * PAGE_BYTES + 5] = 1
  assert.deepEqual(cut(bytes, 0, 2 * PAGE_BYTES + 6), [{ start: 2 * PAGE_BYTES, length: 6 }])
})

test('bytes that moved by whole pages are cut as before', () => {
  const file = noise(1, 400 * PAGE_BYTES)
  const before = cut(file)
  const moved = Buffer.concat([noise(2, 7 * PAGE_BYTES), file])
  const after = new Set(cut(moved).map(chunk => `${chunk.start - 7 * PAGE_BYTES}+${chunk.length}`))
  const kept = before.filter(chunk => after.has(`${chunk.start}+${chunk.length}`))
  assert.ok(kept.length >= before.length - 3, `${kept.length} of ${before.length} chunks are the same`)
})

test('chunks of big images are twice as big', () => {
  assert.equal(nominalBytesFor(32 * 2 ** 30), 64 * 1024)
  assert.equal(nominalBytesFor(32 * 2 ** 30 + 1), 128 * 1024)
})
