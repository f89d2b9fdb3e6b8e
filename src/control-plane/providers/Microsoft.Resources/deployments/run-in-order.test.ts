import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runInOrder } from './run-in-order.ts'

const quiet = () => new AbortController().signal

test('each item runs once, after all it depends on, and never too many at a time', async () => {
  const graph = fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 4 }), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(graph, fc.integer({ min: 1, max: 5 }), async (edges, most) => {
      const items = edges.map((_, index) => index)
      const before = new Map(edges.map((others, index) => [index, new Set(others.filter(other => other < index))]))
      const done: number[] = []
      let running = 0
      const failures = await runInOrder(
        items,
        before,
        async item => {
          assert.ok(++running <= most)
          for (const other of before.get(item) ?? []) assert.ok(done.includes(other))
          await new Promise(resolve => setImmediate(resolve))
          running--
          done.push(item)
        },
        { most, signal: quiet() },
      )
      assert.deepEqual(failures, [])
      assert.deepEqual(
        done.toSorted((a, b) => a - b),
        items,
      )
    }),
    { numRuns: 50 },
  )
})

test('after a failure nothing begins, and what runs is waited for', async () => {
  const begun: string[] = []
  const slow = Promise.withResolvers<void>()
  const run = runInOrder(
    ['bad', 'slow', 'next'],
    new Map([['next', new Set(['bad'])]]),
    async item => {
      begun.push(item)
      if (item === 'bad') throw new Error('bad')
      await slow.promise
      begun.push('slow ended')
    },
    { most: 2, signal: quiet() },
  )
  setImmediate(() => slow.resolve())
  assert.deepEqual(
    (await run).map(failure => (failure as Error).message),
    ['bad'],
  )
  assert.deepEqual(begun, ['bad', 'slow', 'slow ended'])
})

test('an abort is thrown at once; others get a turn while it runs', async () => {
  const abort = new AbortController()
  let turns = 0
  const count = () => {
    if (++turns === 5) abort.abort(new Error('enough'))
    else if (turns < 5) setImmediate(count)
  }
  setImmediate(count)
  const items = Array.from({ length: 100_000 }, (_, index) => index)
  await assert.rejects(
    runInOrder(items, new Map(), async () => undefined, { most: 4, signal: abort.signal }),
    /enough/,
  )
})
