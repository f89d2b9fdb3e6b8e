import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { OWNER, SUBSCRIPTION, startTestArm } from '../../../../../test/support/test-arm.ts'
import { LookUps } from './look-ups.ts'

const start = async (t: TestContext) => {
  const { arm, registry, close } = await startTestArm()
  t.after(close)
  return new LookUps({ arm, registry: () => registry, caller: OWNER, origin: 'https://127.0.0.1:9443' })
}

test('what the registry knows is found without evaluating again', async t => {
  const lookUps = await start(t)
  let times = 0
  const found = await lookUps.evaluated(() => {
    times++
    return ['galleries', 'Galleries', 'gone'].map(type =>
      lookUps.find({ kind: 'provider', namespace: 'microsoft.compute', type }),
    )
  })
  assert.equal(times, 1)
  assert.equal((found[0] as { resourceType: string }).resourceType, 'galleries')
  assert.equal(found[1], found[0])
  assert.equal(found[2], null)
})

test('others have their turn between one look-up and the next', async t => {
  const lookUps = await start(t)
  let turns = 0
  const count = () => {
    turns++
    turning = setImmediate(count)
  }
  let turning = setImmediate(count)
  t.after(() => clearImmediate(turning))
  const id = `/subscriptions/${SUBSCRIPTION}`
  await lookUps.evaluated(() => {
    for (let at = 1; at <= 20; at++)
      lookUps.find({ kind: 'reference', id, apiVersion: `2022-12-${String(at).padStart(2, '0')}`, full: true })
  })
  assert.ok(turns >= 20, `${turns} turns`)
})
