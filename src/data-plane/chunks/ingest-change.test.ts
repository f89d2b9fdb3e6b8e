import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ChangedBytes, ChangedExtent } from '#foundation/sparse-bytes.ts'
import { type ManifestId, ManifestMissing } from './chunk-store.ts'
import { SEGMENT_BYTES } from './intake.ts'
import { decodeRoot } from './manifest.ts'
import { contentOf, ingestBytes, noise, sparse, temporaryStore } from './temporary-store.ts'

const PAGE = 4096
/** What one page of a manifest describes. */
const SPAN = 32 * 1024 * 1024

/** An image and some ranges in which it differs from another one. */
const changed = (whole: Uint8Array, changes: readonly ChangedExtent[]): ChangedBytes => ({
  sizeBytes: whole.length,
  async *changes() {
    yield* changes
  },
  async read(offset, target) {
    const isInside = changes.some(
      ({ kind, ...at }) => kind === 'data' && at.offset <= offset && at.offset + at.length >= offset + target.length,
    )
    assert.ok(isInside, 'nothing is read but what has changed')
    target.set(whole.subarray(offset, offset + target.length))
  },
  async close() {},
})

/** Content like that of a disk: files of some pages, most of which end in zeros, and holes. */
const diskLike = (seed: number, pages: number): Buffer => {
  const image = noise(seed, pages * PAGE)
  const kinds = noise(seed + 1, pages)
  for (let page = 0; page < pages; page++) {
    const kind = kinds[page]! % 16
    if (kind === 0) image.fill(0, page * PAGE, (page + 1) * PAGE)
    else if (kind < 3) image.fill(0, (page + 1) * PAGE - 40, (page + 1) * PAGE)
  }
  return image
}

const SHIFT = SEGMENT_BYTES - 450 * PAGE

interface Edit {
  readonly at: number
  readonly length: number
  readonly kind: 'data' | 'zero' | 'unchanged'
  readonly seed: number
}

/** Applies edits to a copy of an image of another size; overlapping ones are left out. */
const edited = (image: Buffer, sizeBytes: number, unit: number, edits: readonly Edit[], shift = 0) => {
  const whole = Buffer.alloc(sizeBytes)
  image.copy(whole)
  const changes: ChangedExtent[] = []
  let end = 0
  for (const { at, length, kind, seed } of [...edits].sort((a, b) => a.at - b.at)) {
    const offset = shift + at * unit
    const stop = Math.min(sizeBytes, offset + length * unit)
    if (offset < end || stop <= offset) continue
    if (kind === 'data') noise(seed + 77, stop - offset).copy(whole, offset)
    if (kind === 'zero') whole.fill(0, offset, stop)
    changes.push({ offset, length: stop - offset, kind: kind === 'zero' ? 'zero' : 'data' })
    end = stop
  }
  return { whole, change: changed(whole, changes) }
}

const edits = (most: number, longest: number) =>
  fc.array(
    fc.record({
      at: fc.nat(most),
      length: fc.integer({ min: 1, max: longest }),
      kind: fc.constantFrom<Edit['kind'][]>('data', 'data', 'zero', 'unchanged'),
      seed: fc.nat(50),
    }),
    { maxLength: 9 },
  )

test('changes of whole pages give the very manifest of a whole ingest, generation after generation', async t => {
  const { store } = await temporaryStore(t)
  const generation = fc.record({ pages: fc.integer({ min: 1, max: 1400 }), edits: edits(1400, 60) })
  await fc.assert(
    fc.asyncProperty(fc.nat(9), fc.array(generation, { minLength: 1, maxLength: 4 }), async (seed, generations) => {
      // The edge of a segment lies amid of it.
      let image = Buffer.concat([Buffer.alloc(SHIFT), diskLike(seed, 900)])
      let { manifest } = await ingestBytes(store, image, 'base')
      for (const each of generations) {
        const { whole, change } = edited(image, SHIFT + each.pages * PAGE, PAGE, each.edits, SHIFT)
        const ingested = await store.ingestChange(manifest, change, 'changed')
        const plain = await ingestBytes(store, whole, 'plain')
        assert.deepEqual(
          { manifest: ingested.manifest, dataBytes: ingested.dataBytes },
          { manifest: plain.manifest, dataBytes: plain.dataBytes },
        )
        image = whole
        manifest = ingested.manifest
      }
    }),
    { numRuns: 8 },
  )
})

