import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Caller, GraphRow, Provider } from '#arm/resource-type.ts'
import { OWNER, SUBSCRIPTION, startTestArm, TENANT, type TestArm } from '../../../../test/support/test-arm.ts'

const PATH = '/providers/Microsoft.ResourceGraph/resources'
const OTHER_SUBSCRIPTION = '55555555-5555-4555-8555-555555555555'

/** Gives rows to a table of its own and to one of others, to whoever is no stranger. */
const things: Provider = {
  namespace: 'Test.Things',
  types: [],
  operations: [],
  graphTables: ['ThingResources', 'Resources'].map(name => ({
    name,
    async *rows({ request }) {
      const row: GraphRow = {
        id: '/things/1',
        name: 'one',
        type: 'Test.Things/Things',
        location: 'EastUS',
        properties: { n: 1 },
      }
      if (request.caller.objectId === OWNER.objectId) yield row
    },
  })),
}

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'], providers: [things] })
  await arm.send('PUT', 'resourceGroups/Alpha', { location: 'eastus', tags: { team: 'a' } })
  for (const [name, location] of [
    ['first', 'eastus'],
    ['second', 'westus2'],
    ['third', 'westus2'],
  ] as const)
    await arm.complete('PUT', `resourceGroups/Alpha/providers/Microsoft.Compute/galleries/${name}`, {
      location,
      tags: { name },
      properties: { description: `the ${name}` },
    })
})
after(() => arm.close())

const ask = (query: string, more: object = {}, version = '2022-10-01', caller: Caller = OWNER) =>
  arm.as(caller).send('POST', PATH, { query, ...more }, { 'api-version': version })

const GALLERIES = "Resources | where type == 'microsoft.compute/galleries'"

