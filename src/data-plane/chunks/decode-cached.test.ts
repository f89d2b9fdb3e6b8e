import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { type DecodeItem, hashOf, PART_FIELDS, UNPACK_FIELDS } from './chunk-kernel.ts'
import { fastestKernel } from './native-kernel.ts'
import { noise } from './temporary-store.ts'

const kernel = fastestKernel()
const text = (length: number, word: string) => Buffer.alloc(length, word)
const parts = [
  text(200_000, 'a line of text\n'),
  noise(1, 30_000),
  Buffer.concat([noise(2, 40_000), text(60_000, 'words and '), noise(3, 5_000)]),
  text(32 * 1024, 'one '),
  text(700, 'short '),
]
const wholeBytes = 600_000

/** A pack of those parts as the kernel stores them, freshly written: the system has it in memory. */
const packed = (t: TestContext) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'decode-'))
  const stored = parts.map(part => {
    const target = new Uint8Array(part.length)
    const [size = 0] = kernel.squeezeRanges(Uint8Array.from(part), Uint32Array.of(0, part.length), target).sizes
    return Buffer.from(target.subarray(0, size))
  })
  const file = path.join(folder, 'pack')
  fs.writeFileSync(file, Buffer.concat(stored))
  const fd = fs.openSync(file, 'r')
  t.after(() => {
    fs.closeSync(fd)
    fs.rmSync(folder, { recursive: true })
  })
  const offsetOf = (i: number) => stored.slice(0, i).reduce((sum, { length }) => sum + length, 0)
  const itemOf = (i: number, bySum: boolean, at: number, skip = 0, length = parts[i]!.length): DecodeItem => {
    const isZstd = stored[i]!.length === parts[i]!.length ? 0 : bySum ? 2 : 1
    return [fd, offsetOf(i), stored[i]!.length, parts[i]!.length, isZstd, skip, length, at]
  }
  return { fd, stored, itemOf }
}

const ask = (items: readonly DecodeItem[], ids: readonly Uint8Array[], rings: readonly number[] = []) => {
  const [target, ring] = [Buffer.alloc(wholeBytes, 7), Buffer.alloc(wholeBytes, 7)]
  const good = new Uint8Array(items.length)
  const decoded = Uint32Array.from(items.flatMap((_, i) => [rings[i] ?? 0, 0, 0]))
  kernel.decodeCached?.(Float64Array.from(items.flat()), items.length, decoded, Buffer.concat(ids), good, target, ring)
  const parts = items.map((_, i) => decoded.subarray(i * PART_FIELDS + 1, (i + 1) * PART_FIELDS))
  return { good: [...good], parts, target, ring }
}

if (!kernel.decodeCached) test('nobody can tell what the system has in memory', { skip: 'no native kernel' })
else {
  test('what is wanted of chunks gets to their places, checked by what is stored or by what it decodes to', t => {
    const { stored, itemOf } = packed(t)
    const share = fc.nat(1000).map(parts => parts / 1000)
    const wish = fc.record({
      of: fc.nat(parts.length - 1),
      bySum: fc.boolean(),
      ring: fc.nat(1),
      skip: share,
      length: share,
    })
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 8 }), wishes => {
        let end = 0
        const planned = wishes.flatMap(({ of, bySum, ring, skip, length }) => {
          const bytes = parts[of]!
          if (end + bytes.length > wholeBytes) return []
          const start = Math.floor(skip * (bytes.length - 1))
          const item = itemOf(of, bySum, end, start, 1 + Math.floor(length * (bytes.length - start - 1)))
          end += bytes.length
          return [{ item, id: hashOf(bySum ? stored[of]! : bytes), ring, bytes }]
        })
        const found = ask(
          planned.map(({ item }) => item),
          planned.map(({ id }) => id),
          planned.map(({ ring }) => ring),
        )
        const expected = { target: Buffer.alloc(wholeBytes, 7), ring: Buffer.alloc(wholeBytes, 7) }
        for (const [i, { item, ring, bytes }] of planned.entries()) {
          const [, , , , , skip, length, at] = item
          const [from = 0, to = 0] = found.parts[i]!
          assert.ok(from <= skip && to >= skip + length && to <= bytes.length)
          bytes.subarray(from, to).copy(ring ? expected.ring : expected.target, at + from)
        }
        assert.ok(found.good.every(each => each === 1))
        assert.ok(found.target.equals(expected.target) && found.ring.equals(expected.ring))
      }),
      { numRuns: 150 },
    )
  })

  test('of a long chunk no more is decoded than the frames that are wanted', t => {
    const { stored, itemOf } = packed(t)
    const sum = hashOf(stored[0]!)
    assert.deepEqual([...ask([itemOf(0, true, 0, 100_000, 10)], [sum]).parts[0]!], [53_248, 106_496])
    assert.deepEqual([...ask([itemOf(0, true, 0, 53_000, 4096)], [sum]).parts[0]!], [0, 106_496])
    assert.deepEqual([...ask([itemOf(0, false, 0, 100_000, 10)], [hashOf(parts[0]!)]).parts[0]!], [0, 200_000])
  })

  test('a chunk that is damaged is not good; its neighbours are', t => {
    const { stored, itemOf } = packed(t)
    const wrong = hashOf(Buffer.from('another'))
    const ids = [hashOf(stored[0]!), wrong, wrong, hashOf(parts[3]!), wrong]
    const places = [0, 200_000, 305_000, 505_000, 540_000]
    const items = [0, 2, 0, 3, 1].map((of, i) => itemOf(of, i < 2, places[i]!))
    assert.deepEqual(ask(items, ids).good, [1, 0, 0, 1, 0])
  })

  test('what makes no sense writes nothing beside its place, and too much at once is refused', t => {
    const { fd, stored, itemOf } = packed(t)
    const lie = fc.oneof(fc.nat(1_100_000), fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 31, 2 ** 53, 1e300))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), lie, (field, value) => {
        const item: number[] = [...itemOf(0, true, 100_000)]
        item[field] = value
        const { good, target, ring } = ask([item as never], [hashOf(stored[0]!)])
        assert.ok(ring.every(byte => byte === 7))
        if (good[0]) return
        const end = item[7]! + item[3]!
        for (const [at, byte] of target.entries()) if (byte !== 7) assert.ok(at >= item[7]! && at < end, `byte ${at}`)
      }),
      { numRuns: 300 },
    )
    const many = Array.from({ length: 65 }, (): DecodeItem => [fd, 0, 1, 1, 0, 0, 0, 0])
    const ids = many.map(() => hashOf(Buffer.alloc(1)))
    assert.throws(() => ask(many, ids), RangeError)
    assert.equal(UNPACK_FIELDS, many[0]!.length)
  })
}
