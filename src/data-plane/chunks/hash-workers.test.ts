import assert from 'node:assert/strict'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { loadNative } from '#data-plane/native/load-native.ts'
import { hashInThread, startHashWorkers } from './hash-workers.ts'
import { noise } from './temporary-store.ts'

const MIB = 1024 * 1024
const native = loadNative()
const kinds = [
  ['in JavaScript', 'not wanted'],
  ...(typeof native === 'string' ? [] : [['native', native] as const]),
] as const

for (const [kind, kernel] of kinds) {
  test(`threads ${kind} answer as the calling thread does, more questions than threads at once`, async t => {
    const [here, threads] = [hashInThread(), startHashWorkers(2, kernel)]
    t.after(() => threads.close())
    const bytes = threads.allocate(MIB)
    bytes.set(noise(1, MIB / 2))
    const expected = await here.split(bytes, 0, MIB, 65_536)
    const answers = await Promise.all(Array.from({ length: 7 }, () => threads.split(bytes, 0, MIB, 65_536)))
    for (const answer of answers) assert.deepEqual(answer, expected)
    const ranges = Uint32Array.from([...expected.starts].flatMap((start, i) => [start, expected.lengths[i]!]))
    const stored = threads.allocate(MIB)
    const { sizes } = await threads.squeeze(bytes, ranges, stored)
    let end = 0
    const items = Uint32Array.from(
      [...sizes].flatMap((size, i) => {
        const item = [end, size, expected.lengths[i]!, size < expected.lengths[i]! ? 1 : 0]
        end += size
        return item
      }),
    )
    const target = threads.allocate(MIB)
    const good = await threads.unsqueeze(stored, items, expected.ids, target)
    assert.ok(good.every(each => each === 1))
    assert.deepEqual(target, bytes)
  })

  test(`threads ${kind}: a failing job fails alone, and a closed pool answers nobody`, async () => {
    const threads = startHashWorkers(1, kernel)
    const bytes = threads.allocate(MIB)
    bytes.fill(7)
    const tooSmall = threads.allocate(1)
    await assert.rejects(threads.squeeze(bytes, Uint32Array.of(0, MIB), tooSmall), RangeError)
    const { sizes } = await threads.squeeze(bytes, Uint32Array.of(0, MIB), threads.allocate(MIB))
    assert.ok(sizes[0]! < 500)
    const waiting = Array.from({ length: 50 }, () => threads.split(bytes, 0, MIB, 65_536))
    const refused = assert.rejects(Promise.all(waiting), /closed/)
    await threads.close()
    await refused
    await threads.close()
  })
}

test('a thread that ends in the middle of native work takes its own with it, and nothing else', async t => {
  if (typeof native === 'string') return t.skip(`the native kernel ${native}`)
  const program = `
    const { startHashWorkers } = await import(${JSON.stringify(new URL('./hash-workers.ts', import.meta.url).href)})
    const threads = startHashWorkers(2)
    const bytes = threads.allocate(${4 * MIB}).fill(7)
    for (let i = 0; i < 20; i++) threads.split(bytes, 0, bytes.length, 65536).catch(() => {})
    process.exit(3)`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
  const code = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
  assert.equal(code, 3)
  const threads = startHashWorkers(1)
  t.after(() => threads.close())
  assert.ok((await threads.split(threads.allocate(MIB), 0, MIB, 65_536)).starts.length === 0)
})
