import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWNER, SUBSCRIPTION, startTestArm } from '../../../test/support/test-arm.ts'
import { ResourceId } from './resource-id.ts'

const S = `/subscriptions/${SUBSCRIPTION}`
const NAME = '70000000-0000-4000-8000-000000000001'
const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
const VNET = 'providers/Microsoft.Network/virtualNetworks/v'
const GROUP = 'providers/Microsoft.Network/networkSecurityGroups/n'

const rule = {
  access: 'Allow',
  direction: 'Inbound',
  priority: 100,
  protocol: 'Tcp',
  sourceAddressPrefix: '*',
  sourcePortRange: '*',
  destinationAddressPrefix: '*',
  destinationPortRange: '22',
}

/** What is written that is no document of its own, below the group or the subscription. */
const writes: Record<string, object> = {
  [`${S}/resourceGroups/rg/providers/Microsoft.Resources/tags/default`]: { tags: { a: 'b' } },
  [`${S}/tagNames/unnoted`]: {},
  [`${S}/tagNames/unnoted/tagValues/x`]: {},
  [`${S}/resourceGroups/rg/${VNET}/subnets/s`]: { addressPrefix: '10.0.0.0/24' },
  [`${S}/resourceGroups/rg/${GROUP}/securityRules/r`]: rule,
  [`${S}/providers/Microsoft.Authorization/locks/unnoted`]: { level: 'CanNotDelete' },
  [`${S}/providers/Microsoft.Authorization/roleAssignments/${NAME}`]: {
    roleDefinitionId: `${S}/providers/Microsoft.Authorization/roleDefinitions/${READER}`,
    principalId: NAME,
  },
  [`${S}/providers/Microsoft.Authorization/roleDefinitions/${NAME}`]: {
    roleName: 'unnoted',
    permissions: [{ actions: ['*/read'] }],
    assignableScopes: [S],
  },
  '/providers/Microsoft.Subscription/aliases/unnoted': { displayName: 'unnoted' },
}

test('what is no document of its own is written in the commit that writes it down too, or not at all', async t => {
  const arm = await startTestArm()
  t.after(() => arm.close())
  await arm.send('PUT', 'resourceGroups/rg', { location: 'eastus' })
  const addressSpace = { addressPrefixes: ['10.0.0.0/16'] }
  await arm.complete('PUT', `resourceGroups/rg/${VNET}`, { location: 'eastus', properties: { addressSpace } })
  await arm.complete('PUT', `resourceGroups/rg/${GROUP}`, { location: 'eastus', properties: {} })
  const written = new Set<string>()
  for (const [path, properties] of Object.entries(writes)) {
    const id = ResourceId.parse(path) ?? assert.fail(path)
    const { type, computed } = arm.registry.require(id.type)
    const activity = {
      labels: { action: '', resourceId: '', correlationId: '', operationId: '' },
      note: () => Promise.reject(new Error('the disk is full')),
    }
    const request = { method: 'PUT', caller: OWNER, apiVersion: '', query: new Map(), headers: {}, origin: '' } as const
    const body = { properties } as never
    await assert.rejects(
      async () => computed?.write?.('PUT', id, { ...request, body, activity }, arm.arm),
      /the disk is full/,
      path,
    )
    const there = await arm.send('GET', path)
    if (/tags\/default$/.test(path)) assert.deepEqual(there.body.properties.tags, {})
    else assert.ok(there.status >= 400, path)
    written.add(type)
  }
  const all = arm.registry.providers.flatMap(({ types }) => types).filter(({ computed }) => computed?.write)
  assert.deepEqual(all.map(({ type }) => type).toSorted(), [...written].toSorted())
  assert.doesNotMatch(JSON.stringify((await arm.send('GET', 'tagNames')).body), /unnoted/)
})
