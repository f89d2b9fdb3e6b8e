import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { DECODE_FIELDS, type DecodeItem, hashOf } from './chunk-kernel.ts'
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
  const itemOf = (i: number, bySum: boolean, isForRing: number, at: number): DecodeItem => {
    const isZstd = stored[i]!.length === parts[i]!.length ? 0 : bySum ? 2 : 1
    return [fd, offsetOf(i), stored[i]!.length, parts[i]!.length, isZstd, isForRing, 0, at]
  }
  return { fd, stored, itemOf }
}

const ask = (items: readonly DecodeItem[], ids: readonly Uint8Array[]) => {
  const [target, ring] = [Buffer.alloc(wholeBytes, 7), Buffer.alloc(wholeBytes, 7)]
  const good = new Uint8Array(items.length)
  kernel.decodeCached?.(Float64Array.from(items.flat()), Buffer.concat(ids), good, target, ring)
  return { good: [...good], target, ring }
}

if (!kernel.decodeCached) test('nobody can tell what the system has in memory', { skip: 'no native kernel' })
else {
  test('chunks get to their places, checked by what is stored or by what it decodes to', t => {
    const { stored, itemOf } = packed(t)
    const wish = fc.record({ of: fc.nat(parts.length - 1), bySum: fc.boolean(), isForRing: fc.nat(1) })
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 8 }), wishes => {
        let end = 0
        const planned = wishes.flatMap(({ of, bySum, isForRing }) => {
          const bytes = parts[of]!
          if (end + bytes.length > wholeBytes) return []
          const item = itemOf(of, bySum, isForRing, end)
          end += bytes.length
          return [{ item, id: hashOf(bySum ? stored[of]! : bytes), isForRing, bytes }]
        })
        const found = ask(
          planned.map(({ item }) => item),
          planned.map(({ id }) => id),
        )
        const expected = { target: Buffer.alloc(wholeBytes, 7), ring: Buffer.alloc(wholeBytes, 7) }
        for (const { item, isForRing, bytes } of planned)
          bytes.copy(isForRing ? expected.ring : expected.target, item[7])
        assert.ok(found.good.every(each => each === 1))
        assert.ok(found.target.equals(expected.target) && found.ring.equals(expected.ring))
      }),
      { numRuns: 150 },
    )
  })

  test('a chunk that is damaged is not good; its neighbours are', t => {
    const { stored, itemOf } = packed(t)
    const wrong = hashOf(Buffer.from('another'))
    const ids = [hashOf(stored[0]!), wrong, wrong, hashOf(parts[3]!), wrong]
    const items = [0, 2, 0, 3, 1].map((of, i) => itemOf(of, i < 2, 0, i * 100_000 + (i > 0 ? 100_000 : 0)))
    assert.deepEqual(ask(items, ids).good, [1, 0, 0, 1, 0])
  })

  test('what makes no sense writes nothing beside its place, and too much at once is refused', t => {
    const { fd, stored, itemOf } = packed(t)
    const lie = fc.oneof(fc.nat(1_100_000), fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 31, 2 ** 53, 1e300))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), lie, (field, value) => {
        const item: number[] = [...itemOf(0, true, 0, 100_000)]
        item[field] = value
        const { good, target, ring } = ask([item as never], [hashOf(stored[0]!)])
        if (good[0]) return
        const written = item[5] === 0 ? target : ring
        const end = item[7]! + item[3]!
        for (const [at, byte] of written.entries()) if (byte !== 7) assert.ok(at >= item[7]! && at < end, `byte ${at}`)
      }),
      { numRuns: 300 },
    )
    const many = Array.from({ length: 65 }, (): DecodeItem => [fd, 0, 1, 1, 0, 0, 0, 0])
    const ids = many.map(() => hashOf(Buffer.alloc(1)))
    assert.throws(() => ask(many, ids), RangeError)
    assert.equal(DECODE_FIELDS, many[0]!.length)
  })
}
