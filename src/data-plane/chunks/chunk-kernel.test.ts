import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { loadNative } from '#data-plane/native/load-native.ts'
import { type ChunkKernel, hashOf, ITEM_FIELDS, scriptKernel, squeeze } from './chunk-kernel.ts'
import { fastestKernel } from './native-kernel.ts'
import { PAGE_BYTES } from './page-cut.ts'
import { noise } from './temporary-store.ts'

const NOMINAL = 64 * 1024
const unavailable = loadNative()
const whereBuilt = typeof unavailable === 'string' ? { skip: `the native kernel ${unavailable}` } : {}
const native = fastestKernel()
const kernels = native === scriptKernel ? [scriptKernel] : [scriptKernel, native]

test('where everything is checked, the native kernel is checked too', () => {
  const isWanted = process.env.CI === 'true' && process.env.OPENGALLERY_NATIVE !== '0'
  assert.ok(!isWanted || native.name === 'native', String(unavailable))
})

/** Pages of zeros, of noise, of text, and with the slack of a file's end; a part of them, cut at odd places. */
const pages = fc.record({
  kinds: fc.array(fc.constantFrom('zero', 'noise', 'noise', 'text', 'slack', 'almost'), {
    maxLength: 150,
    size: 'max',
  }),
  start: fc.nat(9000),
  end: fc.nat(9000),
  nominalBytes: fc.constantFrom(NOMINAL, 2 * NOMINAL),
})
const pageOf = (kind: string, i: number): Buffer => {
  const page =
    kind === 'noise' ? noise(i + 1, PAGE_BYTES) : Buffer.alloc(PAGE_BYTES, kind === 'text' ? `line ${i} ` : 0)
  if (kind === 'slack') page.fill(`end of file ${i}`, 0, PAGE_BYTES - 16)
  if (kind === 'almost') page[(i * 997) % PAGE_BYTES] = 1
  return page
}

test('both kernels cut alike and give the same ids', whereBuilt, () => {
  fc.assert(
    fc.property(pages, ({ kinds, start, end, nominalBytes }) => {
      const bytes = Buffer.concat(kinds.map(pageOf))
      const from = Math.min(start, bytes.length)
      const to = Math.max(from, bytes.length - end)
      assert.deepEqual(native.split(bytes, from, to, nominalBytes), scriptKernel.split(bytes, from, to, nominalBytes))
    }),
    { numRuns: 60, examples: [[{ kinds: ['zero', 'zero'], start: 0, end: 0, nominalBytes: NOMINAL }]] },
  )
})

/** Chunks as a segment has them, what a kernel stores of them, and how to ask for them back. */
const stored = (kernel: ChunkKernel, parts: readonly Buffer[], inPlace: boolean) => {
  const bytes = Buffer.concat(parts)
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.length, 0))
  const target = inPlace ? bytes : Buffer.alloc(bytes.length)
  const { sizes, sums } = kernel.squeezeRanges(
    bytes,
    Uint32Array.from(parts.flatMap((part, i) => [starts[i]!, part.length])),
    target,
  )
  const items = new Uint32Array(parts.length * ITEM_FIELDS)
  let end = 0
  for (const [i, part] of parts.entries()) {
    items.set([end, sizes[i]!, part.length, sizes[i]! < part.length ? 1 : 0], i * ITEM_FIELDS)
    const sum = hashOf(target.subarray(end, end + sizes[i]!))
    if (sizes[i]! < part.length) assert.ok(sum.equals(sums.subarray(i * 32, i * 32 + 32)))
    end += sizes[i]!
  }
  return { stored: target.subarray(0, end), items, ids: Buffer.concat(parts.map(hashOf)) }
}
const part = fc
  .record({ sizeBytes: fc.integer({ min: 1, max: 40_000 }), seed: fc.nat(20), isText: fc.boolean() })
  .map(({ sizeBytes, seed, isText }) =>
    isText ? Buffer.alloc(sizeBytes, `text ${seed} `) : noise(seed + 1, sizeBytes),
  )