test('all that providers keep is there to be asked for, in Azure’s columns', async () => {
  const answer = await ask(`${GALLERIES} and name == 'first'`)
  assert.equal(answer.status, 200)
  const { data, ...page } = answer.body
  assert.deepEqual(page, { totalRecords: 1, count: 1, resultTruncated: 'false', facets: [] })
  const [{ properties, ...row }] = data
  assert.deepEqual(row, {
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/Alpha/providers/Microsoft.Compute/galleries/first`,
    name: 'first',
    type: 'microsoft.compute/galleries',
    tenantId: TENANT,
    kind: '',
    location: 'eastus',
    resourceGroup: 'alpha',
    subscriptionId: SUBSCRIPTION,
    managedBy: '',
    sku: null,
    plan: null,
    tags: { name: 'first' },
    identity: null,
    zones: null,
    extendedLocation: null,
  })
  assert.deepEqual([properties.description, properties.provisioningState], ['the first', 'Succeeded'])
})

test('a row shows what GET shows of the resource, and nothing that is hidden', async () => {
  for (const { id, properties } of (await ask(GALLERIES)).body.data)
    assert.deepEqual(properties, (await arm.send('GET', id)).body.properties)
})

test('subscriptions and groups are containers; names of tables count in any case', async () => {
  const answer = await ask('resourcecontainers | project name, type, resourceGroup, tags.team | order by type asc')
  assert.deepEqual(answer.body.data, [
    { name: 'Test', type: 'microsoft.resources/subscriptions', resourceGroup: '', tags_team: null },
    { name: 'Alpha', type: 'microsoft.resources/subscriptions/resourcegroups', resourceGroup: 'alpha', tags_team: 'a' },
  ])
})

test('providers give rows to tables of their own and of others', async () => {
  assert.deepEqual((await ask('thingresources | project name, type, location, properties.n')).body.data, [
    { name: 'one', type: 'test.things/things', location: 'eastus', properties_n: 1 },
  ])
  assert.equal((await ask("where type startswith 'test.' | count")).body.data[0].Count, 1)
})

test('who may read nothing is shown nothing; who asks for other people’s subscriptions is told so', async () => {
  const stranger: Caller = { ...OWNER, objectId: '66666666-6666-4666-8666-666666666666' }
  assert.deepEqual((await ask('Resources', {}, '2022-10-01', stranger)).body.data, [])
  assert.deepEqual((await ask('ResourceContainers', {}, '2022-10-01', stranger)).body.data, [])
  const foreign: Caller = { ...OWNER, tenantId: '77777777-7777-4777-8777-777777777777' }
  assert.deepEqual((await ask(GALLERIES, {}, '2022-10-01', foreign)).body.data, [])
  const refused = await ask(GALLERIES, { subscriptions: [SUBSCRIPTION] }, '2022-10-01', foreign)
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'AuthorizationFailed'])
  const some = await ask(GALLERIES, { subscriptions: [OTHER_SUBSCRIPTION, SUBSCRIPTION.toUpperCase()] })
  assert.equal(some.body.count, 3)
})

test('role assignments are seen by who may read them, and joined with the roles that all may see', async () => {
  const query = `AuthorizationResources | where type == 'microsoft.authorization/roleassignments' and properties.principalId == '${OWNER.objectId}'
    | extend role = tostring(properties.roleDefinitionId)
    | join kind=inner (authorizationresources | where type endswith '/roledefinitions' | project role = id, roleName = properties.roleName) on role
    | project roleName, properties.scope`
  assert.deepEqual((await ask(query)).body.data, [
    { roleName: 'Owner', properties_scope: `/subscriptions/${SUBSCRIPTION}` },
  ])
  const stranger: Caller = { ...OWNER, objectId: '66666666-6666-4666-8666-666666666666' }
  const kinds = await ask('AuthorizationResources | distinct type', {}, '2022-10-01', stranger)
  assert.deepEqual(kinds.body.data, [{ type: 'microsoft.authorization/roledefinitions' }])
})

test('older versions answer with tables', async () => {
  const query = `${GALLERIES} | summarize n = count(), avg(1.5), any(tags) by location, on = location == 'x' | top 1 by n`
  const { data } = (await ask(query, {}, '2019-04-01')).body
  assert.deepEqual(data.columns, [
    { name: 'location', type: 'string' },
    { name: 'on', type: 'boolean' },
    { name: 'n', type: 'integer' },
    { name: 'avg_', type: 'number' },
    { name: 'any_tags', type: 'object' },
  ])
  assert.deepEqual(data.rows, [['westus2', false, 2, 1.5, { name: 'second' }]])
  const asTable = (await ask(`${GALLERIES} | count`, { options: { resultFormat: 'table' } })).body.data
  assert.deepEqual(asTable, { columns: [{ name: 'Count', type: 'integer' }], rows: [[3]] })
})

test('pages follow each other by their token, where an id tells rows apart', async () => {
  const query = `${GALLERIES} | order by name asc | project id, name`
  const first = (await ask(query, { options: { $top: 2 } })).body
  assert.deepEqual([first.totalRecords, first.count, first.resultTruncated], [3, 2, 'false'])
  const next = (await ask(query, { options: { $top: 2, $skipToken: first.$skipToken } })).body
  assert.deepEqual([next.count, next.data[0].name, next.$skipToken], [1, 'third', undefined])
  assert.equal((await ask(query, { options: { $skip: 1, $top: 1 } })).body.data[0].name, 'second')
  const other = await ask(`${query} `, { options: { $skipToken: first.$skipToken } })
  assert.deepEqual([other.status, other.body.error.code], [400, 'BadRequest'])
  const nameless = (await ask(`${GALLERIES} | project name`, { options: { $top: 2 } })).body
  assert.deepEqual([nameless.resultTruncated, nameless.$skipToken], ['true', undefined])
  const taken = (await ask(`${query} | take 2`, { options: { $top: 1, $skip: 1 } })).body
  assert.deepEqual([taken.totalRecords, taken.data[0].name, taken.resultTruncated], [2, 'first', 'true'])
})

test('facets count the values of columns, and say what is wrong with themselves alone', async () => {
  const { facets } = (
    await ask(`${GALLERIES} | project id, name, location, properties.description`, {
      options: { $top: 1 },
      facets: [
        { expression: 'location', options: { sortOrder: 'desc', $top: 1 } },
        { expression: 'properties.description', options: { filter: "name startswith 'f'" } },
        { expression: 'nowhere' },
        { expression: 'name', options: { filter: 'what is this' } },
      ],
    })
  ).body
  assert.deepEqual(facets[0], {
    expression: 'location',
    resultType: 'FacetResult',
    totalRecords: 2,
    count: 1,
    data: [{ location: 'westus2', count: 2 }],
  })
  assert.deepEqual(facets[1].data, [{ properties_description: 'the first', count: 1 }])
  assert.deepEqual(facets[2], {
    expression: 'nowhere',
    resultType: 'FacetError',
    errors: [
      { code: 'NoValidColumns', message: 'No valid columns in facet expression.' },
      { code: 'InvalidColumnNames', message: 'Invalid column names: [nowhere].' },
    ],
  })
  assert.deepEqual([facets[3].resultType, facets[3].errors[0].code], ['FacetError', 'ParserFailure'])
})

test('a query that can not be read says where, as Azure does', async () => {
  const answer = await ask("Resources\n| where name == 'x' |")
  assert.deepEqual([answer.status, answer.body.error.code], [400, 'BadRequest'])
  const [general, failure] = answer.body.error.details
  assert.equal(general.code, 'InvalidQuery')
  const { message, ...rest } = failure
  assert.match(message, /line 2, character 21/)
  assert.deepEqual(rest, {
    code: 'ParserFailure',
    line: 2,
    characterPositionInLine: 21,
    token: '<EOF>',
    expectedToken: 'an operator',
  })
  const unknown = await ask('Resources | project nme')
  assert.equal(unknown.body.error.details[1].code, 'InvalidColumnNames')
})

test('what is not there is refused', async () => {
  for (const more of [{ managementGroups: ['mg'] }, { options: { authorizationScopeFilter: 'AtScopeExact' } }]) {
    const answer = await ask(GALLERIES, more)
    assert.deepEqual([answer.status, answer.body.error.code], [400, 'OperationNotSupported'])
  }
  for (const path of ['resourceChanges', 'resourcesHistory']) {
    const answer = await arm.send('POST', `/providers/Microsoft.ResourceGraph/${path}`, { query: GALLERIES })
    assert.deepEqual([answer.status, answer.body.error.code], [404, 'InvalidResourceType'], path)
  }
  const saved = await arm.send('PUT', 'resourceGroups/Alpha/providers/Microsoft.ResourceGraph/queries/q', {
    location: 'global',
    properties: { query: GALLERIES },
  })
  assert.deepEqual([saved.status, saved.body.error.code], [404, 'InvalidResourceType'])
  assert.equal((await ask('')).status, 400)
  assert.equal((await ask(GALLERIES, { options: { $top: 1001 } })).status, 400)
})
