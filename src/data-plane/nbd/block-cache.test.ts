import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockCache } from './block-cache.ts'
import { testImage } from './test-nbd-server.ts'

const kib = 1024
const mib = 1024 * kib
const limits = { blockBytes: 64 * kib, cacheBytes: mib, aheadBytes: mib }
const read = async (cache: BlockCache, offset: number, length: number) => {
  const { parts, release } = await cache.read(offset, length)
  const bytes = Buffer.concat(parts)
  release()
  return bytes
}
const settled = async () => {
  await new Promise(resolve => setTimeout(resolve, 5))
  await new Promise(resolve => setImmediate(resolve)) // on a busy machine the timer comes before what was to be done at once
}

test('what was read is kept, within the bound, the latest longest', async () => {
  const image = testImage()
  const cache = new BlockCache(image, limits)
  for (let at = 0; at + 4096 <= image.sizeBytes; at += 100 * kib) {
    assert.ok((await read(cache, 0, 512)).equals(image.content.subarray(0, 512)))
    assert.ok((await read(cache, at, 4096)).equals(image.content.subarray(at, at + 4096)))
    assert.ok(cache.keptBytes <= limits.cacheBytes)
  }
  assert.equal(image.reads.filter(({ offset }) => offset === 0).length, 1, 'what is used again and again stays')
  assert.ok(cache.keptBytes > limits.cacheBytes / 2)
  await cache.close()
  assert.ok(image.isClosed)
})

test('equal reads at the same time are one', async () => {
  const image = testImage()
  const cache = new BlockCache(image, limits)
  const all = await Promise.all(Array.from({ length: 20 }, () => read(cache, mib + 5, 100_000)))
  for (const bytes of all) assert.ok(bytes.equals(image.content.subarray(mib + 5, mib + 100_005)))
  const wanted = image.reads.reduce((sum, { length }) => sum + length, 0)
  assert.ok(wanted <= 3 * 64 * kib, `${wanted} bytes were read`)
  await cache.close()
})

test('who reads in order finds the next bytes there; who jumps about causes no reads beside', async () => {
  const image = testImage()
  const inOrder = new BlockCache(image, { ...limits, cacheBytes: 8 * mib })
  let waits = 0
  for (let at = 0; at < 3 * mib; at += 32 * kib) {
    const before = image.reads.length
    const isThere = inOrder.keptBytes > at
    await read(inOrder, at, 32 * kib)
    if (!isThere && image.reads.length > before) waits++
    await settled()
  }
  // Those before it is clear that somebody reads in order, and one more.
  assert.ok(waits <= 7, `${waits} of 48 blocks were waited for`)
  await inOrder.close()

  image.reads.length = 0
  const jumping = new BlockCache(image, limits)
  for (let i = 0; i < 10; i++) await read(jumping, ((i * 7) % 10) * 500 * kib, 4096)
  await settled()
  assert.equal(image.reads.length, 10)
  await jumping.close()
})

test('the end of the image, and ranges that leave it', async () => {
  const image = testImage()
  const cache = new BlockCache(image, limits)
  const last = image.sizeBytes - 10
  assert.ok((await read(cache, last, 10)).equals(image.content.subarray(last)))
  assert.deepEqual((await cache.read(image.sizeBytes, 0)).parts, [])
  await assert.rejects(cache.read(last, 11), RangeError)
  await assert.rejects(cache.read(-1, 1), RangeError)
  await cache.close()
})

test('what somebody uses is not given to others, and memory beyond the bound goes when it is released', async () => {
  const image = testImage()
  const cache = new BlockCache(image, { blockBytes: 64 * kib, cacheBytes: 256 * kib, aheadBytes: mib })
  const inUse = await Promise.all([0, 1, 2, 3, 4].map(i => cache.read(mib + i * 128 * kib, 128 * kib)))
  assert.ok(cache.keptBytes > 256 * kib)
  for (let at = 0; at < mib; at += 64 * kib) await read(cache, at, 4096)
  for (const [i, { parts, release }] of inUse.entries()) {
    const start = mib + i * 128 * kib
    assert.ok(Buffer.concat(parts).equals(image.content.subarray(start, start + 128 * kib)))
    release()
  }
  await settled()
  assert.ok(cache.keptBytes <= 256 * kib, `${cache.keptBytes} bytes are kept`)
  assert.ok((await read(cache, mib, mib)).equals(image.content.subarray(mib, 2 * mib)))
  await cache.close()
})

test('what is asked for once, and is there at once, is read alone and not kept; what is asked for again is', async () => {
  const image = testImage()
  const now: { offset: number; length: number }[] = []
  const readNow = (offset: number, target: Uint8Array) => {
    now.push({ offset, length: target.length })
    target.set(image.content.subarray(offset, offset + target.length))
    return true
  }
  const cache = new BlockCache({ ...image, sizeBytes: image.sizeBytes, readNow }, limits)
  const check = async (offset: number, length: number) =>
    assert.ok((await read(cache, offset, length)).equals(image.content.subarray(offset, offset + length)))
  const places = [5, 900, 300, 2000].map(at => at * kib)
  for (const at of places) await check(at, 4096)
  assert.deepEqual(
    now.splice(0),
    places.map(offset => ({ offset, length: 4096 })),
  )
  assert.equal(cache.keptBytes, 0)
  for (const at of places) await check(at + 8192, 4096)
  assert.deepEqual(
    now.splice(0).map(({ length }) => length),
    places.map(() => 64 * kib),
  )
  for (const at of places) await check(at, 4096)
  assert.deepEqual(now, [])
  const lent = [3000, 3100, 3200, 3300].map(at => ({ at: at * kib, got: cache.readSoon(at * kib, 4096) }))
  for (const { at, got } of lent) {
    const { parts, release } = await got
    assert.ok(Buffer.concat(parts).equals(image.content.subarray(at, at + 4096)), 'nobody else got the memory')
    release()
  }
  assert.deepEqual(image.reads, [])
  await cache.close()
})
