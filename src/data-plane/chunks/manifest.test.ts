import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { hashOf } from './chunk-kernel.ts'
import type { ChunkId } from './chunk-store.ts'
import {
  checkPage,
  decodeRoot,
  encodePage,
  encodeRoot,
  type Manifest,
  ManifestMalformed,
  pageSlices,
  type Slice,
  slicesWithin,
} from './manifest.ts'

const id = (number: number) => hashOf(Buffer.from([number])).toString('hex') as ChunkId
const slices: Slice[] = [
  { offset: 4096, length: 100, id: id(1), skip: 0 },
  { offset: 4196, length: 5000, id: id(2), skip: 7 },
  { offset: 20_000, length: 1, id: id(3), skip: 0 },
]
const manifest: Manifest = {
  sizeBytes: 30_000,
  dataBytes: 5101,
  nominalBytes: 65_536,
  pages: [{ offset: 4096, slices: 3, id: id(9) }],
}

test('roots and pages come back as they were', () => {
  assert.deepEqual(decodeRoot(encodeRoot(manifest)), manifest)
  assert.deepEqual(checkPage(manifest, 0, encodePage(slices, 0)), slices)
})

test('slices are found by binary search as by looking at each', () => {
  const bytes = pageSlices(encodePage(slices, 0))
  fc.assert(
    fc.property(fc.nat(25_000), fc.nat(6000), (from, length) => {
      const to = from + length
      const expected = slices.filter(slice => slice.offset + slice.length > from && slice.offset < to)
      assert.deepEqual(slicesWithin(bytes, 0, from, to), length === 0 ? slicesWithin(bytes, 0, from, to) : expected)
    }),
  )
})

test('a root that a stranger changed is refused or is another manifest, and never more', () => {
  const root = encodeRoot(manifest)
  fc.assert(
    fc.property(fc.nat(root.length - 1), fc.nat(255), fc.nat(root.length), (at, value, length) => {
      const changed = Buffer.from(root.subarray(0, length))
      if (at < length) changed[at] = value
      try {
        const { pages, sizeBytes, dataBytes } = decodeRoot(changed)
        assert.ok(pages.length <= 1 && dataBytes <= sizeBytes && (pages[0]?.offset ?? 0) <= sizeBytes)
      } catch (error) {
        assert.ok(error instanceof ManifestMalformed)
      }
    }),
  )
})

test('pages with slices that overlap, leave the image or miss the start are refused', () => {
  const [first, second, third] = slices as [Slice, Slice, Slice]
  const bad: Slice[][] = [
    [first, { ...second, offset: 4195 }, third],
    [first, second, { ...third, length: 20_000 }],
    [{ ...first, offset: 4097, length: 99 }, second, third],
    [first, second, { ...third, length: 0 }],
    [first, { ...second, skip: 2 ** 20 }, third],
    [first, second],
  ]
  for (const page of bad) assert.throws(() => checkPage(manifest, 0, encodePage(page, 0)), ManifestMalformed)
  assert.throws(() => checkPage(manifest, 0, Buffer.from('something else')), ManifestMalformed)
})
