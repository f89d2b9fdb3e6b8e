import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { bytesOf, type SparseBytes } from '#foundation/sparse-bytes.ts'
import { GuestReads } from './guest-reads.ts'

/** Moves on by itself while somebody sleeps. */
class RunningClock extends FakeClock {
  sleptMs = 0
  override async sleep(ms: number): Promise<void> {
    this.sleptMs += ms
    this.advance(ms)
  }
}

const setUp = (bytes: SparseBytes = bytesOf(Buffer.from('image'))) => {
  const clock = new RunningClock()
  const reads = new GuestReads(clock)
  const { signal } = new AbortController()
  return { clock, guest: reads.first(bytes), copy: reads.behind(bytes, signal) }
}
const read = async (bytes: SparseBytes): Promise<string> => {
  const target = Buffer.alloc(5)
  await bytes.read(0, target)
  return target.toString()
}

test('a copy waits until a guest has been quiet for a while, and then no more', async () => {
  const { clock, guest, copy } = setUp()
  assert.equal(await read(copy), 'image')
  assert.equal(clock.sleptMs, 0, 'no guest reads')
  assert.equal(await read(guest), 'image')
  assert.equal(await read(copy), 'image')
  assert.equal(clock.sleptMs, 200)
  await read(copy)
  assert.equal(clock.sleptMs, 200)
})

test('a guest that never rests only slows a copy down', async () => {
  const gate = Promise.withResolvers<void>()
  const { clock, guest, copy } = setUp({ ...bytesOf(Buffer.from('image')), read: () => gate.promise })
  const endless = read(guest)
  const copied = read(copy)
  while (clock.sleptMs < 2000) await new Promise(resolve => setImmediate(resolve))
  gate.resolve()
  await Promise.all([endless, copied])
  assert.equal(clock.sleptMs, 2000)
})

test('what writes itself out does not wait', () => {
  const whole = { ...bytesOf(Buffer.from('image')), writeTo: async () => {} }
  const { copy } = setUp(whole)
  assert.equal(copy, whole)
})
