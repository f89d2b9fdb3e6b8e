import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import * as zlib from 'node:zlib'
import { zstdFrameBytes } from './zstd-frame.ts'

test('the end of a zstd frame is found, whatever lies around it', () => {
  for (const size of [0, 1, 200, 300, 70_000, 3 * 2 ** 20])
    for (const content of [Buffer.alloc(size), randomBytes(Math.min(size, 5000))])
      for (const params of [{}, { [zlib.constants.ZSTD_c_checksumFlag]: 1 }]) {
        const frame = zlib.zstdCompressSync(content, { params })
        assert.equal(zstdFrameBytes(Buffer.concat([Buffer.alloc(7), frame, Buffer.alloc(500, 0xab)]), 7), frame.length)
        assert.equal(zstdFrameBytes(frame.subarray(0, -1)), undefined)
      }
  assert.equal(zstdFrameBytes(Buffer.alloc(100)), undefined)
  assert.equal(zstdFrameBytes(Buffer.alloc(0)), undefined)
})
