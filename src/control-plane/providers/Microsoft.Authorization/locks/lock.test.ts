import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SUBSCRIPTION, startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'

const S = `/subscriptions/${SUBSCRIPTION}`
const AUTHORIZATION = 'providers/Microsoft.Authorization'
const other = `${S}/resourceGroups/one/providers/Microsoft.Compute/galleries/a`
const reader = {
  properties: {
    roleDefinitionId: `${S}/${AUTHORIZATION}/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7`,
    principalId: '70000000-0000-4000-8000-000000000002',
  },
}

let arm: TestArm
before(async () => {
  arm = await startTestArm()
  await arm.complete('PUT', 'resourceGroups/one', { location: 'eastus' })
  await arm.complete('PUT', other, { location: 'eastus', properties: {} })
})
after(() => arm?.close())

const refusal = async (answer: ReturnType<TestArm['send']>): Promise<string> => {
  const { status, body } = await answer
  return `${status} ${body?.error?.code}`
}
const namesIn = (answer: { body: { value: { name: string }[] } }) => answer.body.value.map(({ name }) => name)

test('locks hold everybody, until they are removed', async () => {
  const group = `${S}/resourceGroups/locked`
  const galleries = `${group}/providers/Microsoft.Compute/galleries`
  await arm.complete('PUT', group, { location: 'eastus' })
  await arm.complete('PUT', `${galleries}/x`, { location: 'eastus', properties: {} })
  const lock = `${galleries}/x/${AUTHORIZATION}/locks/keep`
  const put = (level: string, path = lock) => arm.send('PUT', path, { properties: { level, notes: 'n' } })
  assert.equal(await refusal(put('NotSpecified')), '400 InvalidParameter')
  assert.equal(await refusal(put('ReadOnly', `/${AUTHORIZATION}/locks/l`)), '400 InvalidLockScope')
  assert.equal((await put('cannotdelete')).status, 201)
  assert.deepEqual((await arm.send('GET', lock)).body, {
    id: lock,
    name: 'keep',
    type: 'Microsoft.Authorization/locks',
    properties: { level: 'CanNotDelete', notes: 'n' },
  })
  const changed = { location: 'eastus', tags: { a: 'b' }, properties: {} }
  assert.equal((await arm.complete('PUT', `${galleries}/x`, changed)).status, 200)
  for (const path of [`${galleries}/x`, group]) {
    const { status, body } = await arm.send('DELETE', path)
    assert.deepEqual([status, body.error.code], [409, 'ScopeLocked'], path)
    assert.match(
      body.error.message,
      /cannot perform delete operation because following scope\(s\) are locked: '.*\/galleries\/x'/,
    )
  }
  assert.equal((await put('ReadOnly')).status, 200)
  assert.equal(await refusal(arm.send('PUT', `${galleries}/x`, changed)), '409 ScopeLocked')
  assert.equal(
    await refusal(arm.send('PUT', `${galleries}/x/providers/Microsoft.Resources/tags/default`, {})),
    '409 ScopeLocked',
  )
  assert.equal(
    await refusal(
      arm.send('PUT', `${galleries}/x/${AUTHORIZATION}/roleAssignments/70000000-0000-4000-8000-000000000060`, reader),
    ),
    '409 ScopeLocked',
  )
  assert.equal((await arm.send('GET', `${galleries}/x`)).status, 200)
  const list = async (scope: string, query = {}) =>
    namesIn(await arm.send('GET', `${scope}/${AUTHORIZATION}/locks`, undefined, query))
  assert.deepEqual([await list(S), await list(group), await list(other)], [['keep'], ['keep'], []])
  assert.deepEqual(await list(group, { $filter: 'atScope()' }), [])
  assert.equal((await arm.send('DELETE', lock)).status, 200)
  assert.equal((await arm.send('DELETE', lock)).status, 204)
  await arm.complete('DELETE', group)
})

test('a ReadOnly lock holds actions, and a machine’s disk goes on being its own', async () => {
  const account = `${S}/resourceGroups/one/providers/Microsoft.Storage/storageAccounts/held1`
  await arm.complete('PUT', account, {
    location: 'eastus',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
    properties: {},
  })
  const lock = `${S}/resourceGroups/one/${AUTHORIZATION}/locks/still`
  await arm.send('PUT', lock, { properties: { level: 'ReadOnly' } })
  assert.equal(await refusal(arm.send('POST', `${account}/listKeys`)), '409 ScopeLocked')
  await arm.send('DELETE', lock)
  assert.equal((await arm.send('POST', `${account}/listKeys`)).status, 200)
})
