import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openIdentity } from './identity.ts'
import { slowHash, TooManyGuesses } from './slow-hash.ts'

const start = async (database = openSqlite(':memory:'), clock = new FakeClock()) => {
  const parts = { database, clock, random: systemRandom, log: silentLog, origins: () => ['https://here'] }
  const identity = await openIdentity(parts)
  const { directory } = identity
  const [tenant = await directory.addTenant({ displayName: 'Test' })] = await directory.tenants()
  const check = async (name: string, secret: string, remote = '192.0.2.1') =>
    (await identity.checkSecret({ name, secret, remote, known: await directory.find({ appId: name }) })).is
  const robot = async () => {
    const { objectId, appId = '' } = await directory.addServicePrincipal({ ...tenant, displayName: 'Robot' })
    return { objectId, name: appId, ...(await directory.addSecret(objectId)) }
  }
  const guess = async (times: number, name: string, remote?: string) => {
    const said: string[] = []
    for (let n = 0; n < times; n++) said.push(await check(name, `guess number ${n}`, remote))
    return said
  }
  return { directory, clock, database, check, robot, guess }
}

const wrong = (count: number) => Array<string>(count).fill('wrong')

test('any of several secrets is right, until it ends or is removed', async () => {
  const { directory, clock, check, robot } = await start()
  const { objectId, name, secret, secretId } = await robot()
  const second = await directory.addSecret(objectId, { expiresAt: new Date(clock.now().getTime() + 3600_000) })
  assert.deepEqual([await check(name, secret), await check(name, second.secret)], ['right', 'right'])
  clock.advance(3600_000)
  assert.equal(await check(name, second.secret), 'expired')
  await directory.removeSecret(objectId, secretId)
  assert.equal(await check(name, secret), 'wrong')
})

test('ten wrong guesses lock a name, for a minute, then for two, and so on to an hour', async () => {
  const { clock, check, robot, guess } = await start()
  const { name, secret } = await robot()
  assert.deepEqual(await guess(11, name), [...wrong(10), 'locked'])
  assert.equal(await check(name, secret), 'locked')
  clock.advance(60_000)
  assert.deepEqual(await guess(2, name), ['wrong', 'locked'])
  clock.advance(119_000)
  assert.equal(await check(name, secret), 'locked')
  clock.advance(1_000)
  assert.equal(await check(name, secret), 'right')
  assert.deepEqual(await guess(11, name), [...wrong(10), 'locked'])
})

test('a name that nobody has is treated alike', async () => {
  const { guess } = await start()
  assert.deepEqual(await guess(11, 'nobody'), [...wrong(10), 'locked'])
})

test('guesses sent side by side are counted before they are checked', async () => {
  const { check, robot } = await start()
  const { name } = await robot()
  const said = await Promise.all(Array.from({ length: 30 }, (_, n) => check(name, `guess number ${n}`)))
  assert.deepEqual([said.filter(is => is === 'wrong').length, said.filter(is => is === 'locked').length], [10, 20])
})

test('a stranger’s guesses do not lock the owner out of where it signs in from', async () => {
  const { clock, check, robot, guess } = await start()
  const { name, secret } = await robot()
  assert.equal(await check(name, secret, '192.0.2.1'), 'right')
  clock.advance(3600_000)
  assert.deepEqual(await guess(11, name, '198.51.100.9'), [...wrong(10), 'locked'])
  assert.equal(await check(name, secret, '192.0.2.1'), 'right')
  assert.equal(await check(name, secret, '203.0.113.7'), 'right', 'remembered for a minute, wherever it comes from')
})

test('a lock survives a restart', async () => {
  const before = await start()
  const { name, secret } = await before.robot()
  await before.guess(10, name)
  const after = await start(before.database, before.clock)
  assert.equal(await after.check(name, secret), 'locked')
})

test('a pipeline that signs in again and again pays the slow hash once', async () => {
  const { check, robot } = await start()
  const { name, secret } = await robot()
  await check(name, secret)
  const begun = process.cpuUsage()
  for (let n = 0; n < 200; n++) assert.equal(await check(name, secret), 'right')
  const { user } = process.cpuUsage(begun)
  assert.ok(user < 1_000_000, `200 sign-ins took ${user / 1000} ms`)
})

test('hashes differ for the same secret, name their cost, and are bounded in number', async () => {
  const { hash, matches } = slowHash(systemRandom, { concurrency: 1, queue: 1 })
  const [one, other] = [await hash('secret'), await hash('secret')]
  assert.notEqual(one, other)
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.deepEqual(
    [await matches('secret', one), await matches('Secret', one), await matches('x', undefined)],
    [true, false, false],
  )
  const all = await Promise.allSettled([hash('a'), hash('b'), hash('c')])
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  assert.ok((all[2] as PromiseRejectedResult).reason instanceof TooManyGuesses)
  assert.equal(await matches('secret', one), true)
})
