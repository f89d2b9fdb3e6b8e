import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Outlet } from '#foundation/sparse-bytes.ts'
import { scriptKernel } from './chunk-kernel.ts'
import { ChunkCorrupt, type ChunkStore, type Heal, type ManifestId } from './chunk-store.ts'
import { type HashWorkers, hashInThread, startHashWorkers } from './hash-workers.ts'
import { fastestKernel } from './native-kernel.ts'
import { contentOf, ingestBytes, noise, sparse, type TemporaryStore, temporaryStore } from './temporary-store.ts'

const MIB = 1024 * 1024
const image = sparse(24 * MIB + 512, [
  { offset: 0, bytes: noise(1, 5 * MIB) },
  { offset: 6 * MIB + 8192, bytes: Buffer.alloc(300_000, 'text that can be compressed ') },
  { offset: 20 * MIB, bytes: noise(3, 4 * MIB + 512) },
])

interface Wish {
  readonly signal?: AbortSignal
  /** Without it the file is none that a thread could write to by itself. */
  readonly hasDescriptor?: boolean
  readonly fd?: number
}

/** The image as a file; `slowBytes` did not come from a thread that wrote by itself. */
const writtenOut = async (
  { folder }: TemporaryStore,
  store: ChunkStore,
  manifest: ManifestId,
  { signal, hasDescriptor = true, fd }: Wish = {},
) => {
  const bytes = await store.open(manifest)
  const file = path.join(folder, 'written')
  const handle = await fs.open(file, 'w')
  const counts = { writtenBytes: 0, slowBytes: 0 }
  const to: Outlet = {
    ...(hasDescriptor && { fd: fd ?? handle.fd }),
    async write(part, position) {
      counts.slowBytes += part.length
      await handle.write(part, 0, part.length, position)
    },
    onWritten: sizeBytes => {
      counts.writtenBytes += sizeBytes
    },
  }
  try {
    await handle.truncate(bytes.sizeBytes)
    await bytes.writeTo?.(to, signal)
    return { ...counts, content: await fs.readFile(file), allocatedBytes: (await handle.stat()).blocks * 512 }
  } finally {
    await handle.close()
    await bytes.close()
  }
}

const storeWith = async (t: TestContext, workers: HashWorkers, heal?: Heal) => {
  t.after(() => workers.close())
  return await temporaryStore(t, { workers, ...(heal && { heal }) })
}

const ways: Readonly<Record<string, () => HashWorkers>> = {
  'threads with the fastest kernel': () => startHashWorkers(2),
  'the kernel in JavaScript': () => hashInThread(scriptKernel),
  'the fastest kernel in this thread': () => hashInThread(fastestKernel()),
}

for (const [name, workers] of Object.entries(ways)) {
  test(`${name}: all of an image gets into the file, without its holes, and none of it by way of another thread`, async t => {
    const made = await storeWith(t, workers())
    const { manifest, dataBytes } = await made.store.ingest(image, 'a')
    const found = await writtenOut(made, made.store, manifest)
    assert.ok(found.content.equals(await contentOf(made.store, manifest)))
    assert.equal(found.writtenBytes, dataBytes)
    assert.equal(found.slowBytes, 0)
    assert.ok(found.allocatedBytes < 12 * MIB, `${found.allocatedBytes} bytes are allocated`)
  })

  test(`${name}: parts of chunks get where they belong`, async t => {
    const made = await storeWith(t, workers())
    const { manifest } = await made.store.ingest(image, 'a')
    const parts = [
      { manifest, offset: 1000, length: 3 * MIB + 7 },
      { hole: true, length: 5000 },
      { manifest, offset: 20 * MIB + 333, length: 2 * MIB },
      { manifest, offset: 1000, length: 200_000 },
    ] as const
    const composed = await made.store.compose(parts, 'b')
    const { content, slowBytes } = await writtenOut(made, made.store, composed.manifest)
    assert.ok(content.equals(await contentOf(made.store, composed.manifest)))
    assert.equal(slowBytes, 0)
  })

  test(`${name}: a damaged chunk is healed on its way, or ends all of it`, async t => {
    const peer = await temporaryStore(t)
    let isThere = true
    const made = await storeWith(t, workers(), async id => {
      for await (const chunk of isThere ? peer.store.chunks([id]) : []) return chunk
      return undefined
    })
    const bytes = noise(4, 6 * MIB)
    const { manifest } = await ingestBytes(made.store, bytes, 'a')
    await ingestBytes(peer.store, bytes, 'a')
    const [pack = ''] = await fs.readdir(path.join(made.folder, 'packs'))
    const flip = async (at: number) => {
      await made.store.close()
      const file = path.join(made.folder, 'packs', pack)
      const stored = await fs.readFile(file)
      stored[at]! ^= 1
      await fs.writeFile(file, stored)
      await made.reopen()
    }
    await flip(2 * MIB)
    const { content, slowBytes } = await writtenOut(made, made.store, manifest)
    assert.ok(content.equals(bytes))
    assert.ok(slowBytes > 0 && slowBytes < MIB, `${slowBytes} bytes were looked at again`)
    assert.equal((await made.store.repairs()).count, 1)
    isThere = false
    await flip(4 * MIB)
    await assert.rejects(writtenOut(made, made.store, manifest), ChunkCorrupt)
  })

  test(`${name}: where a thread can't write, the usual way does, or tells why it can't`, async t => {
    const made = await storeWith(t, workers())
    const { manifest, dataBytes } = await made.store.ingest(image, 'a')
    const readOnly = await fs.open(path.join(made.folder, 'store.json'), 'r')
    t.after(() => readOnly.close())
    for (const wish of [{ hasDescriptor: false }, { fd: readOnly.fd }]) {
      const { content, slowBytes, writtenBytes } = await writtenOut(made, made.store, manifest, wish)
      assert.ok(content.equals(await contentOf(made.store, manifest)))
      assert.deepEqual([slowBytes, writtenBytes], [dataBytes, dataBytes])
    }
  })
}

test('who has enough gets no more', async t => {
  const made = await storeWith(t, startHashWorkers(2))
  const { manifest } = await made.store.ingest(image, 'a')
  const stop = new AbortController()
  stop.abort(new Error('enough'))
  await assert.rejects(writtenOut(made, made.store, manifest, { signal: stop.signal }), /enough/)
})
