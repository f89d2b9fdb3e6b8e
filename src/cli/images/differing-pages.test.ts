import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { differingPages, type StoredRange } from './differing-pages.ts'

const page = 4096
const workers = hashInThread()

/** Pages of equal bytes, 0 for a hole: what two images have in common is left to chance. */
const imageOf = (pages: readonly number[], isHoleTold: boolean): { whole: Buffer; bytes: SparseBytes } => {
  const whole = Buffer.concat(pages.map(value => Buffer.alloc(page, value)))
  const extents = async function* () {
    for (const [i, value] of pages.entries()) if (value > 0) yield { offset: i * page, length: page }
  }
  return { whole, bytes: isHoleTold ? { ...bytesOf(whole), extents } : bytesOf(whole) }
}

interface Cut {
  readonly gap: number
  readonly length: number
  /** What the base says of the range: its hash, none, or that of other bytes. */
  readonly known: 'hash' | 'nothing' | 'other'
}

/** The base's ranges where the cuts say so; what lies between them is made zeros. */
const baseOf = (whole: Buffer, cuts: readonly Cut[], unit: number) => {
  const content = Buffer.alloc(whole.length)
  const ranges: StoredRange[] = []
  let end = 0
  for (const { gap, length, known } of cuts) {
    const offset = end + gap * unit
    end = Math.min(whole.length, offset + length * unit)
    if (end <= offset) break
    const bytes = whole.subarray(offset, end)
    bytes.copy(content, offset)
    const chunk = createHash('sha256')
      .update(bytes)
      .update(known === 'other' ? 'more' : '')
      .digest('hex')
    ranges.push({ offset, length: end - offset, chunk: known === 'nothing' ? undefined : chunk })
  }
  return { content, ranges }
}

const pages = fc.array(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 40 })
const cuts = fc.array(
  fc.record({
    gap: fc.nat(3),
    length: fc.integer({ min: 1, max: 9 }),
    known: fc.constantFrom<Cut['known'][]>('hash', 'hash', 'nothing', 'other'),
  }),
)

async function* few(ranges: readonly StoredRange[]): AsyncGenerator<StoredRange[]> {
  for (let at = 0; at < ranges.length; at += 3) yield ranges.slice(at, at + 3)
}

test('the base with the changes is the image, and pages that are known to be the same do not travel', () =>
  fc.assert(
    fc.asyncProperty(
      pages,
      pages,
      cuts,
      fc.constantFrom(512, page),
      fc.boolean(),
      async (own, other, cut, unit, told) => {
        const image = imageOf(own, told)
        const base = baseOf(imageOf(other, false).whole, cut, unit)
        const result = Buffer.alloc(image.whole.length)
        base.content.copy(result)
        const written = new Set<number>()
        let end = 0
        for await (const change of differingPages(image.bytes, few(base.ranges), { workers, onCompared() {} })) {
          assert.ok(change.offset >= end && change.offset % page === 0 && change.length % page === 0)
          end = change.offset + change.length
          if (change.pages) change.pages.copy(result, change.offset)
          else result.fill(0, change.offset, end)
          for (let at = change.offset; at < end; at += page) written.add(at)
        }
        assert.ok(result.equals(image.whole))
        for (const { offset, length, chunk } of base.ranges) {
          const bytes = image.whole.subarray(offset, offset + length)
          const isSame = createHash('sha256').update(bytes).digest('hex') === chunk
          const isWhole = offset % page === 0 && length % page === 0 && offset + length <= image.whole.length
          const hasData = bytes.some(byte => byte !== 0)
          if (isSame && isWhole && hasData)
            assert.ok(
              [...written].every(at => at < offset || at >= offset + length),
              'what is the same was sent',
            )
        }
      },
    ),
    { numRuns: 120 },
  ))
