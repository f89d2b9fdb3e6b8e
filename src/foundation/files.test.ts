import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namingFile, nodeFiles } from './files.ts'

test('a full disk says which file it did not take', { skip: process.platform !== 'linux' }, async () => {
  const file = await nodeFiles.open('/dev/full', 'write')
  try {
    const refused = { code: 'ENOSPC', path: '/dev/full', message: /^ENOSPC: .* '\/dev\/full'$/ }
    await assert.rejects(file.write(Buffer.alloc(10), 0), refused)
  } finally {
    await file.close()
  }
})

test('what is no error of the disk, or has its name, stays as it is', async () => {
  const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  await assert.rejects(namingFile('disk.raw', Promise.reject(lost)), error => error === lost && !('path' in lost))
  assert.equal(lost.message, 'read ECONNRESET')
  const named = Object.assign(new Error("EIO: read 'a'"), { code: 'EIO', path: 'a' })
  await assert.rejects(namingFile('b', Promise.reject(named)), { message: "EIO: read 'a'", path: 'a' })
})
