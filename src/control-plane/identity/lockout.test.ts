import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { identityMigrations } from './identity-tables.ts'
import { ipBytes, networkOf } from './ip-address.ts'
import { openLockout } from './lockout.ts'

const start = async () => {
  const database = openSqlite(':memory:')
  const clock = new FakeClock()
  await database.migrate(identityMigrations)
  const lockout = openLockout({ database, clock })
  const subjects = (name: string, network: string) => [
    { key: `name:${name}`, freeGuesses: 3 },
    { key: `network:${network}`, freeGuesses: 5 },
  ]
  const admit = async (name: string, network: string) => !(await lockout.admit(subjects(name, network)))
  return {
    clock,
    database,
    admit,
    forgive: (name: string, network: string) => lockout.forgive(subjects(name, network)),
  }
}

test('a network that guesses at many names is locked; others are not', async () => {
  const { admit } = await start()
  for (const name of ['a', 'b', 'c', 'd', 'e']) assert.equal(await admit(name, 'bad'), true)
  assert.equal(await admit('f', 'bad'), false)
  assert.equal(await admit('f', 'good'), true)
})

test('an own account in between does not wash a guesser’s network clean', async () => {
  const { admit, forgive } = await start()
  const guess = async (name: string) => admit(name, 'bad')
  for (const name of ['a', 'b', 'c', 'd']) {
    await guess(name)
    await guess('own')
    await forgive('own', 'bad')
  }
  assert.equal(await guess('e'), true)
  assert.equal(await guess('f'), false)
})

test('the wait doubles up to an hour, and a day without guesses ends it', async () => {
  const { admit, clock } = await start()
  for (let n = 0; n < 3; n++) await admit('a', `${n}`)
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    clock.advance(minutes * 60_000 - 1)
    assert.equal(await admit('a', 'x'), false, `${minutes} minutes`)
    clock.advance(1)
    assert.equal(await admit('a', `${minutes}`), true, `${minutes} minutes`)
  }
  clock.advance(25 * 3600_000)
  for (let n = 0; n < 3; n++) assert.equal(await admit('a', 'y'), true)
})

test('an address of either kind has its bytes', () => {
  fc.assert(
    fc.property(fc.ipV6(), text => {
      const bytes = ipBytes(text)
      assert.equal(bytes?.length, 16)
      const groups = (bytes?.toString('hex').match(/.{4}/g) ?? []).join(':')
      assert.equal(new URL(`http://[${groups}]`).host, new URL(`http://[${text}]`).host)
    }),
  )
  assert.deepEqual(ipBytes('192.0.2.1'), Buffer.from([192, 0, 2, 1]))
  assert.equal(ipBytes('example.org'), undefined)
})

test('an IPv6 caller is known by the network that it can take any address of', () => {
  assert.equal(networkOf('2001:db8:1:2::1'), networkOf('2001:0db8:0001:0002:ffff::9%eth0'))
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
})
