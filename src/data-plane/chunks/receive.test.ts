import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf } from './chunk-kernel.ts'
import type { ChunkSource, ChunkStore, StoredChunk } from './chunk-store.ts'
import { contentOf, ingestBytes, noise, temporaryStore } from './temporary-store.ts'

const image = noise(1, 6 * 1024 * 1024)

/** A source that breaks off after so many bytes, and counts what it sent. */
const breaking = (store: ChunkStore, line: { leftBytes: number; sentBytes: number }): ChunkSource => {
  async function* cut(chunks: AsyncIterable<StoredChunk>): AsyncGenerator<StoredChunk> {
    for await (const chunk of chunks) {
      line.leftBytes -= chunk.stored.length
      if (line.leftBytes < 0) throw Object.assign(new Error('The line is dead.'), { code: 'ECONNRESET' })
      line.sentBytes += chunk.stored.length
      yield chunk
    }
  }
  return { manifestRoot: id => store.manifestRoot(id), chunks: ids => cut(store.chunks(ids)) }
}

test('a receive that is cut off goes on where it was, collections and restarts between or not', async t => {
  const [from, to] = [await temporaryStore(t), await temporaryStore(t)]
  const { manifest } = await ingestBytes(from.store, image, 'v1')
  const line = { leftBytes: 0, sentBytes: 0 }
  for (const [attempt, bytes] of [1_000_000, 700_000, 2_500_000].entries()) {
    line.leftBytes = bytes
    await assert.rejects(to.store.receive(manifest, breaking(from.store, line), 'v1'), { code: 'ECONNRESET' })
    await to.store.collect()
    if (attempt === 1) await to.reopen()
  }
  line.leftBytes = Infinity
  const last = await to.store.receive(manifest, breaking(from.store, line), 'v1')
  assert.ok(last.newBytes < image.length - 3_000_000, `${last.newBytes} bytes were new at last`)
  assert.ok(line.sentBytes < image.length + 40_000, `${line.sentBytes} bytes were sent in all`)
  assert.ok((await contentOf(await to.reopen(), manifest)).equals(image))
  await to.store.release('v1')
  await to.store.collect()
  assert.equal((await to.store.stats()).chunks, 0, 'what was received is kept by its hold alone')
})

test('for a transfer that nobody takes up again nothing is kept for ever', async t => {
  const [from, to] = [await temporaryStore(t), await temporaryStore(t)]
  const { manifest } = await ingestBytes(from.store, image, 'v1')
  const line = { leftBytes: 2_000_000, sentBytes: 0 }
  await assert.rejects(to.store.receive(manifest, breaking(from.store, line), 'v1'))
  await to.store.collect()
  assert.ok((await to.store.stats()).storedBytes > 1_500_000)
  to.clock.advance(4 * 24 * 3600 * 1000)
  await to.store.collect()
  assert.equal((await to.store.stats()).chunks, 0)
})

test('what comes with a sum is proven by it, or asked for anew; a sum is no proof of what lies there as it is', async t => {
  const [from, to] = [await temporaryStore(t), await temporaryStore(t)]
  const text = Buffer.from('these words can be compressed; '.repeat(40_000))
  const { manifest } = await ingestBytes(from.store, Buffer.concat([image.subarray(0, 200_000), text]), 'v1')
  const source = await from.reopen() // closing it finishes its pack: only finished ones have sums
  const asked: string[] = []
  const given = { sums: 0, twisted: 0, lied: 0 }
  const doubtful: ChunkSource = {
    manifestRoot: id => source.manifestRoot(id),
    chunks: ids => {
      asked.push(...ids)
      return source.chunks(ids)
    },
    async *stored(ids) {
      for await (const batch of source.stored!(ids)) {
        const chunks = batch.chunks.map(chunk => {
          const stored = batch.bytes.subarray(chunk.start, chunk.start + chunk.storedBytes)
          const [isTwisted, isLie] = [
            chunk.encoding === 'zstd' && given.twisted++ === 0,
            chunk.encoding === 'raw' && given.lied++ === 0,
          ]
          if (chunk.sum) given.sums++
          if (isTwisted || isLie) stored[0]! ^= 1
          return isLie ? { ...chunk, sum: hashOf(stored) } : chunk
        })
        yield { ...batch, chunks }
      }
    },
  }
  await to.store.receive(manifest, doubtful, 'v1')
  assert.ok(given.sums > 5 && given.twisted > 1 && given.lied > 1, JSON.stringify(given))
  assert.equal(asked.length, 2)
  assert.deepEqual((await to.store.verify(undefined, { deep: true })).corrupt, [])
  assert.equal((await contentOf(to.store, manifest)).length, 200_000 + text.length)
})
