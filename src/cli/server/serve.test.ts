import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../failure.ts'
import { portTaken } from './serve.ts'

test('a port that is taken is told with what to do; what else is wrong stays what it is', () => {
  const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE', address: '127.0.0.1', port: 9443 })
  const told = portTaken(taken, 'Choose.')
  assert.ok(told instanceof Failure)
  assert.deepEqual([told.message, told.advice], ['Port 9443 of 127.0.0.1 is taken by another process.', 'Choose.'])
  const other = new Error('no')
  assert.equal(portTaken(other, 'Choose.'), other)
})
