import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { Origins } from './origins.ts'

/** Nobody waits long for a copy. */
const hurried: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(1, signal) }

test('an origin that could not be served once is served when it is asked for again', async t => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'origins-'))
  await fs.mkdir(path.join(root, 'origins'))
  const origins = new Origins({
    root,
    user: undefined,
    clock: hurried,
    log: silentLog,
    reserveBytes: 0,
    needed: async () => new Set(),
    arrived: async () => {},
  })
  let isLost = true
  const copy = Promise.withResolvers<void>()
  let isCopy = true
  const origin = {
    id: 'origin',
    open: async () => {
      if (isCopy) {
        isCopy = false
        await copy.promise
      } else if (isLost) throw new Error('The region is away.')
      return bytesOf(Buffer.alloc(512))
    },
  }
  t.after(async () => {
    copy.resolve()
    await origins.close()
    await fs.rm(root, { recursive: true })
  })
  await assert.rejects(origins.provide(origin), /The region is away/)
  isLost = false
  const { kind, file } = await origins.provide(origin)
  assert.equal(kind, 'socket')
  assert.ok((await fs.stat(path.join(root, file))).isSocket())
})
