import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { ChunkSource, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { ChunkMissing, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { openStore } from '#data-plane/chunks/open-store.ts'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { BundleFile, reopenTorn } from './bundle-file.ts'
import { type BundleHead, readHead, signHead } from './bundle-head.ts'
import { BundleRefused, decodeRecord, encodeRecord, rawRecord, recordBytes } from './bundle-record.ts'
import { type BundleKey, isSignedBy, openBundleKey } from './signing.ts'
import { type ImageSource, writeImages } from './write-bundle.ts'

const parts = { files: nodeFiles, random: seededRandom(7), clock: systemClock, log: silentLog, workers: hashInThread() }

const makeFolder = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-bundles-'))
  const ends: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const end of ends.reverse()) await end()
    await fs.rm(folder, { recursive: true, force: true })
  })
  const store = async (name: string) => {
    const made = await openStore(path.join(folder, name), parts)
    ends.push(() => made.close())
    return made
  }
  return { folder, store, key: await openBundleKey(nodeFiles, path.join(folder, 'bundle.key')) }
}

const headOf = (key: BundleKey, images: BundleHead['images'], base: readonly ManifestId[] = []): BundleHead => ({
  format: 2,
  id: '00000000-0000-4000-8000-000000000001',
  sequence: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  installation: '00000000-0000-4000-8000-000000000002',
  publicKey: key.publicKey,
  images,
  base,
  content: {},
})

const sourceOf = (store: ChunkSource): ImageSource =>
  async function* (manifest, ids) {
    if ((ids[0] as string) !== manifest) return yield* store.chunks(ids)
    const root = await store.manifestRoot(manifest)
    yield { id: ids[0]!, encoding: 'raw', sizeBytes: root.length, stored: root }
  }

const withFile = async <T>(file: string, work: (bundle: BundleFile) => Promise<T>): Promise<T> => {
  const open = await nodeFiles.open(file, (await nodeFiles.exists(file)) ? 'write' : 'create')
  try {
    return await work(new BundleFile(open))
  } finally {
    await open.close()
  }
}

const write = (file: string, head: BundleHead, key: BundleKey, source: ImageSource) =>
  withFile(file, async bundle => {
    if (!(await reopenTorn(bundle))) await bundle.begin(signHead(head, key))
    if (bundle.isEnded) return
    await writeImages(bundle, source)
    await bundle.finish(async digest => key.sign('end', digest))
  })

/** What the receiver of a bundle has: its chunks and roots, and nothing of what it left out. */
const asSource = (bundle: BundleFile): ChunkSource => ({
  async manifestRoot(manifest) {
    const root = await bundle.record(manifest as string as never)
    if (!root) throw new ManifestMissing(manifest)
    return root.stored
  },
  async *chunks(ids) {
    for (const id of ids) {
      const record = await bundle.record(id)
      if (!record) throw new ChunkMissing(id)
      yield record
    }
  },
})

const refusesAll = (file: string) =>
  withFile(file, async bundle => {
    await bundle.scan()
    bundle.requireWhole()
  })

const makeImages = () => {
  const random = seededRandom(3)
  const one = Buffer.concat([random.bytes(300_000), Buffer.alloc(200_000), random.bytes(100_000)])
  const two = Buffer.from(one)
  two.set(random.bytes(4096), 8192)
  return { one, two }
}

test('a bundle gives back every image; the next one has only what is new', async t => {
  const { folder, store, key } = await makeFolder(t)
  const [here, there] = [await store('here'), await store('there')]
  const { one, two } = makeImages()
  const first = await here.ingest(bytesOf(one), 'one')
  const second = await here.ingest(bytesOf(two), 'two')
  const [file, next] = [path.join(folder, 'first'), path.join(folder, 'next')]
  await write(file, headOf(key, [first]), key, sourceOf(here))
  await write(next, headOf(key, [second], [first.manifest]), key, sourceOf(here))
  assert.ok((await fs.stat(next)).size < 0.5 * (await fs.stat(file)).size)
  // What it builds on is not there yet.
  await withFile(next, async bundle => {
    await bundle.scan()
    await assert.rejects(there.receive(second.manifest, asSource(bundle), 'two'), ChunkMissing)
  })
  for (const [name, { manifest }, bytes] of [
    [file, first, one],
    [next, second, two],
  ] as const) {
    await withFile(name, async bundle => {
      await bundle.scan()
      assert.deepEqual(
        bundle.requireWhole().images.map(image => image.manifest),
        [manifest],
      )
      await there.receive(manifest, asSource(bundle), manifest)
    })
    const image = await there.open(manifest)
    const read = Buffer.alloc(image.sizeBytes)
    await image.read(0, read)
    assert.ok(read.equals(bytes))
    await image.close()
  }
})

