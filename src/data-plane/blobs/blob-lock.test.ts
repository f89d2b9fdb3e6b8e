import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { keyedLock } from './blob-lock.ts'
import { limit } from './limit.ts'

test('exclusive work is alone under its key, and everybody gets a turn', async () => {
  const work = fc.record({ key: fc.constantFrom('a', 'b'), exclusive: fc.boolean(), fails: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(work, { maxLength: 20 }), async works => {
      const lock = keyedLock()
      const inside = new Map<string, { shared: number; exclusive: number }>()
      const outcomes = works.map(async ({ key, exclusive, fails }) => {
        const run = exclusive ? lock.exclusive : lock.shared
        return await run(key, async () => {
          const now = inside.get(key) ?? { shared: 0, exclusive: 0 }
          inside.set(key, now)
          now[exclusive ? 'exclusive' : 'shared']++
          assert.ok(now.exclusive === 0 || (now.exclusive === 1 && now.shared === 0))
          await turn()
          now[exclusive ? 'exclusive' : 'shared']--
          if (fails) throw new RangeError('as asked')
        })
      })
      for (const [i, outcome] of (await Promise.allSettled(outcomes)).entries()) {
        assert.equal(outcome.status, works[i]?.fails ? 'rejected' : 'fulfilled')
        if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof RangeError, String(outcome.reason))
      }
    }),
    { numRuns: 50 },
  )
})

test('no more than the limit runs at once', async () => {
  const places = limit(3)
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await turn()
    running--
  }
  await Promise.all(Array.from({ length: 20 }, () => places.run(work)))
  assert.deepEqual([most, running], [3, 0])
})
