import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  OWNER,
  SUBSCRIPTION,
  startTestArm,
  type TestAnswer,
  type TestArm,
} from '../../../../../test/support/test-arm.ts'

const id = (number: number) => `70000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const S = `/subscriptions/${SUBSCRIPTION}`
const [one, two] = [`${S}/resourceGroups/one`, `${S}/resourceGroups/two`]
const AUTHORIZATION = 'providers/Microsoft.Authorization'
const role = `${two}/${AUTHORIZATION}/roleDefinitions/${id(50)}`

let arm: TestArm
before(async () => {
  arm = await startTestArm()
  for (const group of [one, two]) await arm.send('PUT', group, { location: 'eastus' })
})
after(() => arm?.close())

const body = (assignableScopes: string[], actions = ['*/read']) => ({
  properties: { roleName: 'Tender', permissions: [{ actions }], assignableScopes },
})
const outcome = ({ status, body }: TestAnswer) => `${status} ${body?.error?.code}`

test('a scope in which somebody has a role is not taken from it: whoever may change what is left would change what they may', async () => {
  await arm.send('PUT', role, body([one, two]))
  const assignment = `${one}/${AUTHORIZATION}/roleAssignments/${id(51)}`
  const roleDefinitionId = role
  await arm.send('PUT', assignment, { properties: { roleDefinitionId, principalId: OWNER.objectId } })
  assert.equal(outcome(await arm.send('PUT', role, body([two]))), '409 RoleScopeBeingRemovedContainsAssignments')
  assert.equal(outcome(await arm.send('PUT', role, body([S]))), '201 undefined')
  await arm.send('DELETE', assignment)
  assert.equal(outcome(await arm.send('PUT', role, body([two]))), '201 undefined')
})

test('what a change of a role would come to is told, and nothing is changed', async () => {
  await arm.send('PUT', role, body([two]))
  const request = { method: 'PUT', path: role, body: body([two], ['A/*']), caller: OWNER, origin: '' } as const
  const foreseen = (await arm.arm.preview(request)) as TestAnswer
  assert.deepEqual(foreseen.body.properties?.permissions[0].actions, ['A/*'], JSON.stringify(foreseen.body))
  assert.deepEqual((await arm.send('GET', role)).body.properties.permissions[0].actions, ['*/read'])
})

test('of two who define a role at once the later one decides on what the earlier one made', async () => {
  await arm.send('PUT', role, body([two]))
  const answers = await Promise.all([
    arm.send('PUT', role, body([one, two])),
    arm.send('PUT', role, body([two], ['Microsoft.Compute/*'])),
  ])
  assert.deepEqual(answers.map(outcome).toSorted(), ['201 undefined', '409 Conflict'])
})

test('a custom role is seen by who has a right where it can be assigned, by nobody else of the tenant', async () => {
  await arm.send('PUT', role, body([two]))
  const stranger = { ...OWNER, objectId: id(60), clientId: id(60) }
  const roles = `/${AUTHORIZATION}/roleDefinitions`
  const seen = async () => {
    const { value } = (await arm.as(stranger).send('GET', roles, undefined, { $filter: 'atScopeAndBelow()' })).body
    const isListed = value.some(({ name }: { name: string }) => name === id(50))
    return [isListed, outcome(await arm.as(stranger).send('GET', `${roles}/${id(50)}`)), value.length > 1]
  }
  assert.deepEqual(await seen(), [false, '404 RoleDefinitionDoesNotExist', true])
  await arm.send('PUT', `${one}/${AUTHORIZATION}/roleAssignments/${id(61)}`, {
    properties: {
      roleDefinitionId: `${roles}/acdd72a7-3385-48ef-bd42-f606fba81ae7`,
      principalId: stranger.objectId,
    },
  })
  assert.deepEqual(await seen(), [true, '200 undefined', true])
})