test('changes at any offset, of images put together from parts of others, give the right bytes', async t => {
  const { store } = await temporaryStore(t)
  const sources = await Promise.all(
    [1, 2].map(async seed => {
      const whole = diskLike(seed, 150)
      return { whole, manifest: (await ingestBytes(store, whole, `source ${seed}`)).manifest }
    }),
  )
  const piece = fc.record({ which: fc.nat(1), from: fc.nat(500_000), length: fc.nat(100_000) })
  const resized = fc.integer({ min: 0, max: 700_000 })
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), resized, edits(600_000, 90_000), async (given, size, each) => {
      const pieces = given.map(({ which, from, length }) => ({ ...sources[which]!, offset: from, length }))
      const parts = pieces.map(({ whole, offset, length }) => whole.subarray(offset, offset + length))
      const start = SEGMENT_BYTES - 123_456
      const image = Buffer.concat([Buffer.alloc(start), ...parts])
      const { manifest } = await store.compose([{ hole: true, length: start }, ...pieces], 'base')
      const { whole, change } = edited(image, start + size, 1, each, start)
      const ingested = await store.ingestChange(manifest, change, 'changed')
      assert.equal(ingested.sizeBytes, start + size)
      assert.ok((await contentOf(store, ingested.manifest)).equals(whole))
    }),
    { numRuns: 15 },
  )
})

test('spans without a change are not read, and keep their pages', async t => {
  const { store } = await temporaryStore(t)
  const parts = [0, 1, 2, 3].map(number => ({ offset: number * SPAN + 5 * PAGE, bytes: noise(number + 1, 600_000) }))
  const base = await store.ingest(sparse(4 * SPAN, parts), 'base')
  const at = parts[2]!.offset + 40 * PAGE
  const content = noise(99, PAGE)
  const change: ChangedBytes = {
    ...sparse(4 * SPAN, [{ offset: at, bytes: content }]),
    async *changes() {
      yield { offset: at, length: PAGE, kind: 'data' }
    },
  }
  const { manifest, newBytes, dataBytes } = await store.ingestChange(base.manifest, change, 'changed')
  assert.equal(dataBytes, base.dataBytes)
  assert.ok(newBytes >= PAGE && newBytes < 600_000, `${newBytes} bytes are new`)
  const pagesOf = async (id: ManifestId) => decodeRoot(await store.manifestRoot(id)).pages.map(page => page.id)
  const [before, after] = [await pagesOf(base.manifest), await pagesOf(manifest)]
  assert.deepEqual(
    after.map((id, i) => id === before[i]),
    [true, true, false, true],
  )
})

test('what makes no sense is refused: an unknown base, changes out of order or out of the image', async t => {
  const { store } = await temporaryStore(t)
  const { manifest } = await ingestBytes(store, noise(1, 10 * PAGE), 'base')
  const none = edited(Buffer.alloc(0), PAGE, PAGE, []).change
  await assert.rejects(store.ingestChange('0'.repeat(64) as ManifestId, none, 'x'), ManifestMissing)
  for (const ranges of [
    [{ offset: PAGE, length: PAGE }],
    [
      { offset: 0, length: 10 },
      { offset: 9, length: 1 },
    ],
  ]) {
    const change = changed(
      Buffer.alloc(PAGE),
      ranges.map(range => ({ ...range, kind: 'data' })),
    )
    await assert.rejects(store.ingestChange(manifest, change, 'x'), RangeError)
  }
  assert.equal(await store.held('x'), undefined)
})
