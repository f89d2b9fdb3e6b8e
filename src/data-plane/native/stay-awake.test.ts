import assert from 'node:assert/strict'
import { pbkdf2 } from 'node:crypto'
import test from 'node:test'
import { promisify } from 'node:util'
import { loadNative } from './load-native.ts'

const native = loadNative()
/** Another thread is busy for some 100 µs, and then tells the event loop. */
const soon = () => promisify(pbkdf2)('a password', 'salt', 300, 32, 'sha256')
const tries = 1000

/** How many tries it took; on a machine that is busy with others not every one comes in time. */
const tryUntil = async (succeeds: () => boolean | Promise<boolean>): Promise<number> => {
  for (let i = 1; i <= tries; i++) {
    if (await succeeds()) return i
    await new Promise(resolve => setImmediate(resolve))
  }
  return assert.fail(`not once in ${tries} tries`)
}

if (typeof native === 'string') test('nobody stays awake', { skip: `the native kernel ${native}` })
else {
  test('who was asked again soon waits awake for what comes soon, and not for ever', async t => {
    const came = await tryUntil(async () => {
      native.stayAwake()
      native.wasAsked()
      const told = soon()
      const isThere = native.stayAwake() === 1
      await told
      return isThere
    })
    const nothing = await tryUntil(() => {
      native.stayAwake()
      native.wasAsked()
      return native.stayAwake() === 0
    })
    t.diagnostic(`tries: ${came} until something came, ${nothing} until nothing did`)
  })

  test('who was asked late does not wait for what comes soon', async () => {
    await tryUntil(async () => {
      native.stayAwake()
      await new Promise(resolve => setTimeout(resolve, 2))
      native.wasAsked()
      const told = soon()
      const isThere = native.stayAwake() === 1
      await told
      return !isThere
    })
  })
}
