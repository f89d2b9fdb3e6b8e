import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChunkId, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { chunksIn, inBatches } from '#data-plane/chunks/stored-batches.ts'
import { noise } from '#data-plane/chunks/temporary-store.ts'
import { decodeBatch, encodeBatches } from './travelling-chunks.ts'
import { WireBroken } from './wire.ts'

const chunks: readonly StoredChunk[] = [
  { id: '1'.repeat(64) as ChunkId, encoding: 'zstd', sizeBytes: 70_000, stored: noise(1, 3000), sum: noise(2, 32) },
  { id: 'a2'.repeat(32) as ChunkId, encoding: 'raw', sizeBytes: 5, stored: Buffer.from('hello') },
]

async function* given(): AsyncGenerator<StoredChunk> {
  yield* chunks
}

const messageOf = async (withSums: boolean): Promise<Buffer> => {
  const bodies: Buffer[] = []
  for await (const body of encodeBatches(inBatches(given()), withSums)) bodies.push(Buffer.concat(body))
  assert.equal(bodies.length, 1)
  return bodies[0]!
}

const plain = (found: readonly StoredChunk[]) =>
  found.map(({ stored, sum, ...chunk }) => ({ ...chunk, stored: Buffer.from(stored), sum: sum && Buffer.from(sum) }))

test('chunks arrive as they were sent, with the sums that were asked for', async () => {
  assert.deepEqual(plain(chunksIn(decodeBatch(await messageOf(true), true))), plain(chunks))
  const withoutSums = chunks.map(({ sum, ...chunk }) => chunk)
  assert.deepEqual(plain(chunksIn(decodeBatch(await messageOf(false)))), plain(withoutSums))
})

test('a batch is released when it has been sent, and not before', async () => {
  let released = 0
  async function* batches() {
    for await (const batch of inBatches(given(), 1)) yield { ...batch, release: () => void released++ }
  }
  const sent = encodeBatches(batches())
  for (let before = 0; before < chunks.length; before++) {
    assert.equal((await sent.next()).done, false)
    assert.equal(released, before)
  }
  assert.equal((await sent.next()).done, true)
  assert.equal(released, chunks.length)
})

test('what a stranger made of a message is refused, wherever it is torn or lies', async () => {
  const message = await messageOf(true)
  for (let length = 0; length < message.length; length += length < 200 ? 1 : 97)
    assert.throws(() => decodeBatch(message.subarray(0, length), true), WireBroken, `${length} bytes`)
  assert.throws(() => decodeBatch(Buffer.concat([message, Buffer.of(0)]), true), WireBroken)
  assert.throws(() => decodeBatch(message), WireBroken, 'a sum that nobody asked for')
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(message)
    copy.writeUInt32LE(value, at)
    return copy
  }
  assert.throws(() => decodeBatch(changed(0, 2 ** 32 - 1), true), WireBroken, 'more chunks than there are')
  assert.throws(() => decodeBatch(changed(4 + 33, 2 ** 20 + 1), true), WireBroken, 'a chunk too large')
  assert.throws(() => decodeBatch(changed(4 + 37, 2 ** 32 - 1), true), WireBroken, 'more stored bytes than there are')
})
