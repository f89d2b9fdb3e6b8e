import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { hashOf, scriptKernel, squeeze, UNPACK_FIELDS } from './chunk-kernel.ts'
import { fastestKernel } from './native-kernel.ts'
import { noise } from './temporary-store.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'unpack-'))
const packFile = path.join(folder, 'pack')
const written = fs.openSync(path.join(folder, 'written'), 'w+')

const parts = [
  Buffer.alloc(30_000, 'abc def '),
  noise(3, 3000),
  Buffer.alloc(20_000, 'x y '),
  noise(4, 100),
  Buffer.alloc(500_000, 'a line of text\n'),
  noise(5, 250_000),
  Buffer.alloc(70_000, 'the end '),
]
const stored = parts.map(squeeze)
const startOf = (pieces: readonly Uint8Array[], i: number): number =>
  pieces.slice(0, i).reduce((sum, { length }) => sum + length, 0)
fs.writeFileSync(packFile, Buffer.concat(stored))
const pack = fs.openSync(packFile, 'r')
after(() => {
  fs.closeSync(pack)
  fs.closeSync(written)
  fs.rmSync(folder, { recursive: true })
})

const ids = Buffer.concat(parts.map(hashOf))
const itemsOf = (skip: number, less: number): Float64Array =>
  Float64Array.from(
    parts.flatMap((part, i) => {
      const isZstd = stored[i]!.length < part.length ? 1 : 0
      const length = Math.max(0, part.length - skip - less)
      return [
        pack,
        startOf(stored, i),
        stored[i]!.length,
        part.length,
        isZstd,
        Math.min(skip, part.length),
        length,
      ].concat(startOf(parts, i))
    }),
  )
/** What the file has at the place of each part, after it was all sevens. */
const unpacked = (kernel: typeof scriptKernel, items: Float64Array, wanted: Uint8Array = ids) => {
  const sizeBytes = startOf(parts, parts.length)
  fs.writeSync(written, Buffer.alloc(sizeBytes, 7), 0, sizeBytes, 0)
  const good = [...kernel.unpack(items, wanted, written)]
  const bytes = Buffer.alloc(sizeBytes)
  fs.readSync(written, bytes, 0, sizeBytes, 0)
  return { good, bytes }
}
const untouched = (sizeBytes: number) => Buffer.alloc(sizeBytes, 7)

for (const kernel of new Set([scriptKernel, fastestKernel()])) {
  test(`${kernel.name}: what is wanted of chunks gets into the file, and nothing beside it`, () => {
    const range = fc.constantFrom(0, 0, 1, 99, 5000)
    fc.assert(
      fc.property(range, range, (skip, less) => {
        const { good, bytes } = unpacked(kernel, itemsOf(skip, less))
        for (const [i, part] of parts.entries()) {
          const at = startOf(parts, i)
          const wanted = part.subarray(
            Math.min(skip, part.length),
            Math.max(Math.min(skip, part.length), part.length - less),
          )
          const expected = Buffer.concat([wanted, untouched(part.length - wanted.length)])
          assert.ok(bytes.subarray(at, at + part.length).equals(expected), `part ${i}`)
          assert.equal(good[i], 1)
        }
      }),
      { numRuns: 20 },
    )
  })

  test(`${kernel.name}: what is damaged or makes no sense is not written, and its neighbours are`, () => {
    const field = fc.oneof(
      fc.nat(1_100_000),
      fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 63, 2 ** 32, 1e300),
    )
    const lie = fc.record({ of: fc.nat(parts.length - 1), field: fc.constantFrom(0, 1, 2, 3, 4), value: field })
    fc.assert(
      fc.property(fc.option(lie), fc.option(fc.nat(ids.length - 1)), (lied, wrongId) => {
        const items = itemsOf(0, 0)
        const wanted = Uint8Array.from(ids)
        if (lied && !(lied.field === 0 && lied.value >= 0)) items[lied.of * UNPACK_FIELDS + lied.field] = lied.value
        if (wrongId !== null) wanted[wrongId]! ^= 1
        const { good, bytes } = unpacked(kernel, items, wanted)
        for (const [i, part] of parts.entries()) {
          const at = startOf(parts, i)
          const found = bytes.subarray(at, at + part.length)
          assert.ok(found.equals(good[i] ? part : untouched(part.length)), `part ${i}`)
          const isMeant = lied?.of === i || (wrongId !== null && Math.floor(wrongId / 32) === i)
          assert.ok(good[i] || isMeant || lied?.field === 1 || lied?.field === 2, `neighbour ${i}`)
        }
      }),
      { numRuns: 150 },
    )
  })

  test(`${kernel.name}: a part that leaves its chunk is refused, and what can't be written is not good`, () => {
    for (const [skip, length] of [
      [0, 3001],
      [3001, 0],
      [1, 3000],
    ]) {
      const items = itemsOf(0, 0)
      items.set([skip!, length!], UNPACK_FIELDS + 5)
      assert.deepEqual(unpacked(kernel, items).good, [1, 0, 1, 1, 1, 1, 1])
    }
    assert.deepEqual(new Set(kernel.unpack(itemsOf(0, 0), ids, pack)), new Set([0]), 'the pack is open for reading')
    assert.deepEqual(new Set(kernel.unpack(itemsOf(0, 0), ids, -1)), new Set([1]), 'only checked')
    assert.deepEqual(kernel.unpack(new Float64Array(0), ids, written), new Uint8Array(0))
  })
}
