import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ChunkId } from './chunk-store.ts'
import { RecentChunks } from './recent-chunks.ts'

const SIZE = 1000
const bytesOf = (id: number, length: number) => new Uint8Array(length).fill(id)

test('what is kept is right, and the last ones that fit together are kept', () => {
  const chunks = fc.array(fc.record({ id: fc.nat(30), length: fc.integer({ min: 1, max: 400 }) }), { maxLength: 80 })
  fc.assert(
    fc.property(chunks, given => {
      const recent = new RecentChunks(SIZE)
      const lengths = new Map<number, number>()
      const puts: number[] = []
      for (const { id, length } of given) {
        if (!lengths.has(id)) lengths.set(id, length)
        if (!recent.get(`${id}` as ChunkId)) puts.push(id)
        recent.put(`${id}` as ChunkId, bytesOf(id, lengths.get(id)!))
        for (const [each, size] of lengths) {
          const kept = recent.get(`${each}` as ChunkId)
          if (kept) assert.deepEqual(kept, bytesOf(each, size))
        }
        // At the end of the ring less than one chunk is left unused.
        let room = SIZE - 400
        for (const last of puts.toReversed()) {
          room -= lengths.get(last)!
          if (room < 0) break
          assert.ok(recent.get(`${last}` as ChunkId), `${last} is kept`)
        }
      }
    }),
  )
})

test('what is larger than the ring is not kept, and nothing is after a clear', () => {
  const recent = new RecentChunks(SIZE)
  recent.put('a' as ChunkId, bytesOf(1, SIZE + 1))
  assert.equal(recent.get('a' as ChunkId), undefined)
  recent.put('b' as ChunkId, bytesOf(2, SIZE))
  assert.deepEqual(recent.get('b' as ChunkId), bytesOf(2, SIZE))
  recent.clear()
  assert.equal(recent.get('b' as ChunkId), undefined)
})
