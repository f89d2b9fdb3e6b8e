import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { dataRuns } from '#data-plane/disks/data-runs.ts'
import { paddedToDisk } from '#data-plane/disks/padded-to-disk.ts'
import { bytesOf, type Extent, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { digestingBytes } from './digesting-bytes.ts'
import { firmwareOf } from './firmware.ts'
import { readAhead } from './page-blob.ts'

/** An image with data at some pages only, and where it is. */
const sparseImages = fc
  .record({
    pages: fc.integer({ min: 1, max: 3000 }),
    tail: fc.constantFrom(0, 1, 511, 512, 4095),
    data: fc.array(fc.record({ page: fc.nat(2999), count: fc.integer({ min: 1, max: 400 }) }), { maxLength: 6 }),
  })
  .map(({ pages, tail, data }) => {
    const whole = Buffer.alloc(pages * 4096 + tail)
    for (const { page, count } of data)
      whole.fill((page % 255) | 1, Math.min(whole.length, page * 4096), Math.min(whole.length, (page + count) * 4096))
    return whole
  })

const extentsOf = (whole: Buffer): Extent[] => {
  const extents: Extent[] = []
  for (let offset = 0; offset < whole.length; offset += 4096) {
    const length = Math.min(4096, whole.length - offset)
    if (whole.subarray(offset, offset + length).some(byte => byte !== 0)) extents.push({ offset, length })
  }
  return extents
}

const sparse = (whole: Buffer): SparseBytes => ({
  ...bytesOf(whole),
  async *extents() {
    yield* extentsOf(whole)
  },
})

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('the digest of a sparse image that is read in order is that of the whole file', () =>
  fc.assert(
    fc.asyncProperty(sparseImages, async whole => {
      const image = digestingBytes(sparse(whole))
      for await (const _ of dataRuns(image, {})) void _
      assert.equal(await image.sha256(), sha256(whole))
      assert.ok(image.readBytes() <= whole.length)
    }),
    { numRuns: 40 },
  ))

test('a hole of terabytes is digested without keeping others from their turns, and can be given up', async () => {
  const stop = new AbortController()
  const image = digestingBytes({ ...bytesOf(Buffer.alloc(0)), sizeBytes: 2 ** 45 }, stop.signal)
  setImmediate(() => stop.abort())
  await assert.rejects(image.sha256(), { name: 'AbortError' })
})

test('a blob that is read ahead gives the bytes it has, each part once', () =>
  fc.assert(
    fc.asyncProperty(sparseImages, async whole => {
      const fetched: number[] = []
      const blob = {
        sizeBytes: async () => whole.length,
        clearPages: async () => {},
        putPages: async () => {},
        extents: async () => extentsOf(whole),
        read: async (offset: number, length: number) => {
          fetched.push(offset)
          return Buffer.from(whole.subarray(offset, offset + length))
        },
      }
      const copy = Buffer.alloc(whole.length)
      const bytes = await readAhead(blob, whole.length)
      for await (const { offset, data } of dataRuns(bytes, {})) data.copy(copy, offset)
      assert.ok(copy.equals(whole))
      assert.equal(new Set(fetched).size, fetched.length, 'no part is fetched twice')
    }),
    { numRuns: 40 },
  ))

test('padding reads as zeros behind the image', async () => {
  const padded = paddedToDisk(bytesOf(Buffer.alloc(1000, 7)))
  assert.equal(padded.sizeBytes, 20 * 2 ** 20)
  const read = Buffer.alloc(200, 1)
  await padded.read(900, read)
  assert.ok(read.equals(Buffer.concat([Buffer.alloc(100, 7), Buffer.alloc(100)])))
  const even = bytesOf(Buffer.alloc(21 * 2 ** 20))
  assert.equal(paddedToDisk(even), even)
  assert.equal(paddedToDisk({ ...even, sizeBytes: even.sizeBytes + 1 }).sizeBytes, 22 * 2 ** 20)
})

test('the generation is told by the partition table', async () => {
  const image = Buffer.alloc(16384)
  assert.equal(await firmwareOf(bytesOf(image)), 'V1')
  for (const offset of [512, 4096]) {
    const gpt = Buffer.from(image)
    gpt.write('EFI PART', offset)
    assert.equal(await firmwareOf(bytesOf(gpt)), 'V2')
  }
  assert.equal(await firmwareOf(bytesOf(Buffer.alloc(100))), 'V1')
})