test('what one kernel stores, in place or not, each of them reads', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, inPlace) => {
      for (const writer of kernels)
        for (const reader of kernels) {
          const { stored: bytes, items, ids } = stored(writer, parts, inPlace)
          const target = Buffer.alloc(parts.reduce((sum, each) => sum + each.length, 0))
          assert.ok(reader.unsqueezeRanges(bytes, items, ids, target).every(good => good === 1))
          assert.ok(target.equals(Buffer.concat(parts)))
          assert.ok(
            reader.unsqueezeRanges(bytes, items, ids).every(good => good === 1),
            'only checked',
          )
        }
    }),
    { numRuns: 60 },
  )
})

const sea = noise(9, 1_900_000)

for (const kernel of kernels) {
  test(`${kernel.name}: damaged chunks and impossible items are bad, and harm no neighbour`, () => {
    const garbage = fc.record({
      at: fc.nat(5000),
      with: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      item: fc.nat(11),
    })
    const field = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 0x7fff_ffff, 0xffff_ffff))
    fc.assert(
      fc.property(garbage, field, fc.boolean(), fc.boolean(), (damage, value, isLie, hasTarget) => {
        const parts = [Buffer.alloc(30_000, 'abc def '), noise(3, 3000), Buffer.alloc(20_000, 'x y ')]
        const { stored: bytes, items, ids } = stored(kernel, parts, false)
        const whole = Uint8Array.from(bytes)
        if (isLie && damage.item % ITEM_FIELDS !== 2) items[damage.item] = value
        else whole.set(damage.with.slice(0, whole.length - (damage.at % whole.length)), damage.at % whole.length)
        const target = hasTarget ? Buffer.alloc(53_000) : undefined
        const good = kernel.unsqueezeRanges(whole, items, ids, target)
        const places = [0, 30_000, 33_000, 53_000]
        for (const [i, each] of parts.entries())
          if (good[i] && target) assert.ok(target.subarray(places[i], places[i + 1]).equals(each))
        if (isLie)
          for (const i of [0, 1, 2])
            assert.ok(good[i] || i === Math.floor(damage.item / ITEM_FIELDS) || damage.item % 4 === 2)
      }),
      { numRuns: 300 },
    )
  })

  test(`${kernel.name}: a frame that grows beyond its size, or ends before it, is bad`, () => {
    const bomb = squeeze(Buffer.alloc(8 * 2 ** 20))
    const zeros = Buffer.alloc(70_000)
    const check = (sizeBytes: number, target?: Uint8Array) => [
      ...kernel.unsqueezeRanges(bomb, Uint32Array.of(0, bomb.length, sizeBytes, 1), hashOf(zeros), target),
    ]
    assert.deepEqual(check(70_000), [0])
    const target = Buffer.alloc(70_016, 7)
    assert.deepEqual(check(70_000, target.subarray(0, 70_000)), [0])
    assert.ok(target.subarray(70_000).equals(Buffer.alloc(16, 7)), 'nothing is written behind the chunk')
    assert.deepEqual(check(0xffff_ffff), [0])
    const short = squeeze(zeros.subarray(0, 69_999))
    assert.deepEqual([...kernel.unsqueezeRanges(short, Uint32Array.of(0, short.length, 70_000, 1), hashOf(zeros))], [0])
    assert.deepEqual([...kernel.unsqueezeRanges(bomb, Uint32Array.of(0, bomb.length, 70_000, 1), Buffer.alloc(0))], [0])
  })

  test(`${kernel.name}: more frames than a chunk has are bad, and frames that may be skipped`, () => {
    const text = (sizeBytes: number) => Buffer.alloc(sizeBytes, 'four')
    const frame = squeeze(text(1024))
    const frames = (count: number) => Array.from({ length: count }, () => frame)
    const check = (parts: readonly Uint8Array[], sizeBytes: number) => {
      const bytes = Buffer.concat(parts)
      return [...kernel.unsqueezeRanges(bytes, Uint32Array.of(0, bytes.length, sizeBytes, 1), hashOf(text(sizeBytes)))]
    }
    assert.deepEqual(check(frames(64), 64 * 1024), [1])
    assert.deepEqual(check(frames(65), 65 * 1024), [0])
    const skippable = Buffer.from('502a4d1804000000deadbeef', 'hex')
    assert.deepEqual(check([frame], 1024), [1])
    assert.deepEqual(check([skippable, frame], 1024), [0])
    assert.deepEqual(check([frame, skippable], 1024), [0])
    assert.deepEqual(check([frame, Buffer.alloc(3)], 1024), [0])
  })

  test(`${kernel.name}: ids are checked for messages of all lengths, one after the other`, () => {
    const edges = [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128]
    const length = fc.oneof(fc.constantFrom(...edges), fc.nat(1000), fc.nat(300_000))
    const check = (lengths: readonly number[], wrong: number, hasTarget: boolean) => {
      const totals = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, each) => sum + each, 0))
      const [starts, end] = [totals.map((total, i) => total - lengths[i]!), totals.at(-1) ?? 0]
      const bytes = sea.subarray(0, end)
      const ids = Buffer.concat(lengths.map((each, i) => hashOf(bytes.subarray(starts[i], starts[i]! + each))))
      if (ids.length > 0) ids[wrong % ids.length]! ^= 1
      const items = Uint32Array.from(lengths.flatMap((each, i) => [starts[i]!, each, each, 0]))
      const target = hasTarget && end > 0 ? Buffer.alloc(end) : undefined
      const good = kernel.unsqueezeRanges(bytes, items, ids, target)
      const bad = Math.floor((wrong % ids.length) / 32)
      assert.deepEqual(
        [...good],
        lengths.map((_, i) => (i === bad ? 0 : 1)),
      )
      for (const [i, start] of starts.entries())
        if (target && good[i])
          assert.ok(target.subarray(start, start + lengths[i]!).equals(bytes.subarray(start, start + lengths[i]!)))
    }
    for (const first of edges)
      check(
        edges.flatMap(each => [first, each]),
        32 * first,
        false,
      )
    fc.assert(fc.property(fc.array(length, { minLength: 1, maxLength: 6 }), fc.nat(300), fc.boolean(), check), {
      numRuns: 80,
    })
    const many = fc.array(fc.oneof(fc.constantFrom(...edges), fc.nat(6000)), { minLength: 9, maxLength: 50 })
    fc.assert(fc.property(many, fc.nat(5000), fc.boolean(), check), { numRuns: 60 })
  })

  test(`${kernel.name}: what does not fit the target is refused`, () => {
    const { stored: bytes, items, ids } = stored(kernel, [noise(1, 5000)], false)
    assert.throws(() => kernel.unsqueezeRanges(bytes, items, ids, new Uint8Array(4999)), RangeError)
    assert.throws(() => kernel.squeezeRanges(noise(1, 5000), Uint32Array.of(0, 5000), new Uint8Array(4999)), RangeError)
  })
}

test('the native kernel refuses ranges outside of the bytes, and arguments of another kind', whereBuilt, () => {
  const bytes = noise(1, 10_000)
  for (const range of [
    [0, 10_001],
    [10_001, 1],
    [0xffff_ffff, 2],
    [9999, 0xffff_ffff],
  ])
    assert.throws(() => native.squeezeRanges(bytes, Uint32Array.from(range), Buffer.alloc(20_000)), RangeError)
  for (const [start, end] of [
    [-1, 5],
    [0, 10_001],
    [5, 2 ** 53],
    [Number.NaN, 5],
  ])
    assert.throws(() => native.split(bytes, start!, end!, NOMINAL), RangeError)
  assert.throws(() => native.split('bytes' as unknown as Uint8Array, 0, 5, NOMINAL), TypeError)
  assert.throws(() => native.squeezeRanges(bytes, new Float64Array(2) as unknown as Uint32Array, bytes), TypeError)
})
