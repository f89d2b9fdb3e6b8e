import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { bytesOf, type ChangedBytes } from '#foundation/sparse-bytes.ts'
import {
  type ChunkId,
  type ChunkSource,
  DraftBegun,
  type ManifestId,
  ManifestMissing,
  type Piece,
} from './chunk-store.ts'
import { inBatches } from './stored-batches.ts'
import { contentOf, ingestBytes, noise, sparse, type TemporaryStore } from './temporary-store.ts'

const PAGE = 4096

/** Content at some places of an image of up to a few hundred KiB; places may touch and sizes are odd. */
const image = fc
  .record({
    sizeBytes: fc.integer({ min: 0, max: 400_000 }),
    parts: fc.array(fc.record({ gap: fc.nat(60_000), length: fc.integer({ min: 1, max: 70_000 }), seed: fc.nat(9) }), {
      maxLength: 6,
    }),
  })
  .map(({ sizeBytes, parts }) => {
    const placed: { offset: number; bytes: Buffer }[] = []
    let at = 0
    for (const { gap, length, seed } of parts) {
      const offset = at + gap
      if (offset >= sizeBytes) break
      const bytes = noise(seed + 1, Math.min(length, sizeBytes - offset))
      placed.push({ offset, bytes })
      at = offset + bytes.length
    }
    const whole = Buffer.alloc(sizeBytes)
    for (const { offset, bytes } of placed) bytes.copy(whole, offset)
    return { source: sparse(sizeBytes, placed), whole }
  })

