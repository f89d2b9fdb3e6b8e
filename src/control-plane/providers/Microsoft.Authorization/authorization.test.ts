import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { PrincipalType } from '#access/access-record.ts'
import type { Caller } from '#arm/resource-type.ts'
import type { Json } from '#resources/resource-document.ts'
import { OWNER, SUBSCRIPTION, startTestArm, TENANT, type TestArm } from '../../../../test/support/test-arm.ts'

const id = (number: number) => `70000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const ROLES = {
  Owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  Contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  Publisher: '85a2d0d9-2eba-4c9c-b355-11c2cc0788ab',
  Sharer: '1ef6a3be-d0ac-425d-8c01-acb62866290b',
}
const FOREIGN_TENANT = id(900)
const FOREIGN_SUBSCRIPTION = id(901)
const principals = new Map<string, { tenantId: string; type: PrincipalType }>([
  [id(1), { tenantId: TENANT, type: 'User' }],
  [id(2), { tenantId: TENANT, type: 'ServicePrincipal' }],
  [id(3), { tenantId: TENANT, type: 'Group' }],
  [id(4), { tenantId: FOREIGN_TENANT, type: 'User' }],
])
const S = `/subscriptions/${SUBSCRIPTION}`
const AUTHORIZATION = 'providers/Microsoft.Authorization'

let arm: TestArm
let count = 100
before(async () => {
  arm = await startTestArm({
    findPrincipal: async objectId => principals.get(objectId),
    groupsOf: objectId => (objectId === id(1) ? [id(3)] : []),
  })
  const own = await arm.arm.resources.find(S)
  assert.ok(own)
  const foreign = {
    ...own,
    id: `/subscriptions/${FOREIGN_SUBSCRIPTION}`,
    key: `/subscriptions/${FOREIGN_SUBSCRIPTION}`,
    name: FOREIGN_SUBSCRIPTION,
    subscriptionId: FOREIGN_SUBSCRIPTION,
    properties: { ...own.properties, tenantId: FOREIGN_TENANT },
  }
  await arm.arm.transact(transaction => arm.arm.resources.insert(transaction, foreign))
  for (const group of ['one', 'two']) {
    await arm.complete('PUT', `resourceGroups/${group}`, { location: 'eastus' })
    for (const gallery of group === 'one' ? ['a', 'b', 'c', 'd'] : ['e', 'f', 'g', 'h'])
      await arm.complete('PUT', galleryOf(group, gallery), { location: 'eastus', properties: {} })
  }
})
after(() => arm?.close())

const galleryOf = (group: string, gallery: string) =>
  `${S}/resourceGroups/${group}/providers/Microsoft.Compute/galleries/${gallery}`
const as = (number: number): Pick<TestArm, 'send' | 'complete'> => arm.as(callerOf(number))
const callerOf = (number: number): Caller => ({ ...OWNER, objectId: id(number), clientId: id(number) })
const wish = (role: keyof typeof ROLES | string, principal: number, more: Record<string, Json> = {}) => ({
  properties: {
    roleDefinitionId: `${S}/${AUTHORIZATION}/roleDefinitions/${ROLES[role as keyof typeof ROLES] ?? role}`,
    principalId: id(principal),
    ...more,
  },
})
/** Gives a role and returns where the assignment is. */
const give = async (role: keyof typeof ROLES, principal: number, scope: string): Promise<string> => {
  const path = `${scope}/${AUTHORIZATION}/roleAssignments/${id(count++)}`
  const made = await arm.send('PUT', path, wish(role, principal))
  assert.equal(made.status, 201, JSON.stringify(made.body))
  return path
}
const refusal = async (answer: ReturnType<TestArm['send']>): Promise<string> => {
  const { status, body } = await answer
  return `${status} ${body?.error?.code}`
}
const namesIn = (answer: { body: { value: { name: string }[] } }) => answer.body.value.map(({ name }) => name)

test('an assignment is what Azure makes of it', async () => {
  const path = `${galleryOf('one', 'a')}/${AUTHORIZATION}/roleAssignments/${id(10)}`
  const body = wish('Reader', 1, { principalType: 'user', description: 'looks' })
  const made = await arm.send('PUT', path, body)
  assert.deepEqual([made.status, made.body.id, made.body.name], [201, path, id(10)])
  const { createdOn, updatedOn, ...properties } = made.body.properties
  assert.deepEqual(properties, {
    roleDefinitionId: `${S}/${AUTHORIZATION}/roleDefinitions/${ROLES.Reader}`,
    principalId: id(1),
    principalType: 'User',
    scope: galleryOf('one', 'a'),
    description: 'looks',
    condition: null,
    conditionVersion: null,
    createdBy: OWNER.objectId,
    updatedBy: OWNER.objectId,
    delegatedManagedIdentityResourceId: null,
  })
  assert.equal(createdOn, updatedOn)
  assert.equal((await arm.send('PUT', path, body)).status, 200)
  assert.deepEqual((await arm.send('GET', path)).body, (await arm.send('GET', path.toUpperCase())).body)
  assert.equal(await refusal(arm.send('GET', path.replace('galleries/a', 'galleries/b'))), '404 RoleAssignmentNotFound')
  assert.equal((await arm.send('DELETE', path.replace('galleries/a', 'galleries/b'))).status, 204)
  const gone = await arm.send('DELETE', path)
  assert.deepEqual([gone.status, gone.body.name], [200, id(10)])
  assert.equal((await arm.send('DELETE', path)).status, 204)
})

test('what says nothing, or what is not so, is refused', async () => {
  const at = (name: string, scope = S) => `${scope}/${AUTHORIZATION}/roleAssignments/${name}`
  const put = (body: Json, path = at(id(20))) => refusal(arm.send('PUT', path, body))
  assert.equal(await put(wish('Reader', 1), at('reader')), '400 InvalidRoleAssignmentId')
  assert.equal(await put(wish(id(99), 1)), '404 RoleDefinitionDoesNotExist')
  assert.equal(await put(wish('Reader', 98)), '400 PrincipalNotFound')
  assert.equal(await put(wish('Reader', 4)), '400 PrincipalNotFound')
  assert.equal(await put(wish('Reader', 1, { principalType: 'Group' })), '400 UnmatchedPrincipalType')
  assert.equal(await put(wish('Reader', 1, { principalType: 'ForeignGroup' })), '400 PrincipalTypeNotSupported')
  assert.equal(
    await put(wish('Reader', 1, { condition: 'true', conditionVersion: '2.0' })),
    '400 OperationNotSupported',
  )
  assert.equal(await put(wish('Reader', 1, { delegatedManagedIdentityResourceId: S })), '400 OperationNotSupported')
  assert.equal(await put(wish('Reader', 1), at(id(20), `${S}/resourceGroups/none`)), '404 ResourceGroupNotFound')
  assert.equal(await put(wish('Reader', 1), at(id(20), galleryOf('one', 'none'))), '404 ResourceNotFound')
  const path = await give('Reader', 2, S)
  assert.equal(await put(wish('Reader', 2)), '409 RoleAssignmentExists')
  assert.equal(await put(wish('Reader', 1), path), '409 RoleAssignmentUpdateNotPermitted')
  assert.equal(
    await put(wish('Reader', 2), path.replace(S, galleryOf('one', 'a'))),
    '409 RoleAssignmentUpdateNotPermitted',
  )
  await arm.send('DELETE', path)
})

test('lists look up and down, and through groups', async () => {
  const paths = [await give('Reader', 3, S), await give('Publisher', 2, galleryOf('two', 'e'))]
  const list = async (scope: string, filter?: string) => {
    const query = filter === undefined ? {} : { $filter: filter }
    const { body } = await arm.send('GET', `${scope}/${AUTHORIZATION}/roleAssignments`, undefined, query)
    return body.value.map((one: { properties: { principalId: string } }) => one.properties.principalId).toSorted()
  }
  const owner = OWNER.objectId
  assert.deepEqual(await list(S), [owner, owner, id(2), id(3)])
  assert.deepEqual(await list(S, 'atScope()'), [owner, owner, id(3)])
  assert.deepEqual(await list(`${S}/resourceGroups/one`), [owner, owner, id(3)])
  assert.deepEqual(await list(`${S}/resourceGroups/two`), [owner, owner, id(2), id(3)])
  assert.deepEqual(await list(S, `principalId eq '${id(2)}'`), [id(2)])
  assert.deepEqual(await list(S, `principalId eq '${id(1)}'`), [])
  assert.deepEqual(await list(S, `assignedTo('${id(1)}')`), [id(3)])
  assert.deepEqual(await list(S, `atScope() and assignedTo('${id(2)}')`), [])
  assert.deepEqual(await list('', 'atScope()'), [owner])
  assert.equal(
    await refusal(arm.send('GET', `${S}/${AUTHORIZATION}/roleAssignments`, undefined, { $filter: 'x' })),
    '400 InvalidFilterInQueryString',
  )
  for (const path of paths) await arm.send('DELETE', path)
})

test('lists show what may be read, in whole pages', async () => {
  const paths = [
    await give('Reader', 2, galleryOf('one', 'b')),
    await give('Reader', 2, galleryOf('one', 'd')),
    await give('Reader', 2, `${S}/resourceGroups/two`),
  ]
  const reader = as(2)
  const galleries = (scope: string, query = {}) =>
    reader.send('GET', `${scope}/providers/Microsoft.Compute/galleries`, undefined, query)
  assert.deepEqual(namesIn(await galleries(S)), ['b', 'd', 'e', 'f', 'g', 'h'])
  assert.deepEqual(namesIn(await galleries(`${S}/resourceGroups/one`)), ['b', 'd'])
  assert.deepEqual(namesIn(await reader.send('GET', `${S}/resourcegroups`)), ['two'])
  assert.deepEqual(namesIn(await reader.send('GET', `${S}/resources`)), ['b', 'd', 'e', 'f', 'g', 'h'])
  assert.deepEqual((await reader.send('GET', '/subscriptions')).body.value.length, 1)
  const seen: string[] = []
  let query: Record<string, string> | undefined = { $top: '4' }
  for (let pages = 0; query && pages < 3; pages++) {
    const page = await galleries(S, query)
    assert.equal(page.body.value.length, pages === 0 ? 4 : 2)
    seen.push(...namesIn(page))
    query = page.body.nextLink && Object.fromEntries(new URL(page.body.nextLink).searchParams)
  }
  assert.deepEqual(seen, ['b', 'd', 'e', 'f', 'g', 'h'])
  for (const path of paths) await arm.send('DELETE', path)
  assert.equal(await refusal(galleries(S)), '403 AuthorizationFailed')
  assert.deepEqual((await reader.send('GET', '/subscriptions')).body.value, [])
})

test('what hangs on a resource goes with it: a later one of the name is nobody’s', async () => {
  const path = galleryOf('one', 'passing')
  await arm.complete('PUT', path, { location: 'eastus', properties: {} })
  await give('Reader', 2, path)
  assert.equal((await as(2).send('GET', path)).status, 200)
  await arm.complete('DELETE', path)
  await arm.complete('PUT', path, { location: 'eastus', properties: {} })
  assert.equal(await refusal(as(2).send('GET', path)), '403 AuthorizationFailed')
  await arm.complete('DELETE', path)
})

test('a subnet can have roles of its own, as long as it is there', async () => {
  const network = `${S}/resourceGroups/one/providers/Microsoft.Network/virtualNetworks/net`
  const body = (...names: string[]) => ({
    location: 'eastus',
    properties: {
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      subnets: names.map((name, index) => ({ name, properties: { addressPrefix: `10.0.${index}.0/24` } })),
    },
  })
  await arm.complete('PUT', network, body('x', 'y'))
  for (const subnet of ['x', 'y']) await give('Reader', 2, `${network}/subnets/${subnet}`)
  assert.equal((await as(2).send('GET', `${network}/subnets/x`)).status, 200)
  await arm.complete('PUT', network, body('x'))
  await arm.complete('DELETE', `${network}/subnets/x`)
  await arm.complete('PUT', network, body('x', 'y'))
  for (const subnet of ['x', 'y'])
    assert.equal(await refusal(as(2).send('GET', `${network}/subnets/${subnet}`)), '403 AuthorizationFailed', subnet)
})

test('somebody is left who can give roles', async () => {
  const { value } = (await arm.send('GET', `${S}/${AUTHORIZATION}/roleAssignments`)).body
  const owners = value.map((one: { id: string }) => one.id) as string[]
  const root = owners.find(path => path.startsWith('/providers')) ?? assert.fail()
  const own = owners.find(path => path.startsWith(S)) ?? assert.fail()
  assert.equal(await refusal(arm.send('DELETE', root)), '400 CannotDeleteLastRbacAdminAssignment')
  assert.equal((await arm.send('DELETE', own)).status, 200)
  assert.equal((await arm.send('PUT', own, wish('Owner', 2))).status, 201)
  assert.equal((await arm.send('DELETE', own)).status, 200)
  principals.set(OWNER.objectId, { tenantId: TENANT, type: 'ServicePrincipal' })
  const back = wish('Owner', 2)
  assert.equal(
    (await arm.send('PUT', own, { properties: { ...back.properties, principalId: OWNER.objectId } })).status,
    201,
  )
})

test('custom roles are for where their maker may make them', async () => {
  const name = id(50)
  const one = `${S}/resourceGroups/one`
  const body = (scopes: string[], more: Record<string, Json> = {}) => ({
    properties: { roleName: 'Tender', permissions: [{ actions: ['*/read'] }], assignableScopes: scopes, ...more },
  })
  const path = `${one}/${AUTHORIZATION}/roleDefinitions/${name}`
  const put = (given: Json, at = path) => refusal(arm.send('PUT', at, given))
  assert.equal(await put(body([])), '400 InvalidParameter')
  assert.equal(await put(body(['/'])), '400 InvalidAssignableScope')
  assert.equal(await put(body([galleryOf('one', 'a')])), '400 InvalidAssignableScope')
  assert.equal(await put(body([`${S}/resourceGroups/none`])), '400 InvalidAssignableScope')
  assert.equal(await put(body([one], { permissions: [{ actions: ['all of it'] }] })), '400 InvalidActionOrNotAction')
  assert.equal(await put(body([one], { permissions: [] })), '400 InvalidRoleDefinitionPermissions')
  assert.equal(await put(body([one], { roleName: 'reader' })), '409 RoleDefinitionWithSameNameExists')
  assert.equal(await put(body([one]), path.replace(name, ROLES.Reader)), '403 RoleDefinitionIsBuiltIn')
  assert.equal((await arm.send('PUT', path, body([one]))).status, 201)
  assert.equal(await put(body([one]), path.replace(name, id(51))), '409 RoleDefinitionWithSameNameExists')

  const roles = async (scope: string, $filter: string) =>
    namesIn(await arm.send('GET', `${scope}/${AUTHORIZATION}/roleDefinitions`, undefined, { $filter }))
  assert.deepEqual(await roles(one, "type eq 'CustomRole'"), [name])
  assert.deepEqual(await roles(S, "type eq 'CustomRole'"), [])
  assert.deepEqual(await roles(S, "atScopeAndBelow() and type eq 'CustomRole'"), [name])
  assert.deepEqual(await roles(S, "roleName eq 'Reader'"), [ROLES.Reader])

  assert.equal(
    await put(wish(name, 2), `${S}/${AUTHORIZATION}/roleAssignments/${id(52)}`),
    '400 RoleAssignmentScopeNotAssignableToRoleDefinition',
  )
  assert.equal(
    await refusal(arm.send('PUT', `${one}/${AUTHORIZATION}/roleAssignments/${id(52)}`, wish(name, 2))),
    '201 undefined',
  )
  assert.equal((await as(2).send('GET', galleryOf('one', 'a'))).status, 200)

  // Who may define roles in one group can not make a role of another one say something else.
  const owner = await give('Owner', 1, `${S}/resourceGroups/two`)
  const two = `${S}/resourceGroups/two`
  const stolen = path.replace(one, two)
  const taken = body([two], { permissions: [{ actions: ['*'] }] })
  assert.equal(await refusal(as(1).send('PUT', stolen, taken)), '403 LinkedAuthorizationFailed')
  assert.equal(
    await refusal(as(1).send('PUT', stolen.replace(name, id(53)), body([two, S], { roleName: 'More' }))),
    '403 LinkedAuthorizationFailed',
  )
  assert.equal((await as(1).send('DELETE', stolen)).status, 204)
  await arm.send('DELETE', owner)

  assert.equal((await arm.send('PUT', path, body([one], { permissions: [{ actions: ['A/*'] }] }))).status, 201)
  assert.equal(await refusal(as(2).send('GET', galleryOf('one', 'a'))), '403 AuthorizationFailed')
  assert.equal(await refusal(arm.send('DELETE', path)), '409 RoleDefinitionHasAssignments')
  await arm.send('DELETE', `${one}/${AUTHORIZATION}/roleAssignments/${id(52)}`)
  assert.equal((await arm.send('DELETE', path)).status, 200)
})

test('permissions tell what the caller has', async () => {
  const path = await give('Reader', 2, `${S}/resourceGroups/one`)
  const { body } = await as(2).send('GET', `${galleryOf('one', 'a')}/${AUTHORIZATION}/permissions`)
  assert.deepEqual(body.value, [{ actions: ['*/read'], notActions: [], dataActions: [], notDataActions: [] }])
  await arm.send('DELETE', path)
})

test('another tenant’s subscription is closed, whoever owns what', async () => {
  const foreign = `/subscriptions/${FOREIGN_SUBSCRIPTION}`
  assert.equal(await refusal(arm.send('GET', foreign)), '401 InvalidAuthenticationTokenTenant')
  assert.equal(await refusal(arm.send('GET', `${foreign}/resourcegroups`)), '401 InvalidAuthenticationTokenTenant')
  assert.equal(await refusal(arm.send('GET', `/subscriptions/${id(77)}`)), '404 SubscriptionNotFound')
  const sourceResourceId = `${foreign}/resourceGroups/g/providers/Microsoft.Compute/disks/d`
  const disk = { location: 'eastus', properties: { creationData: { createOption: 'Copy', sourceResourceId } } }
  const answer = await arm.send('PUT', `${S}/resourceGroups/one/providers/Microsoft.Compute/disks/d`, disk)
  assert.match(
    `${answer.body.error.code}: ${answer.body.error.message}`,
    new RegExp(
      `^LinkedAuthorizationFailed: .*the current tenant '${TENANT}' is not authorized to access linked subscription '${FOREIGN_SUBSCRIPTION}'`,
    ),
  )
})

test('a deployment makes what its caller may make, and no more', async () => {
  const path = await give('Reader', 2, `${S}/resourceGroups/one`)
  const deployer = `${S}/resourceGroups/two/${AUTHORIZATION}/roleAssignments/${id(61)}`
  await arm.send('PUT', deployer, wish('Contributor', 2))
  const template = {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources: [
      {
        type: 'Microsoft.Authorization/roleAssignments',
        apiVersion: '2022-04-01',
        name: id(62),
        properties: wish('Owner', 2).properties,
      },
    ],
  }
  const deployment = `${S}/resourceGroups/two/providers/Microsoft.Resources/deployments/d`
  const answer = await as(2).complete('PUT', deployment, { properties: { mode: 'Incremental', template } })
  assert.match(JSON.stringify(answer.body), /AuthorizationFailed.*Microsoft\.Authorization\/roleAssignments\/write/)
  const made = await arm.complete('PUT', `${deployment}2`, { properties: { mode: 'Incremental', template } })
  assert.equal(made.body.properties?.provisioningState, 'Succeeded', JSON.stringify(made.body))
  assert.equal(
    (await as(2).send('GET', `${S}/resourceGroups/two/${AUTHORIZATION}/roleAssignments/${id(62)}`)).status,
    200,
  )
  for (const one of [path, deployer, `${S}/resourceGroups/two/${AUTHORIZATION}/roleAssignments/${id(62)}`])
    await arm.send('DELETE', one)
})

test('a contributor shares nothing, and who shares does no more', async () => {
  const gallery = galleryOf('one', 'shared')
  const properties = { sharingProfile: { permissions: 'Groups' } }
  await arm.complete('PUT', gallery, { location: 'eastus', properties })
  const share = { operationType: 'Add', groups: [{ type: 'Subscriptions', ids: [id(903)] }] }
  const contributor = await give('Contributor', 1, gallery)
  assert.equal((await as(1).complete('PUT', gallery, { location: 'eastus', tags: { a: 'b' }, properties })).status, 200)
  assert.equal(await refusal(as(1).send('POST', `${gallery}/share`, share)), '403 AuthorizationFailed')
  const sharer = await give('Sharer', 2, gallery)
  const shared = await as(2).complete('POST', `${gallery}/share`, share)
  assert.ok(shared.status < 300, JSON.stringify(shared.body))
  for (const method of ['GET', 'PUT', 'DELETE'] as const)
    assert.equal(await refusal(as(2).send(method, gallery, {})), '403 AuthorizationFailed', method)
  await arm.complete('POST', `${gallery}/share`, { operationType: 'Reset' })
  for (const path of [contributor, sharer]) await arm.send('DELETE', path)
  await arm.complete('DELETE', gallery)
})

test('who began an operation may see it end, whoever else may not', async () => {
  const name = id(70)
  const role = {
    roleName: 'Maker',
    permissions: [{ actions: ['Microsoft.Compute/disks/write'] }],
    assignableScopes: [S],
  }
  await arm.send('PUT', `${S}/${AUTHORIZATION}/roleDefinitions/${name}`, { properties: role })
  const path = `${S}/resourceGroups/one/${AUTHORIZATION}/roleAssignments/${id(71)}`
  await arm.send('PUT', path, wish(name, 2))
  const disk = { location: 'eastus', properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 } }
  const begun = await as(2).send('PUT', `${S}/resourceGroups/one/providers/Microsoft.Compute/disks/made`, disk)
  const poll = new URL(begun.headers['azure-asyncoperation'] ?? assert.fail(JSON.stringify(begun.body))).pathname
  assert.equal((await as(2).send('GET', poll)).status, 200)
  assert.equal(await refusal(as(1).send('GET', poll)), '403 AuthorizationFailed')
  await arm.send('DELETE', path)
})
