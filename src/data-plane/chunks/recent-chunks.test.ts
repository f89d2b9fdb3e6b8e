import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ChunkId } from './chunk-store.ts'
import { RecentChunks } from './recent-chunks.ts'

const SIZE = 1000
const idOf = (number: number) => `${number}` as ChunkId
const byteOf = (id: number, at: number) => (id * 7 + at) % 251
const bytesOf = (id: number, from: number, to: number) =>
  Uint8Array.from({ length: to - from }, (_, i) => byteOf(id, from + i))

test('what is kept is right, and the last ones that fit together are kept', () => {
  const chunks = fc.array(fc.record({ id: fc.nat(30), length: fc.integer({ min: 1, max: 400 }) }), { maxLength: 80 })
  fc.assert(
    fc.property(chunks, given => {
      const recent = new RecentChunks(SIZE)
      const lengths = new Map<number, number>()
      const puts: number[] = []
      for (const { id, length } of given) {
        if (!lengths.has(id)) lengths.set(id, length)
        const size = lengths.get(id)!
        if (!recent.get(idOf(id), 0, size)) puts.push(id)
        recent.put(idOf(id), bytesOf(id, 0, size))
        for (const [each, size] of lengths) {
          const kept = recent.get(idOf(each), 0, size)
          if (kept) assert.deepEqual(kept, bytesOf(each, 0, size))
        }
        // At the end of the ring less than one chunk is left unused.
        let room = SIZE - 400
        for (const last of puts.toReversed()) {
          room -= lengths.get(last)!
          if (room < 0) break
          assert.ok(recent.get(idOf(last), 0, lengths.get(last)!), `${last} is kept`)
        }
      }
    }),
  )
})

test('parts of chunks grow together, and what is told of is right, however rooms are taken and left', () => {
  const share = fc.nat(100).map(parts => parts / 100)
  const wish = fc.record({ id: fc.nat(12), from: share, length: share, fails: fc.boolean() })
  const sizeOf = (id: number) => 40 + id * 12
  fc.assert(
    fc.property(fc.array(fc.array(wish, { maxLength: 4 }), { maxLength: 40 }), reads => {
      const recent = new RecentChunks(SIZE)
      for (const read of reads) {
        const rooms = read.map(({ id, from, length, fails }) => {
          const start = Math.floor(from * (sizeOf(id) - 1))
          const end = start + 1 + Math.floor(length * (sizeOf(id) - start - 1))
          return { id, fails, start, end, room: recent.room(idOf(id), sizeOf(id)) }
        })
        for (const { id, start, end, room } of rooms) recent.ring.set(bytesOf(id, start, end), room.start + start)
        for (const { id, start, end, room, fails } of rooms)
          if (!fails) recent.keep(idOf(id), room, { from: start, to: end })
        const last = rooms.at(-1)
        if (last && !last.fails) assert.ok(recent.get(idOf(last.id), last.start, last.end))
        for (let id = 0; id <= 12; id++)
          for (let from = 0; from < sizeOf(id); from += 7) {
            const kept = recent.get(idOf(id), from, from + 7)
            if (kept) assert.deepEqual(kept, bytesOf(id, from, from + 7))
          }
      }
    }),
  )
  const recent = new RecentChunks(SIZE)
  for (const [from, to] of [
    [0, 50],
    [50, 90],
  ] as const) {
    const room = recent.room(idOf(1), 100)
    recent.ring.set(bytesOf(1, from, to), room.start + from)
    recent.keep(idOf(1), room, { from, to })
  }
  assert.deepEqual(recent.get(idOf(1), 0, 90), bytesOf(1, 0, 90))
  assert.equal(recent.get(idOf(1), 0, 91), undefined)
})

test('what is larger than the ring is not kept, and nothing is after a clear', () => {
  const recent = new RecentChunks(SIZE)
  recent.put(idOf(1), bytesOf(1, 0, SIZE + 1))
  assert.equal(recent.get(idOf(1), 0, 1), undefined)
  recent.put(idOf(2), bytesOf(2, 0, SIZE))
  assert.deepEqual(recent.get(idOf(2), 0, SIZE), bytesOf(2, 0, SIZE))
  recent.clear()
  assert.equal(recent.get(idOf(2), 0, 1), undefined)
})
