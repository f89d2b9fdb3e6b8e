import assert from 'node:assert/strict'
import test from 'node:test'
import { hashInThread, startHashWorkers } from './hash-workers.ts'
import { noise } from './temporary-store.ts'

const MIB = 1024 * 1024

test('threads answer as the calling thread does, more questions than threads at once', async t => {
  const [here, threads] = [hashInThread(), startHashWorkers(2)]
  t.after(() => threads.close())
  const bytes = threads.allocate(MIB)
  bytes.set(noise(1, MIB / 2))
  const expected = await here.split(bytes, 0, MIB, 65_536)
  const answers = await Promise.all(Array.from({ length: 7 }, () => threads.split(bytes, 0, MIB, 65_536)))
  for (const answer of answers) assert.deepEqual(answer, expected)
})

test('a failing job fails alone, and a closed pool answers nobody', async () => {
  const threads = startHashWorkers(1)
  const bytes = threads.allocate(MIB)
  bytes.fill(7)
  const tooSmall = threads.allocate(1)
  await assert.rejects(threads.squeeze(bytes, Uint32Array.of(0, MIB), tooSmall), RangeError)
  const [size] = await threads.squeeze(bytes, Uint32Array.of(0, MIB), threads.allocate(MIB))
  assert.ok(size! < 200)
  const waiting = threads.split(bytes, 0, MIB, 65_536)
  const refused = assert.rejects(waiting, /closed/)
  await threads.close()
  await refused
})
