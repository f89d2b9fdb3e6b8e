import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedWork } from './shared-work.ts'

/** Work that ends when it is told to, and what it heard. */
const manual = () => {
  const works: {
    readonly signal: AbortSignal
    readonly done: PromiseWithResolvers<string>
    progress(done: number): void
  }[] = []
  const shared = new SharedWork<string>()
  const join = (signal?: AbortSignal, onProgress?: (done: number) => void) =>
    shared.join('key', { ...(signal && { signal }), ...(onProgress && { onProgress }) }, ({ signal, onProgress }) => {
      const done = Promise.withResolvers<string>()
      works.push({ signal, done, progress: bytes => onProgress(bytes, 0) })
      return done.promise
    })
  return { works, join }
}

test('who gives up leaves the work to the others, who all hear how it goes', async () => {
  const { works, join } = manual()
  const first = new AbortController()
  const heard: string[] = []
  const one = join(first.signal, done => heard.push(`one ${done}`))
  const two = join(undefined, done => heard.push(`two ${done}`))
  works[0]?.progress(1)
  first.abort(new Error('enough'))
  await assert.rejects(one, /enough/)
  works[0]?.progress(2)
  assert.deepEqual([works.length, works[0]?.signal.aborted], [1, false])
  works[0]?.done.resolve('done')
  assert.equal(await two, 'done')
  assert.deepEqual(heard, ['one 1', 'two 1', 'two 2'])
})

test('work that nobody wants any more is ended, and begun anew for who comes after its end', async () => {
  const { works, join } = manual()
  const first = new AbortController()
  const one = join(first.signal)
  first.abort(new Error('enough'))
  await assert.rejects(one, /enough/)
  assert.equal(works[0]?.signal.aborted, true)
  const two = join()
  assert.equal(works.length, 1)
  works[0]?.done.reject(works[0].signal.reason)
  while (works.length < 2) await new Promise(resolve => setImmediate(resolve))
  works[1]?.done.resolve('second')
  assert.equal(await two, 'second')
})

test('a failure is told to all, and is not kept', async () => {
  const { works, join } = manual()
  const both = [join(), join()]
  works[0]?.done.reject(new Error('broken'))
  for (const each of both) await assert.rejects(each, /broken/)
  const again = join()
  works[1]?.done.resolve('well')
  assert.equal(await again, 'well')
})