test('an export that was cut anywhere goes on, and asks for nothing twice', async t => {
  const { folder, store, key } = await makeFolder(t)
  const here = await store('here')
  const { one, two } = makeImages()
  const images = [await here.ingest(bytesOf(one), 'one'), await here.ingest(bytesOf(two), 'two')]
  const head = headOf(key, images)
  const file = path.join(folder, 'bundle')
  await write(file, head, key, sourceOf(here))
  const whole = await fs.readFile(file)
  const asked: string[] = []
  const counting: ImageSource = (manifest, ids) => {
    asked.push(...ids)
    return sourceOf(here)(manifest, ids)
  }
  const written = (bytes: Buffer) => {
    const ids: string[] = []
    for (let at = 16; at < bytes.length; at += recordBytes(decodeRecord(bytes.subarray(at)).stored.length))
      ids.push(decodeRecord(bytes.subarray(at)).id)
    return ids
  }
  for (let cut = 0; cut <= whole.length; cut += Math.ceil(whole.length / 37)) {
    await fs.writeFile(file, whole.subarray(0, cut))
    asked.length = 0
    const before = await withFile(file, async bundle => ((await reopenTorn(bundle)) ? bundle.sizeBytes : 16))
    const had = written(whole.subarray(0, before))
    await write(file, head, key, counting)
    await withFile(file, async bundle => {
      await bundle.scan()
      bundle.requireWhole()
    })
    assert.equal((await fs.stat(file)).size, whole.length)
    assert.deepEqual(
      asked.filter(id => had.includes(id)),
      [],
      `cut at ${cut}`,
    )
  }
})

test('a bundle with a bit flipped anywhere, cut short or made longer is refused', async t => {
  const { folder, store, key } = await makeFolder(t)
  const here = await store('here')
  const file = path.join(folder, 'bundle')
  await write(file, headOf(key, [await here.ingest(bytesOf(makeImages().one), 'one')]), key, sourceOf(here))
  const whole = await fs.readFile(file)
  await refusesAll(file)
  const altered = path.join(folder, 'altered')
  const refused = async (bytes: Buffer, what: string) => {
    await fs.writeFile(altered, bytes)
    await assert.rejects(refusesAll(altered), BundleRefused, what)
  }
  // Every byte of the first records and of the last; some of those between.
  const near = [...Array(120).keys()].flatMap(at => [at, whole.length - 1 - at])
  for (const at of [...near, ...Array.from({ length: 40 }, (_, n) => 500 + n * 9500)]) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
    await refused(bytes, `byte ${at}`)
  }
  for (const length of [0, 8, 16, 60, whole.length >> 1, whole.length - 1])
    await refused(whole.subarray(0, length), `${length}`)
  await refused(Buffer.concat([whole, Buffer.from([0])]), 'a byte more')
  await refused(Buffer.concat([whole, encodeRecord(rawRecord('root', Buffer.from('x')))]), 'a record more')
})

test('whatever is fed to it, a reader of bundles refuses and never fails otherwise', async t => {
  const { folder, key } = await makeFolder(t)
  const file = path.join(folder, 'hostile')
  const head = encodeRecord(rawRecord('head', signHead(headOf(key, []), key)))
  const magic = Buffer.from('OGBNDL01\0\0\0\0\0\0\0\0', 'latin1')
  const record = fc
    .record({
      kind: fc.constantFrom('head', 'root', 'chunk', 'end'),
      stored: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      sizes: fc.option(fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)), { nil: undefined }),
    })
    .map(({ kind, stored, sizes }) => {
      const bytes = encodeRecord(rawRecord(kind as never, stored))
      if (sizes) {
        bytes.writeUInt32LE(sizes[0], 4)
        bytes.writeUInt32LE(sizes[1], 8)
      }
      return bytes
    })
  const bundle = fc
    .tuple(fc.boolean(), fc.boolean(), fc.array(fc.oneof(record, fc.uint8Array({ maxLength: 200 })), { maxLength: 5 }))
    .map(([hasMagic, hasHead, rest]) =>
      Buffer.concat([...(hasMagic ? [magic] : []), ...(hasHead ? [head] : []), ...rest]),
    )
  await fc.assert(
    fc.asyncProperty(bundle, async bytes => {
      await fs.writeFile(file, bytes)
      await assert.rejects(refusesAll(file), BundleRefused)
    }),
    { numRuns: 300 },
  )
})

test('a head that is not signed by its key, or breaks its bounds though it is signed, is refused', async t => {
  const { folder, key } = await makeFolder(t)
  const good = headOf(key, [{ manifest: 'a'.repeat(64) as ManifestId, sizeBytes: 4096 }])
  assert.deepEqual(readHead(signHead(good, key)), good)
  const other = await openBundleKey(nodeFiles, path.join(folder, 'other.key'))
  assert.throws(() => readHead(signHead(good, other)), /signature is wrong/)
  const wrong: readonly object[] = [
    { format: 3 },
    { id: '../../etc/passwd' },
    { sequence: 0 },
    { createdAt: 5 },
    { installation: '' },
    { publicKey: 'AAAA' },
    { images: {} },
    { images: [null] },
    { images: [{ manifest: '../x', sizeBytes: 1 }] },
    { images: [{ manifest: 'a'.repeat(64), sizeBytes: 2 ** 60 }] },
    { base: ['x'] },
    { base: 'x' },
  ]
  for (const change of wrong)
    assert.throws(
      () => readHead(signHead({ ...good, ...change } as BundleHead, key)),
      BundleRefused,
      JSON.stringify(change),
    )
})

test('a key is made once, is for its owner only, and what it signs counts for nothing else', async t => {
  const { folder, key } = await makeFolder(t)
  const file = path.join(folder, 'bundle.key')
  assert.equal((await openBundleKey(nodeFiles, file)).publicKey, key.publicKey)
  assert.equal((await fs.stat(file)).mode & 0o777, 0o600)
  const signature = key.sign('head', Buffer.from('x'))
  assert.ok(isSignedBy(key.publicKey, 'head', Buffer.from('x'), signature))
  assert.ok(!isSignedBy(key.publicKey, 'receipt', Buffer.from('x'), signature))
  assert.ok(!isSignedBy(key.publicKey, 'head', Buffer.from('y'), signature))
})
