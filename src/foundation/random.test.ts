import assert from 'node:assert/strict'
import test from 'node:test'
import { secretText, systemRandom } from './random.ts'

test('no secret begins like an option of a command line', () => {
  const repeated = (byte: number) => ({ ...systemRandom, bytes: (count: number) => Buffer.alloc(count, byte) })
  assert.equal(secretText(repeated(0xfb), 6), '__v7-_v7', 'its bytes alone would begin with a dash')
  assert.equal(secretText(repeated(0x61), 6), 'YWFhYWFh')
})
