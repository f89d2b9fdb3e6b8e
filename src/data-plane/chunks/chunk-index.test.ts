import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ChunkIndex, type Place } from './chunk-index.ts'
import { hashOf } from './chunk-kernel.ts'

const idOf = (number: number): Buffer => hashOf(Buffer.from([number & 255, number >> 8]))
const placeOf = (number: number): Place => ({
  pack: number % 7,
  offset: number * 3,
  storedBytes: number + 1,
  sizeBytes: number + 2,
  encoding: number % 2 === 0 ? 'zstd' : 'raw',
})

test('the index answers like a map, whatever is added, moved and removed', () => {
  const step = fc.record({ what: fc.constantFrom('add', 'add', 'move', 'remove'), number: fc.nat(400) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500 }), steps => {
      const index = new ChunkIndex()
      const model = new Map<number, Place>()
      for (const { what, number } of steps) {
        const entry = index.find(idOf(number))
        assert.equal(entry >= 0, model.has(number))
        if (what === 'add' && entry < 0) index.add(idOf(number), 0, placeOf(number))
        if (what === 'add' && entry < 0) model.set(number, placeOf(number))
        if (what === 'move' && entry >= 0) index.move(entry, placeOf(number + 1))
        if (what === 'move' && entry >= 0) model.set(number, placeOf(number + 1))
        if (what === 'remove' && entry >= 0) index.remove(entry)
        if (what === 'remove') model.delete(number)
      }
      assert.equal(index.count, model.size)
      for (const [number, place] of model) assert.deepEqual(index.place(index.find(idOf(number))), place)
    }),
    { numRuns: 40 },
  )
})

test('fifty thousand chunks keep their places through the growth of the table', () => {
  const index = new ChunkIndex()
  for (let number = 0; number < 50_000; number++) index.add(idOf(number), 0, placeOf(number))
  for (let number = 0; number < 50_000; number += 2) index.remove(index.find(idOf(number)))
  for (let number = 0; number < 50_000; number++) {
    const entry = index.find(idOf(number))
    if (number % 2 === 0) assert.equal(entry, -1)
    else assert.deepEqual(index.place(entry), placeOf(number))
  }
})