/** What every store promises, whatever it is made of. */
export const chunkStoreContract = (name: string, make: (t: TestContext) => Promise<TemporaryStore>): void => {
  test(`${name}: what goes in comes out, at once and after reopening`, async t => {
    const made = await make(t)
    const kept: { hold: string; whole: Buffer }[] = []
    await fc.assert(
      fc.asyncProperty(image, async ({ source, whole }) => {
        const hold = `image ${kept.length}`
        const { manifest, sizeBytes, dataBytes } = await made.store.ingest(source, hold)
        assert.equal(sizeBytes, whole.length)
        assert.deepEqual(await made.store.describe(manifest), { sizeBytes, dataBytes })
        assert.ok((await contentOf(made.store, manifest)).equals(whole))
        kept.push({ hold, whole })
      }),
      { numRuns: 25 },
    )
    const store = await made.reopen()
    for (const { hold, whole } of kept) assert.ok((await contentOf(store, (await store.held(hold))!)).equals(whole))
  })

  test(`${name}: reads at any offset agree with the image, and its extents hold all of its data`, async t => {
    const { store } = await make(t)
    const whole = Buffer.concat([noise(1, 300_000), Buffer.alloc(200_000), noise(2, 99_999)])
    const bytes = await store.open((await ingestBytes(store, whole, 'a')).manifest)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), fc.nat(250_000), async (offset, length) => {
        const target = Buffer.alloc(Math.min(length, whole.length - offset), 7)
        await bytes.read(offset, target)
        assert.ok(target.equals(whole.subarray(offset, offset + target.length)))
      }),
      { numRuns: 40 },
    )
    const rest = Buffer.from(whole)
    let end = -1
    for await (const { offset, length } of bytes.extents()) {
      assert.ok(offset > end, 'extents ascend and touch no other')
      rest.fill(0, offset, offset + length)
      end = offset + length
    }
    assert.ok(rest.equals(Buffer.alloc(rest.length)), 'no data lies outside of the extents')
    await assert.rejects(bytes.read(whole.length - 1, Buffer.alloc(2)), RangeError)
    await bytes.close()
  })

  test(`${name}: the same bytes are the same manifest and are stored once`, async t => {
    const { store } = await make(t)
    const whole = Buffer.concat([noise(3, 700_000), Buffer.alloc(300_000)])
    const [first, second] = await Promise.all([ingestBytes(store, whole, 'a'), ingestBytes(store, whole, 'b')])
    assert.equal(first.manifest, second.manifest)
    assert.equal(first.dataBytes, 700_000 + (PAGE - (700_000 % PAGE)))
    const third = await store.ingest(sparse(whole.length, [{ offset: 0, bytes: whole.subarray(0, 700_000) }]), 'c')
    assert.deepEqual(third, { ...first, newBytes: 0, storedBytes: 0 })
    const holds: string[] = []
    for await (const hold of store.holds()) holds.push(hold.name)
    assert.deepEqual(holds.sort(), ['a', 'b', 'c'])
    assert.equal((await store.stats()).manifests, 1)
  })

  test(`${name}: a change costs what changed`, async t => {
    const { store } = await make(t)
    const whole = noise(4, 4_000_000)
    await ingestBytes(store, whole, 'a')
    noise(5, PAGE).copy(whole, 1_000_000 - (1_000_000 % PAGE))
    const { newBytes } = await ingestBytes(store, whole, 'b')
    assert.ok(newBytes >= PAGE && newBytes < 600_000, `${newBytes} bytes are new`)
  })

  test(`${name}: a manifest and what has changed since make another one`, async t => {
    const { store } = await make(t)
    const whole = noise(11, 500_000)
    const { manifest } = await ingestBytes(store, whole, 'base')
    const changed = Buffer.concat([whole, Buffer.alloc(100_000)])
    noise(12, 70_000).copy(changed, 123_456)
    changed.fill(0, 300_000, 350_000)
    const change: ChangedBytes = {
      ...bytesOf(changed),
      async *changes() {
        yield { offset: 123_456, length: 70_000, kind: 'data' }
        yield { offset: 300_000, length: 50_000, kind: 'zero' }
      },
    }
    const ingested = await store.ingestChange(manifest, change, 'changed')
    assert.equal(await store.held('changed'), ingested.manifest)
    assert.ok((await contentOf(store, ingested.manifest)).equals(changed))
    await assert.rejects(store.ingestChange('0'.repeat(64) as ManifestId, change, 'x'), ManifestMissing)
  })

  test(`${name}: a draft that begins as a manifest costs what is written to it`, async t => {
    const { store } = await make(t)
    const whole = noise(13, 400 * PAGE)
    const { manifest } = await ingestBytes(store, whole, 'base')
    const draft = await store.draft('d', 300 * PAGE)
    await draft.begin(manifest)
    assert.deepEqual(draft.written, { newBytes: 0, storedBytes: 0 })
    await assert.rejects(draft.begin(manifest), DraftBegun)
    await draft.write(7 * PAGE, noise(9, PAGE))
    await draft.clear(100 * PAGE, PAGE)
    const expected = Buffer.from(whole.subarray(0, 300 * PAGE))
    noise(9, PAGE).copy(expected, 7 * PAGE)
    expected.fill(0, 100 * PAGE, 101 * PAGE)
    await store.release('base')
    await store.collect()
    const sealed = await draft.seal('sealed')
    assert.ok((await contentOf(store, sealed.manifest)).equals(expected))
    assert.ok(sealed.newBytes < 250 * PAGE, `${sealed.newBytes} bytes are new`)
    const other = await store.draft('e', PAGE)
    await assert.rejects(other.begin('0'.repeat(64) as ManifestId), ManifestMissing)
  })

  test(`${name}: a composition is its pieces, one after the other`, async t => {
    const { store } = await make(t)
    const [a, b] = [noise(6, 300_001), Buffer.concat([noise(7, 90_000), Buffer.alloc(60_000), noise(8, 150_000)])]
    const sources = [
      { manifest: (await ingestBytes(store, a, 'a')).manifest, whole: a },
      { manifest: (await ingestBytes(store, b, 'b')).manifest, whole: b },
    ]
    const piece = fc.record({ which: fc.nat(2), from: fc.nat(300_000), length: fc.nat(200_000) })
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async given => {
        const pieces: Piece[] = []
        const expected: Buffer[] = []
        for (const { which, from, length } of given) {
          const source = sources[which]
          const fitting = source ? Math.min(length, source.whole.length - from) : length
          expected.push(source ? source.whole.subarray(from, from + fitting) : Buffer.alloc(fitting))
          if (source) pieces.push({ manifest: source.manifest, offset: from, length: fitting })
          else pieces.push({ hole: true, length: fitting })
        }
        const { manifest } = await store.compose(pieces, 'composed')
        assert.ok((await contentOf(store, manifest)).equals(Buffer.concat(expected)))
      }),
      { numRuns: 30 },
    )
    const { manifest: whole } = await store.compose(
      [{ manifest: sources[0]!.manifest, offset: 0, length: a.length }],
      'w',
    )
    assert.equal(whole, sources[0]!.manifest, 'the whole of a manifest is that manifest')
    const beyond = { manifest: sources[0]!.manifest, offset: 1, length: a.length }
    await assert.rejects(store.compose([beyond], 'x'), RangeError)
    await assert.rejects(store.compose([{ ...beyond, manifest: '0'.repeat(64) as never }], 'x'), ManifestMissing)
    assert.equal(await store.held('x'), undefined)
  })

  test(`${name}: many odd blocks make an image of few chunks`, async t => {
    const { store } = await make(t)
    const whole = noise(9, 1_000_003)
    const pieces: Piece[] = []
    for (let at = 0; at < whole.length; at += 10_007) {
      const block = whole.subarray(at, at + 10_007)
      pieces.push({
        manifest: (await ingestBytes(store, block, `block ${at}`)).manifest,
        offset: 0,
        length: block.length,
      })
    }
    const { manifest } = await store.compose(pieces, 'blob')
    assert.equal(manifest, (await ingestBytes(store, whole, 'direct')).manifest, 'as if it had come in one piece')
  })

  test(`${name}: a draft reads as the writes left it, also after reopening, and so does what is sealed`, async t => {
    const made = await make(t)
    const op = fc.record({
      kind: fc.constantFrom('write', 'write', 'write', 'clear', 'resize'),
      offset: fc.nat(200_000),
      length: fc.oneof(fc.constant(512), fc.nat(3000), fc.nat(120_000)),
      seed: fc.nat(50),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 12 }), fc.boolean(), async (ops, reopens) => {
        const id = `upload ${run++}`
        let model = Buffer.alloc(150_000)
        let draft = await made.store.draft(id, model.length)
        for (const { kind, offset, length, seed } of ops) {
          const start = Math.min(offset, model.length)
          const end = Math.min(start + length, model.length)
          if (kind === 'resize') {
            const resized = Buffer.alloc(offset)
            model.copy(resized)
            model = resized
            await draft.resize(offset)
          } else if (kind === 'clear') {
            model.fill(0, start, end)
            await draft.clear(start, end - start)
          } else {
            const bytes = seed < 5 ? Buffer.alloc(end - start) : noise(seed, end - start)
            bytes.copy(model, start)
            await draft.write(start, bytes)
          }
        }
        if (reopens) draft = (await (await made.reopen()).findDraft(id))!
        assert.equal(draft.sizeBytes, model.length)
        const content = Buffer.alloc(model.length)
        await draft.bytes().read(0, content)
        assert.ok(content.equals(model))
        const { manifest } = await draft.seal(`sealed ${id}`)
        assert.ok((await contentOf(made.store, manifest)).equals(model))
        await draft.discard()
        assert.equal(await made.store.findDraft(id), undefined)
      }),
      { numRuns: 30 },
    )
  })

  test(`${name}: writes beside each other, in any order, make the image that was sent`, async t => {
    const made = await make(t)
    const { store } = made
    const whole = noise(10, 2_000_000)
    const draft = await store.draft('upload', whole.length)
    const offsets = Array.from({ length: 20 }, (_, i) => ((i * 7) % 20) * 100_000)
    await Promise.all(offsets.map(offset => draft.write(offset, whole.subarray(offset, offset + 100_000))))
    const before = await store.stats()
    const { manifest, newBytes } = await draft.seal('a')
    assert.ok((await contentOf(store, manifest)).equals(whole))
    const added = (await store.stats()).storedBytes - before.storedBytes
    assert.ok(added < whole.length / 5, `sealing reads and stores no more than edges: ${added} bytes`)
    assert.ok(newBytes <= added)
    assert.ok(draft.written.newBytes === whole.length && draft.written.storedBytes <= whole.length)
    await draft.write(5, Buffer.from('later'))
    assert.ok((await contentOf(store, manifest)).equals(whole), 'a seal is not changed by later writes')
    await assert.rejects(draft.write(whole.length - 1, Buffer.alloc(2)), RangeError)
    await draft.write(0, whole.subarray(0, 100_000))
    const reopened = await (await made.reopen()).findDraft('upload')
    assert.deepEqual(reopened?.written, draft.written, 'bytes that were there before are not new')
  })

  test(`${name}: a manifest is taken over with the chunks that are missing, and no others`, async t => {
    const [here, there] = [(await make(t)).store, (await make(t)).store]
    const old = Buffer.concat([noise(11, 2_000_000), Buffer.alloc(500_000)])
    const next = Buffer.from(old)
    noise(12, 20_000).copy(next, 1_200_000)
    await ingestBytes(here, old, 'old')
    const { manifest, dataBytes } = await ingestBytes(there, next, 'next')
    const asked: ChunkId[] = []
    const source: ChunkSource = {
      manifestRoot: id => there.manifestRoot(id),
      chunks: ids => {
        asked.push(...ids)
        return there.chunks(ids)
      },
    }
    const progress: number[] = []
    const watch = { onProgress: (done: number) => void progress.push(done) }
    const received = await here.receive(manifest, source, 'next', watch)
    assert.equal(received.dataBytes, dataBytes)
    assert.ok(received.newBytes >= 20_000 && received.newBytes < 700_000, `${received.newBytes} bytes travelled`)
    assert.ok((await contentOf(here, manifest)).equals(next))
    assert.equal(await here.held('next'), manifest)
    assert.equal(progress.at(-1), next.length)
    const before = asked.length
    const again = await here.receive(manifest, source, 'again')
    assert.deepEqual([again.newBytes, again.storedBytes, asked.length - before], [0, 0, 0])
    await assert.rejects(here.receive('1'.repeat(64) as never, there, 'x'), ManifestMissing)
  })

  test(`${name}: what a source that does not verify gives damaged, or leaves out, is asked for again`, async t => {
    const [here, there] = [(await make(t)).store, (await make(t)).store]
    const whole = noise(16, 1_000_000)
    const { manifest } = await ingestBytes(there, whole, 'a')
    const asked: ChunkId[] = []
    const source: ChunkSource = {
      manifestRoot: id => there.manifestRoot(id),
      chunks: ids => {
        asked.push(...ids)
        return there.chunks(ids)
      },
      async *stored(ids) {
        for await (const batch of inBatches(there.chunks(ids.slice(ids.length > 1 ? 1 : 0)))) {
          const twisted = batch.chunks.find(({ id }) => id === ids[2])
          if (twisted) batch.bytes[twisted.start + twisted.storedBytes - 1]! ^= 1
          yield batch
        }
      },
    }
    await here.receive(manifest, source, 'a')
    assert.equal(asked.length, 2)
    assert.ok((await contentOf(here, manifest)).equals(whole))
    assert.deepEqual((await here.verify()).corrupt, [])
  })

  test(`${name}: work that is stopped holds nothing, and can be done again`, async t => {
    const { store } = await make(t)
    const whole = noise(13, 1_000_000)
    const stop = AbortSignal.abort(new Error('enough'))
    await assert.rejects(store.ingest(bytesOf(whole), 'a', { signal: stop }), /enough/)
    assert.equal(await store.held('a'), undefined)
    assert.ok((await contentOf(store, (await ingestBytes(store, whole, 'a')).manifest)).equals(whole))
  })

  test(`${name}: holds are moved, found and released`, async t => {
    const made = await make(t)
    const { manifest: a } = await ingestBytes(made.store, noise(14, 50_000), 'name')
    const { manifest: b } = await ingestBytes(made.store, noise(15, 50_000), 'Ünï/../c\u0000de')
    await made.store.hold('name', b)
    await made.store.hold('other', a)
    const store = await made.reopen()
    assert.deepEqual([await store.held('name'), await store.held('other')], [b, a])
    assert.equal(await store.held('Ünï/../c\u0000de'), b)
    await store.release('name')
    await store.release('name')
    assert.equal(await store.held('name'), undefined)
    await assert.rejects(store.hold('x', '2'.repeat(64) as never), ManifestMissing)
    await assert.rejects(store.hold('x'.repeat(1025), a), RangeError)
  })
}
