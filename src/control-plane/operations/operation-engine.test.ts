import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, FakeClock, systemClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { openOperations } from './operation-engine.ts'
import { type OperationDefinition, type Operations, SubjectBusy } from './operations.ts'

const open = (database: Database, clock: Clock = systemClock) =>
  openOperations({
    database,
    clock,
    log: silentLog,
    isTransient: fault => fault instanceof Error && fault.message === 'transient',
  })

const enqueue = async (database: Database, operations: Operations, id: string, subject = 'thing') => {
  await database.transact(transaction =>
    operations.enqueue(transaction, { id, kind: 'work', subject, input: { id }, labels: {} }),
  )
  operations.wake()
}

const definition = (run: OperationDefinition['run']): OperationDefinition => ({
  kind: 'work',
  run,
  fail: async (_operation, fault) => ({ error: { code: 'Broken', message: (fault as Error).message } }),
  cancelled: async () => ({}),
})

test('an operation runs once it is enqueued and ends with its output', async () => {
  const database = openSqlite(':memory:')
  const operations = await open(database)
  operations.define(definition(async () => ({ output: { answer: 42 } })))
  await operations.start()
  await enqueue(database, operations, 'a')
  const ended = await operations.settled('a')
  assert.deepEqual([ended.status, ended.output, ended.percentComplete], ['Succeeded', { answer: 42 }, 100])
})

test('a rolled-back transaction leaves no operation', async () => {
  const database = openSqlite(':memory:')
  const operations = await open(database)
  await assert.rejects(
    database.transact(async transaction => {
      await operations.enqueue(transaction, { id: 'a', kind: 'work', subject: 's', input: {}, labels: {} })
      throw new Error('no')
    }),
  )
  assert.equal(await operations.find('a'), undefined)
})

test('a subject has one unfinished operation', async () => {
  const database = openSqlite(':memory:')
  const operations = await open(database)
  await enqueue(database, operations, 'a')
  await assert.rejects(enqueue(database, operations, 'b'), SubjectBusy)
  await enqueue(database, operations, 'c', 'another')
})

test('a fault is told, a transient one is tried again first', async () => {
  const database = openSqlite(':memory:')
  const operations = await open(database)
  let attempts = 0
  operations.define(
    definition(async ({ step }) => {
      await step('shaky', async () => {
        if (++attempts < 3) throw new Error('transient')
      })
      throw new Error('for good')
    }),
  )
  await operations.start()
  await enqueue(database, operations, 'a')
  const ended = await operations.settled('a')
  assert.equal(attempts, 3)
  assert.deepEqual([ended.status, ended.error], ['Failed', { code: 'Broken', message: 'for good' }])
})

test('finished steps are not repeated when another process resumes', async () => {
  const database = openSqlite(':memory:')
  const first = await open(database)
  const ran: string[] = []
  let reached = () => {}
  const atSecond = new Promise<void>(resolve => (reached = resolve))
  const story = (wait: boolean) =>
    definition(async ({ step, signal }) => {
      const one = await step('one', async () => ran.push('one'))
      await step('two', async () => {
        ran.push('two')
        reached()
        if (wait) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      })
      return { output: one }
    })
  first.define(story(true))
  await first.start()
  await enqueue(database, first, 'a')
  await atSecond
  await first.stop(1000)
  assert.equal((await first.find('a'))?.status, 'InProgress')

  const second = await open(database)
  second.define(story(false))
  await second.start()
  const ended = await second.settled('a')
  assert.deepEqual([ended.status, ended.output, ran], ['Succeeded', 1, ['one', 'two', 'two']])
})

test('cancelling aborts the work and ends it as Canceled', async () => {
  const database = openSqlite(':memory:')
  const operations = await open(database)
  operations.define(
    definition(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ),
  )
  await operations.start()
  await enqueue(database, operations, 'a')
  const ended = await operations.cancel('a')
  assert.equal(ended?.status, 'Canceled')
  assert.equal(await operations.active('thing'), undefined)
})

test('what ended a day ago is forgotten, however long the process has been running', async () => {
  const database = openSqlite(':memory:')
  const clock = new FakeClock()
  const operations = await open(database, clock)
  operations.define(definition(async () => ({ output: 'a link with a signature' })))
  await operations.start()
  await enqueue(database, operations, 'a')
  await operations.settled('a')
  clock.advance(25 * 3600 * 1000)
  await enqueue(database, operations, 'b')
  await operations.settled('b')
  await operations.stop(0)
  assert.deepEqual([await operations.find('a'), (await operations.find('b'))?.status], [undefined, 'Succeeded'])
})
