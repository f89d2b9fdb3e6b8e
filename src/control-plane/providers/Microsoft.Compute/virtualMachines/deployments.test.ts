import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployments } from './deployments.ts'

/** Machines that want to be made, and which of them have a place. */
const queue = () => {
  const deployments = new Deployments()
  const inside = new Map<string, () => void>()
  const aborts = new Map<string, AbortController>()
  const enter = (name: string, places: number) => {
    const abort = new AbortController()
    aborts.set(name, abort)
    return deployments
      .enter('image', places, abort.signal, async () => {})
      .then(leave => void inside.set(name, leave))
      .catch(() => {})
  }
  const leave = (name: string) => {
    inside.get(name)?.()
    inside.delete(name)
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))
  const names = async () => {
    await settled()
    return [...inside.keys()].join('')
  }
  return { enter, leave, names, abort: (name: string) => aborts.get(name)?.abort() }
}

test('as many begin as places become free, in the order in which they came', async () => {
  const { enter, leave, names } = queue()
  for (const name of 'abcde') void enter(name, 2)
  assert.equal(await names(), 'ab')
  leave('a')
  leave('b')
  assert.equal(await names(), 'cd')
  leave('c')
  void enter('f', 2)
  assert.equal(await names(), 'de')
})

test('who gives up keeps no place', async () => {
  const { enter, leave, names, abort } = queue()
  for (const name of 'abc') void enter(name, 1)
  assert.equal(await names(), 'a')
  abort('b')
  leave('a')
  assert.equal(await names(), 'c')
  void enter('d', 1)
  await names()
  leave('c')
  abort('d')
  void enter('e', 1)
  assert.equal(await names(), 'e')
})

test('more replicas serve those who wait already', async () => {
  const { enter, names } = queue()
  for (const name of 'abc') void enter(name, 1)
  assert.equal(await names(), 'a')
  void enter('d', 3)
  assert.equal(await names(), 'abc')
})
