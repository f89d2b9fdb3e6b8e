import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { FakeClock } from '#foundation/clock.ts'
import { type Database, openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { seededRandom } from '#foundation/random.ts'
import type { ActivityLog } from './activity-log.ts'
import type { Activity } from './activity-record.ts'
import { openActivityLog } from './open-activity-log.ts'
import { type Anchors, verifyChain } from './verify-chain.ts'

const key = generateKeyPairSync('ed25519').privateKey

const activity = (name: string, more: Partial<Activity> = {}): Activity => ({
  category: 'Administrative',
  action: 'Test/things/write',
  resourceId: `/subscriptions/11111111-1111-4111-8111-11111111111A/resourceGroups/rg/providers/Test/things/${name}`,
  status: 'Succeeded',
  correlationId: 'c',
  operationId: 'o',
  actor: { name: 'ann', objectId: 'ann', applicationId: 'a', tenantId: 't', kind: 'User' },
  ...more,
})

const SUBSCRIPTION = '11111111-1111-4111-8111-11111111111a'

const open = async (database: Database = openSqlite(':memory:'), signer: KeyObject = key) => {
  const clock = new FakeClock()
  const log = await openActivityLog({ database, clock, random: seededRandom(1), key: signer, log: silentLog })
  return { database, clock, log }
}

const verdictOf = async (log: ActivityLog, anchors: Anchors = {}) => {
  const [base, head] = [await log.base(), await log.head()]
  return (await verifyChain(log.chain(base.sequence), { base, head, publicKey: log.publicKey }, anchors)).faults
}

const filled = async (count: number) => {
  const opened = await open()
  for (let index = 1; index <= count; index++) {
    opened.clock.advance(1000)
    await opened.log.record(activity(`t${index}`))
  }
  return opened
}

/** What somebody does who has the database file and not our code. */
const behindOurBack = async (database: Database, statement: string) => {
  await sql.raw('drop trigger if exists activity_record_stays').execute(database.as())
  await sql.raw('drop trigger if exists activity_record_is_kept').execute(database.as())
  await sql.raw(statement).execute(database.as())
}

test('a record is there when its change is, and not when its change is undone', async () => {
  const { database, log } = await open()
  await assert.rejects(
    database.transact(async transaction => {
      await log.append(transaction, activity('undone'))
      throw new Error('no')
    }),
  )
  await database.transact(transaction => log.append(transaction, activity('done')))
  const found = await log.list({ subscriptionId: SUBSCRIPTION.toUpperCase(), limit: 10 })
  assert.deepEqual(
    found.map(({ record }) => record.resourceId.split('/').at(-1)),
    ['done'],
  )
  assert.deepEqual(await verdictOf(log), [])
})

test('records that come side by side are all in the chain', async () => {
  const { log } = await open()
  await Promise.all(Array.from({ length: 50 }, (_, index) => log.record(activity(`t${index}`))))
  assert.equal((await log.head()).sequence, 50)
  assert.deepEqual(await verdictOf(log), [])
})

test('our own code can change and remove nothing', async () => {
  const { database } = await filled(3)
  for (const statement of [
    "update activity_record set record = '{}'",
    'delete from activity_record where sequence = 2',
  ])
    await assert.rejects(sql.raw(statement).execute(database.as()), /only added to/)
})

test('whatever is done to the records behind our back is told, with where', async () => {
  for (const [statement, fault] of [
    [`update activity_record set record = replace(record, 'ann', 'bob') where sequence = 3`, /^Record 3 is not what/],
    ['delete from activity_record where sequence = 3', /^Record 4 follows record 2/],
    ['delete from activity_record where sequence > 3', /ends with record 3, and should with record 5/],
    ['delete from activity_record where sequence < 3', /^Record 3 follows record 0/],
    ['delete from activity_record', /ends with record 0/],
    [`update activity_point set sequence = 4 where kind = 'head'`, /signature of the end/],
    [
      `update activity_point set sequence = 3, hash = (select hash from activity_record where sequence = 3) where kind = 'base'`,
      /signature of the beginning/,
    ],
    [
      `update activity_point set signature = (select signature from activity_point where kind = 'base')`,
      /signature of the end/,
    ],
  ] as const) {
    const { database, log } = await filled(5)
    await behindOurBack(database, statement)
    assert.match((await verdictOf(log)).join('\n'), fault, statement)
  }
})

test('a log that is shortened with an old copy of its end is told by a point that was noted elsewhere', async () => {
  const { database, log } = await filled(3)
  const old = await log.head()
  await log.record(activity('t4'))
  const noted = await log.head()
  assert.deepEqual(await verdictOf(log, { points: [old, noted], publicKey: log.publicKey }), [])
  await behindOurBack(database, 'delete from activity_record where sequence > 3')
  await behindOurBack(
    database,
    `update activity_point set sequence = 3, hash = '${old.hash}', signature = '${old.signature}' where kind = 'head'`,
  )
  assert.deepEqual(await verdictOf(log), [])
  assert.deepEqual(await verdictOf(log, { points: [noted] }), ['Record 4, which was noted, is not there.'])
  await log.record(activity('another'))
  assert.deepEqual(await verdictOf(log, { points: [noted] }), ['Record 4 is not the one that was noted.'])
})

test('what is too old is given up, and the rest can still be verified', async () => {
  const { clock, log } = await filled(5)
  const noted = await log.head()
  assert.equal(await log.forget(new Date(clock.now().getTime() - 1500)), 3)
  assert.equal((await log.base()).sequence, 3)
  assert.deepEqual(await verdictOf(log, { points: [{ sequence: 1, hash: 'given up' }, noted] }), [])
  assert.equal(await log.forget(new Date(clock.now().getTime() + 1)), 2)
  await log.record(activity('next'))
  assert.deepEqual(await verdictOf(log, { points: [noted] }), [])
})

test('a start that finds the end wrong says so in the log, and goes on', async () => {
  const { database } = await filled(3)
  await behindOurBack(database, `delete from activity_point where kind = 'head'`)
  const { log } = await open(database)
  assert.equal((await log.list({ limit: 10 }))[0]?.record.errorCode, 'ActivityLogEndWrong')
  assert.deepEqual(await verdictOf(log), [])
  const again = await open(database)
  assert.equal((await again.log.head()).sequence, 4)
  const stranger = await open(database, generateKeyPairSync('ed25519').privateKey)
  assert.equal((await stranger.log.head()).sequence, 5)
})

test('lists are newest first, of one subscription, within a time, page by page', async () => {
  const { log, clock } = await filled(5)
  await log.record(activity('', { resourceId: '/', category: 'Security' }))
  const names = async (more: object) =>
    (await log.list({ subscriptionId: SUBSCRIPTION, limit: 2, ...more })).map(({ record }) => record.resourceId.at(-1))
  assert.deepEqual(await names({}), ['5', '4'])
  const [, second] = await log.list({ subscriptionId: SUBSCRIPTION, limit: 2 })
  assert.ok(second)
  assert.deepEqual(await names({ behind: { at: second.record.at, sequence: second.sequence } }), ['3', '2'])
  const at = (msAgo: number) => new Date(clock.now().getTime() - msAgo).toISOString()
  assert.deepEqual(await names({ from: at(3000), to: at(2000) }), ['3', '2'])
  assert.deepEqual(await names({ correlationId: 'other' }), [])
  assert.equal((await log.list({ limit: 9 })).length, 1)
})

test('who is refused without end fills the log with a number', async () => {
  const { log, clock } = await open()
  for (let index = 0; index < 500; index++) await log.recordRefusal(activity('x', { status: 'Failed' }))
  await log.recordRefusal(activity('x', { status: 'Failed', actor: { ...activity('x').actor, objectId: 'other' } }))
  assert.equal((await log.head()).sequence, 301)
  clock.advance(60_000)
  await log.recordRefusal(activity('x', { status: 'Failed' }))
  assert.equal((await log.list({ subscriptionId: SUBSCRIPTION, limit: 1 }))[0]?.record.unwritten, 200)
})
