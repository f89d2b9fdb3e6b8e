import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChunkCorrupt, type ChunkId, type ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { noise, sparse } from '#data-plane/chunks/temporary-store.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { openWithFailover } from './failover.ts'
import type { StoreSlot } from './store-slot.ts'

const mib = 2 ** 20
const data = [
  { offset: 4096, bytes: noise(1, 2 * mib + 5) },
  { offset: 5 * mib, bytes: noise(2, 4096) },
]
const image = sparse(6 * mib, data)

/** A store that has the bytes of one manifest, and nothing else. */
const slotOf = (bytes: SparseBytes): StoreSlot =>
  ({ run: (work: (store: unknown) => Promise<unknown>) => work({ open: async () => bytes }) }) as unknown as StoreSlot

test('a store that writes out nothing by itself stands in for one that fails in the middle', async () => {
  const failing: SparseBytes = {
    ...image,
    async writeTo(to) {
      await to.write(new Uint8Array(mib).fill(7), 4096)
      throw new ChunkCorrupt('00' as ChunkId)
    },
  }
  const bytes = await openWithFailover([slotOf(failing), slotOf(image)], '00' as ManifestId)
  const written = Buffer.alloc(image.sizeBytes)
  let writtenBytes = 0
  await bytes.writeTo?.({
    write: async (part, position) => void written.set(part, position),
    onWritten: sizeBytes => {
      writtenBytes += sizeBytes
    },
  })
  for (const { offset, bytes: part } of data) assert.ok(written.subarray(offset, offset + part.length).equals(part))
  assert.equal(writtenBytes, 2 * mib + 5 + 4096)
  const last = await openWithFailover([slotOf(failing)], '00' as ManifestId)
  await assert.rejects(async () => await last.writeTo?.({ write: async () => {} }), ChunkCorrupt)
})
