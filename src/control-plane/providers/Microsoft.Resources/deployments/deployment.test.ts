import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { securityRule } from '../../../../../test/support/security-rule.ts'
import { OWNER, SUBSCRIPTION, startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'

const DEPLOYMENT = 'resourceGroups/rg/providers/Microsoft.Resources/deployments/first'

const inGroup = async (t: TestContext): Promise<TestArm> => {
  const world = await startTestArm()
  t.after(() => world.close())
  await world.send('PUT', 'resourceGroups/rg', { location: 'eastus' })
  return world
}

const gallery = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Microsoft.Compute/galleries',
  apiVersion: '2024-03-03',
  name,
  location: '[resourceGroup().location]',
  ...more,
})

const image = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Microsoft.Compute/galleries/images',
  apiVersion: '2024-03-03',
  name,
  location: 'eastus',
  properties: {
    osType: 'Linux',
    osState: 'Generalized',
    identifier: { publisher: 'p', offer: 'o', sku: "[last(split(variables('name'), '/'))]" },
  },
  ...more,
})

const wish = (template: JsonObject, parameters: JsonObject = {}, mode = 'Incremental') => ({
  properties: { mode, parameters, template: { $schema: 'x', contentVersion: '1.0.0.0', ...template } },
})

test('a template makes what it has, in order, and tells its outputs', async t => {
  const world = await inGroup(t)
  const template = {
    parameters: { gallery: { type: 'string' }, note: { type: 'securestring', defaultValue: 'hush hush' } },
    variables: { name: "[format('{0}/linux', parameters('gallery'))]" },
    resources: [
      image("[variables('name')]", {
        dependsOn: ["[resourceId('Microsoft.Compute/galleries', parameters('gallery'))]"],
      }),
      gallery("[parameters('gallery')]"),
    ],
    outputs: {
      state: { type: 'string', value: "[reference(parameters('gallery')).provisioningState]" },
      id: { type: 'string', value: "[resourceId('Microsoft.Compute/galleries', parameters('gallery'))]" },
      secret: { type: 'securestring', value: "[parameters('note')]" },
    },
  }
  const answer = await world.send('PUT', DEPLOYMENT, wish(template, { gallery: { value: 'mine' } }))
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  assert.equal(answer.body.properties.provisioningState, 'Accepted')
  assert.match(answer.headers['azure-asyncoperation'] ?? '', /deployments\/first\/operationStatuses\//)
  const { properties } = (await settled(world)).body
  assert.equal(properties.provisioningState, 'Succeeded', JSON.stringify(properties))
  assert.deepEqual(properties.parameters, {
    gallery: { type: 'String', value: 'mine' },
    note: { type: 'SecureString' },
  })
  assert.deepEqual(properties.outputs.state, { type: 'String', value: 'Succeeded' })
  assert.deepEqual(properties.outputs.secret, { type: 'SecureString' })
  assert.equal(properties.outputResources.length, 2)
  assert.equal(properties.dependencies[0].resourceName, 'mine/linux')
  assert.equal(
    (await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Compute/galleries/mine/images/linux')).status,
    200,
  )
  const operations = await world.send('GET', 'resourcegroups/rg/deployments/first/operations')
  assert.deepEqual(
    operations.body.value.map(
      ({ properties: of }: { properties: { provisioningOperation: string } }) => of.provisioningOperation,
    ),
    ['Create', 'Create', 'EvaluateDeploymentOutput'],
  )
})

const settled = async (world: TestArm) => {
  await world.arm.settled(`/subscriptions/${SUBSCRIPTION}/${DEPLOYMENT}`.toLowerCase())
  return world.send('GET', DEPLOYMENT)
}

test('what fails ends the deployment, with the refusal of the resource among its details', async t => {
  const world = await inGroup(t)
  const template = {
    parameters: { word: { type: 'secureString' } },
    resources: [
      gallery('good'),
      gallery('bad', { properties: { description: 7, word: "[parameters('word')]" } }),
      gallery('never', { dependsOn: ['bad'] }),
    ],
  }
  const failed = await world.complete('PUT', DEPLOYMENT, wish(template, { word: { value: 'hush-hush' } }))
  assert.equal(failed.body.error.code, 'DeploymentFailed')
  assert.equal(failed.body.error.details[0].code, 'BadRequest')
  const shown = await world.send('GET', DEPLOYMENT)
  assert.equal(shown.body.properties.provisioningState, 'Failed')
  assert.deepEqual(shown.body.properties.error, failed.body.error)
  const operations = await world.send('GET', `${DEPLOYMENT}/operations`)
  const states = operations.body.value.map(
    (one: { properties: { targetResource: { resourceName: string }; provisioningState: string } }) => [
      one.properties.targetResource.resourceName,
      one.properties.provisioningState,
    ],
  )
  assert.deepEqual(states, [
    ['good', 'Succeeded'],
    ['bad', 'Failed'],
  ])
  assert.ok(!JSON.stringify([failed.body, shown.body, operations.body]).includes('hush-hush'))
})

test('a template that is wrong is refused before anything is made', async t => {
  const world = await inGroup(t)
  const refusals: [JsonObject, RegExp][] = [
    [
      { resources: [gallery('a', { dependsOn: ['b'] }), gallery('b', { dependsOn: ['a'] })] },
      /Circular dependency detected/,
    ],
    [{ resources: [gallery('a', { dependsOn: ['gone'] })] }, /The resource 'gone' is not defined in the template/],
    [{ resources: [gallery("[parameters('x')]")] }, /The template parameter 'x' is not found/],
    [{ parameters: { x: { type: 'int' } }, resources: [] }, /The value for the template parameter 'x' is not provided/],
    [{ resources: [gallery('a/b')] }, /has incorrect segment lengths/],
    [{ resources: [gallery('[utcNow()]')] }, /'utcNow' is not expected at this location/],
  ]
  for (const [template, message] of refusals) {
    const answer = await world.send('PUT', DEPLOYMENT, wish(template))
    assert.equal(answer.status, 400)
    assert.equal(answer.body.error.code, 'InvalidTemplate', JSON.stringify(answer.body))
    assert.match(answer.body.error.message, message)
    const validated = await world.send('POST', `${DEPLOYMENT}/validate`, wish(template))
    assert.deepEqual(validated.body, answer.body)
  }
  const unknown = await world.send(
    'PUT',
    DEPLOYMENT,
    wish({ resources: [{ ...gallery('a'), type: 'Microsoft.Web/sites' }] }),
  )
  assert.equal(unknown.body.error.code, 'InvalidTemplateDeployment')
  assert.equal(unknown.body.error.details[0].code, 'InvalidResourceNamespace')
  assert.equal((await world.send('GET', DEPLOYMENT)).status, 404)
})

test('mode Complete deletes what the template has not, and what-if says so before', async t => {
  const world = await inGroup(t)
  const both = wish({ resources: [gallery('kept', { tags: { a: 'b' } }), gallery('old')] })
  assert.equal((await world.complete('PUT', DEPLOYMENT, both)).body.properties.provisioningState, 'Succeeded')
  const template = { resources: [gallery('kept', { tags: { a: 'c' } }), gallery('fresh')] }
  const asked = await world.send('POST', `${DEPLOYMENT}/whatIf`, wish(template, {}, 'Complete'))
  assert.equal(asked.status, 200, JSON.stringify(asked.body))
  const changes = Object.fromEntries(
    asked.body.properties.changes.map((change: { resourceId: string }) => [
      change.resourceId.split('/').at(-1),
      change,
    ]),
  )
  assert.equal(changes.kept.changeType, 'Modify')
  assert.deepEqual(changes.kept.delta, [{ path: 'tags.a', propertyChangeType: 'Modify', before: 'b', after: 'c' }])
  assert.equal(changes.fresh.changeType, 'Create')
  assert.equal(changes.old.changeType, 'Delete')
  assert.equal((await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Compute/galleries/fresh')).status, 404)
  const done = await world.complete('PUT', DEPLOYMENT, wish(template, {}, 'Complete'))
  assert.equal(done.body.properties.provisioningState, 'Succeeded', JSON.stringify(done.body))
  const { body } = await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Compute/galleries')
  assert.deepEqual(
    body.value.map(({ name }: { name: string }) => name),
    ['fresh', 'kept'],
  )
  const again = await world.send(
    'POST',
    `${DEPLOYMENT}/whatIf`,
    wish({ resources: [gallery('kept', { tags: { a: 'c' } })] }),
  )
  assert.deepEqual(
    again.body.properties.changes.map(({ changeType }: { changeType: string }) => changeType),
    ['NoChange', 'Ignore'],
  )
})

test('what-if tells nothing of places where the caller may not ask it', async t => {
  const world = await inGroup(t)
  await world.send('PUT', 'resourceGroups/theirs', { location: 'westus2', tags: { plan: 'confidential' } })
  await world.complete('PUT', 'resourceGroups/theirs/providers/Microsoft.Compute/galleries/known', {
    location: 'eastus',
  })
  const guest = { ...OWNER, objectId: '55555555-5555-4555-8555-555555555555' }
  const own = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
  await world.arm.transact(transaction =>
    world.access.seedOwner(transaction, { ...guest, principalType: 'ServicePrincipal' }, own),
  )
  const nested = {
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name: 'inside',
    resourceGroup: 'theirs',
    properties: {
      ...wish({ resources: [gallery('fresh', { tags: '[resourceGroup().tags]' })] }).properties,
      expressionEvaluationOptions: { scope: 'inner' },
    },
  }
  const known = gallery('known', { resourceGroup: 'theirs' })
  for (const resultFormat of ['FullResourcePayloads', 'ResourceIdOnly']) {
    const { properties } = wish({ resources: [nested, known] })
    const asked = { properties: { ...properties, validationLevel: 'ProviderNoRbac', whatIfSettings: { resultFormat } } }
    const answer = await world.as(guest).send('POST', `${DEPLOYMENT}/whatIf`, asked)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const told = answer.body.properties.changes.map((change: { changeType: string; unsupportedReason: string }) => [
      change.changeType,
      /does not have authorization/.test(change.unsupportedReason),
    ])
    assert.deepEqual(told, [
      ['Unsupported', true],
      ['Unsupported', true],
    ])
    assert.ok(!JSON.stringify(answer.body).includes('confidential'))
  }
})

test('whether a group is there is told to nobody who may not read it', async t => {
  const world = await inGroup(t)
  await world.send('PUT', 'resourceGroups/theirs', { location: 'westus2' })
  const guest = { ...OWNER, objectId: '55555555-5555-4555-8555-555555555555' }
  const own = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
  await world.arm.transact(transaction =>
    world.access.seedOwner(transaction, { ...guest, principalType: 'ServicePrincipal' }, own),
  )
  const told = async (resourceGroup: string, validationLevel: string, verb: string) => {
    const { properties } = wish({ resources: [gallery('fresh', { resourceGroup })] })
    const asked = { properties: { ...properties, validationLevel } }
    const { status, body } = await world.as(guest).send('POST', `${DEPLOYMENT}/${verb}`, asked)
    return JSON.stringify([status, body])
      .replaceAll(resourceGroup, 'G')
      .replaceAll(/[0-9a-f]{8}-[-0-9a-f]{27}|(?<="templateHash":)"\d+"/g, 'U')
  }
  for (const verb of ['validate', 'whatIf'])
    for (const level of ['Provider', 'ProviderNoRbac'])
      assert.equal(await told('missing', level, verb), await told('theirs', level, verb), `${verb} ${level}`)
  assert.match(await told('missing', 'Provider', 'validate'), /AuthorizationFailed/)
})

test('what-if spends no more on all nested deployments together than on one', async t => {
  const world = await inGroup(t)
  const dear = "[length(map(range(0, 900), lambda('i', length(padLeft('a', 131072)))))]"
  const nested = {
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name: "[concat('nested', copyIndex())]",
    copy: { name: 'all', count: 50 },
    properties: {
      ...wish({ resources: [gallery('dear', { tags: { size: dear } })] }).properties,
      expressionEvaluationOptions: { scope: 'inner' },
    },
  }
  const { body } = await world.send('POST', `${DEPLOYMENT}/whatIf`, wish({ resources: [nested] }))
  assert.match(body.properties.changes.at(-1).unsupportedReason, /exceeds the limit of 4 GB of values in all/)
})

test('a deployment at a subscription makes a group and, nested, what lies in it', async t => {
  const world = await inGroup(t)
  const nested = {
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name: 'inside',
    resourceGroup: 'fresh',
    dependsOn: ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'fresh')]"],
    properties: {
      mode: 'Incremental',
      expressionEvaluationOptions: { scope: 'inner' },
      parameters: { name: { value: "[concat('in', 'ner')]" } },
      template: {
        $schema: 'x',
        contentVersion: '1.0.0.0',
        parameters: { name: { type: 'string' } },
        resources: [gallery("[parameters('name')]")],
        outputs: { where: { type: 'string', value: '[resourceGroup().name]' } },
      },
    },
  }
  const group = {
    type: 'Microsoft.Resources/resourceGroups',
    apiVersion: '2022-09-01',
    name: 'fresh',
    location: 'westus2',
  }
  const outputs = { where: { type: 'string', value: "[reference('inside').outputs.where.value]" } }
  const body = { location: 'eastus', ...wish({ resources: [nested, group], outputs }) }
  const done = await world.complete('PUT', 'providers/Microsoft.Resources/deployments/above', body)
  assert.equal(done.body.properties?.provisioningState, 'Succeeded', JSON.stringify(done.body))
  assert.equal(done.body.location, 'eastus')
  assert.deepEqual(done.body.properties.outputs, { where: { type: 'String', value: 'fresh' } })
  const inner = await world.send('GET', 'resourceGroups/fresh/providers/Microsoft.Compute/galleries/inner')
  assert.equal(inner.body.location, 'westus2')
  const listed = await world.send('GET', 'providers/Microsoft.Resources/deployments')
  assert.deepEqual(
    listed.body.value.map(({ name }: { name: string }) => name),
    ['above'],
  )
})

test('a deployment is listed, exported and deleted; its resources stay', async t => {
  const world = await inGroup(t)
  const body = wish({ resources: [gallery('one')] })
  await world.complete('PUT', DEPLOYMENT, body)
  assert.equal((await world.send('HEAD', DEPLOYMENT)).status, 204)
  const exported = await world.send('POST', `${DEPLOYMENT}/exportTemplate`)
  assert.deepEqual(exported.body, { template: body.properties.template })
  const filtered = await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Resources/deployments', undefined, {
    $filter: "provisioningState eq 'Failed'",
  })
  assert.deepEqual(filtered.body.value, [])
  assert.equal((await world.send('POST', `${DEPLOYMENT}/cancel`)).body.error.code, 'DeploymentCannotBeCancelled')
  assert.equal((await world.complete('DELETE', DEPLOYMENT)).status, 204)
  assert.equal((await world.send('HEAD', DEPLOYMENT)).status, 404)
  assert.equal((await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Compute/galleries/one')).status, 200)
})

test('the network of a machine as az vm create asks for it: nulls, short names in any case, api-versions of old', async t => {
  const world = await inGroup(t)
  const network = (type: string, name: string, apiVersion: string, properties: JsonObject, more: JsonObject = {}) => ({
    type: `Microsoft.Network/${type}`,
    name,
    apiVersion,
    location: 'westeurope',
    tags: {},
    dependsOn: [],
    properties,
    ...more,
  })
  const networkId = (rest: string) =>
    `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/${rest}`
  const rule = securityRule('default-allow-ssh')
  const nic = {
    ipConfigurations: [
      {
        name: 'ipconfigvm',
        properties: {
          privateIPAllocationMethod: 'Dynamic',
          subnet: { id: networkId('virtualNetworks/vmVNET/subnets/vmSubnet') },
          publicIPAddress: { id: networkId('publicIPAddresses/vmPublicIP') },
        },
      },
    ],
    networkSecurityGroup: { id: networkId('networkSecurityGroups/vmNSG') },
  }
  const dependsOn = [
    'Microsoft.Network/virtualNetworks/vmVNET',
    'Microsoft.Network/networkSecurityGroups/vmNSG',
    'Microsoft.Network/publicIpAddresses/vmPublicIP',
  ]
  const resources = [
    network('virtualNetworks', 'vmVNET', '2015-06-15', {
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      subnets: [{ name: 'vmSubnet', properties: { addressPrefix: '10.0.0.0/24' } }],
    }),
    network('networkSecurityGroups', 'vmNSG', '2015-06-15', { securityRules: [rule] }),
    network(
      'publicIPAddresses',
      'vmPublicIP',
      '2022-01-01',
      { publicIPAllocationMethod: 'Static' },
      { sku: { name: 'Standard' } },
    ),
    network('networkInterfaces', 'vmVMNic', '2015-06-15', nic, { dependsOn }),
  ]
  const body = { properties: { ...wish({ resources, outputs: {}, variables: {} }).properties, mode: 'incremental' } }
  const done = await world.complete('PUT', DEPLOYMENT, body)
  assert.equal(done.body.properties?.provisioningState, 'Succeeded', JSON.stringify(done.body))
  assert.equal(done.body.properties.mode, 'Incremental')
  const made = await world.send('GET', 'resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/vmVMNic')
  assert.equal(made.body.properties.ipConfigurations[0].properties.privateIPAddress, '10.0.0.4')
  const foreseen = await world.send('POST', `${DEPLOYMENT}/whatIf`, body)
  for (const { changeType, delta } of foreseen.body.properties.changes)
    assert.equal(changeType, 'NoChange', JSON.stringify(delta))
})
