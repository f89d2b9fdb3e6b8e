import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '#foundation/clock.ts'
import { ArmError, armError } from './arm-error.ts'
import { generousLimits, limitStrangers, makeRateLimiter } from './rate-limit.ts'
import type { RawRequest } from './raw-request.ts'
import type { Caller } from './resource-type.ts'

const caller = (objectId: string): Caller => ({
  tenantId: 't',
  objectId,
  clientId: 'c',
  displayName: objectId,
  kind: 'User',
})
const [ann, bob] = [caller('ann'), caller('bob')]

const limiter = () => {
  const clock = new FakeClock()
  const limit = makeRateLimiter({ ...generousLimits, reads: { burst: 5, perSecond: 1 } }, clock)
  /** How many of so many requests get through. */
  const admitted = (count: number, who: Caller, subscription: (index: number) => string | undefined = () => 's') => {
    let through = 0
    for (let index = 0; index < count; index++)
      try {
        limit('GET', who, subscription(index))
        through++
      } catch (error) {
        assert.ok(error instanceof ArmError && error.status === 429 && Number(error.headers['retry-after']) >= 1)
      }
    return through
  }
  return { clock, limit, admitted }
}

test('who has used up a bucket waits as long as it says; nobody else does', () => {
  const { clock, limit, admitted } = limiter()
  assert.equal(admitted(100, ann), 5)
  assert.equal(admitted(3, bob), 3)
  assert.deepEqual(limit('GET', bob, 's'), { 'x-ms-ratelimit-remaining-subscription-reads': '1' })
  assert.equal(limit('PUT', ann, 's')['x-ms-ratelimit-remaining-subscription-writes'], '11999')
  clock.advance(2000)
  assert.equal(admitted(100, ann), 2)
})

test('a principal has buckets of its own in each subscription, but not as many as it can think of names', () => {
  const { admitted } = limiter()
  assert.equal(
    admitted(10, ann, () => 'one'),
    5,
  )
  assert.equal(
    admitted(10, ann, () => 'TWO'),
    5,
  )
  assert.equal(
    admitted(10, ann, () => undefined),
    5,
  )
  assert.equal(
    admitted(100, ann, index => `made-up-${index}`),
    5,
  )
  assert.equal(
    admitted(100, bob, index => `made-up-${index}`),
    20,
  )
})

test('what is remembered of buckets does not grow without end, and forgetting frees nobody who goes on', () => {
  const { admitted } = limiter()
  assert.equal(admitted(5, ann), 5)
  for (let index = 0; index < 12_000; index++) {
    admitted(1, caller(`other-${index}`))
    if (index % 1000 === 0) assert.equal(admitted(1, ann), 0)
  }
})

test('without a good token an address is let try so often; a good one is let in from there all the same', async () => {
  const clock = new FakeClock()
  const authenticate = async (raw: RawRequest) => {
    if (raw.headers.authorization === 'good') return ann
    throw armError.authenticationMissing()
  }
  const limited = limitStrangers(authenticate, { burst: 3, perSecond: 0.5 }, clock)
  const from = (remoteAddress: string, authorization = '') =>
    limited({ method: 'GET', url: '/', headers: { authorization }, origin: '', remoteAddress }).catch(
      error => error.status,
    )
  const statuses = []
  for (let index = 0; index < 5; index++) statuses.push(await from('192.0.2.1'))
  assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  assert.equal(await from('192.0.2.1', 'good'), ann)
  assert.equal(await from('192.0.2.2'), 401)
  clock.advance(2000)
  assert.deepEqual([await from('::ffff:192.0.2.1'), await from('192.0.2.1')], [401, 429])
  for (let index = 0; index < 3; index++) assert.equal(await from(`2001:db8::${index}`), 401)
  assert.equal(await from('2001:db8::ffff:1'), 429)
})
