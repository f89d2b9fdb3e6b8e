import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { workerData } from 'node:worker_threads'

/** Hashes the first `sizeBytes` of a file, from its start again where it is shorter. */
const { file, sizeBytes } = workerData as { file: string; sizeBytes: number }
const handle = fs.openSync(file, 'r')
const buffer = Buffer.alloc(2 ** 20)
const hash = createHash('sha256')
let at = 0
for (let left = sizeBytes; left > 0; ) {
  const count = fs.readSync(handle, buffer, 0, Math.min(left, buffer.length), at)
  at = count === 0 ? 0 : at + count
  hash.update(buffer.subarray(0, count))
  left -= count
}
hash.digest()
fs.closeSync(handle)
