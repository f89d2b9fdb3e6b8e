import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import { internalError } from './internal-error.ts'

test('what the system refused is told without its path or address; all else as it says it', async () => {
  const told = (fault: unknown) => internalError(fault).message
  const missing = await fs.open('/secret/place, with a comma', 'r').catch(error => error)
  assert.equal(told(missing), 'ENOENT: no such file or directory')
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  })
  assert.equal(told(refused), 'ECONNREFUSED')
  assert.equal(told(new Error('The chunk, as it is, is corrupt.')), 'The chunk, as it is, is corrupt.')
  assert.equal(told('a word'), 'a word')
})
