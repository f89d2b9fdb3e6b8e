import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockCache } from './block-cache.ts'
import { testImage } from './test-nbd-server.ts'

const kib = 1024
const mib = 1024 * kib
const limits = { blockBytes: 64 * kib, cacheBytes: mib, aheadBytes: mib }
const read = async (cache: BlockCache, offset: number, length: number) =>
  Buffer.concat(await cache.read(offset, length))
const settled = () => new Promise(resolve => setTimeout(resolve, 5))

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
  assert.ok(waits <= 3, `${waits} reads waited`)
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
  assert.deepEqual(await cache.read(image.sizeBytes, 0), [])
  await assert.rejects(cache.read(last, 11), RangeError)
  await assert.rejects(cache.read(-1, 1), RangeError)
  await cache.close()
})
