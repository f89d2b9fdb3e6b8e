import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Files, nodeFiles } from '#foundation/files.ts'
import { contentOf, ingestBytes, noise, temporaryStore } from './temporary-store.ts'

/** The real files; `flush` is what becomes of a pack's. */
const flushedBy = (flush: () => Promise<void>): Files => ({
  ...nodeFiles,
  async open(file, mode) {
    const open = await nodeFiles.open(file, mode)
    return file.endsWith('.pack') ? { ...open, sync: flush } : open
  },
})

const image = noise(5, 20 * 2 ** 20)

test('a pack is flushed while it grows, so that the commit has less to wait for', async t => {
  let flushes = 0
  const flush = async () => {
    flushes++
  }
  const { store } = await temporaryStore(t, { files: flushedBy(flush) })
  await ingestBytes(store, image.subarray(0, 2 ** 20), 'small')
  assert.equal(flushes, 1)
  await ingestBytes(store, image, 'v1')
  assert.ok(flushes >= 3, `${flushes} flushes`)
})

test('a failure that is told to the flush of a growing pack fails the work', async t => {
  let isFirst = true
  const flush = async () => {
    const fails = isFirst
    isFirst = false
    if (fails) throw Object.assign(new Error('the disk failed'), { code: 'EIO' })
  }
  const made = await temporaryStore(t, { files: flushedBy(flush) })
  await assert.rejects(ingestBytes(made.store, image, 'v1'), /the disk failed/)
  const { manifest } = await ingestBytes(made.store, image, 'v1')
  assert.ok((await contentOf(await made.reopen(), manifest)).equals(image))
})
