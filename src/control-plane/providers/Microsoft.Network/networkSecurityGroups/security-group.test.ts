import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { securityRule } from '../../../../../test/support/security-rule.ts'
import { NETWORK, nic, SUBNET, startTestNetwork, type TestNetwork } from '../test-network.ts'

let arm: TestNetwork
before(async () => {
  arm = await startTestNetwork()
})
after(() => arm.close())

const GROUP = `${NETWORK}/networkSecurityGroups/nsg`
const group = (securityRules: JsonObject[]) => ({ location: 'eastus', properties: { securityRules } })
const names = (members: { name: string }[]) => members.map(({ name }) => name)

test('a group without anything has the six rules of every group', async () => {
  const made = await arm.done('PUT', GROUP, { location: 'eastus' })
  assert.deepEqual(made.properties.securityRules, [])
  const shown = made.properties.defaultSecurityRules.map(
    (one: { name: string; properties: { access: string; priority: number; direction: string } }) =>
      `${one.properties.direction} ${one.properties.priority} ${one.properties.access} ${one.name}`,
  )
  assert.deepEqual(shown, [
    'Inbound 65000 Allow AllowVnetInBound',
    'Inbound 65001 Allow AllowAzureLoadBalancerInBound',
    'Inbound 65500 Deny DenyAllInBound',
    'Outbound 65000 Allow AllowVnetOutBound',
    'Outbound 65001 Allow AllowInternetOutBound',
    'Outbound 65500 Deny DenyAllOutBound',
  ])
  assert.match(made.properties.defaultSecurityRules[0].id, /\/nsg\/defaultSecurityRules\/AllowVnetInBound$/)
})

test('rules are the same things in the group and by themselves', async () => {
  await arm.done('PUT', GROUP, group([securityRule('ssh', 1000)]))
  const web = {
    properties: securityRule('web', 1010, { destinationPortRange: null, destinationPortRanges: ['80', '443'] })
      .properties,
  }
  const made = await arm.done('PUT', `${GROUP}/securityRules/web`, web as never)
  assert.deepEqual(made.properties.destinationPortRanges, ['80', '443'])
  const whole = await arm.done('GET', GROUP)
  assert.deepEqual(names(whole.properties.securityRules), ['ssh', 'web'])
  assert.deepEqual(whole.properties.securityRules[1], await arm.done('GET', `${GROUP}/securityRules/WEB`))
  await arm.done('DELETE', `${GROUP}/securityRules/ssh`)
  assert.deepEqual(names((await arm.done('GET', `${GROUP}/securityRules`)).value), ['web'])
})

test('rules are refused as Azure refuses them', async () => {
  const put = (...rules: JsonObject[]) => arm.refused('PUT', `${GROUP}bad`, group(rules))
  const bad = (more: JsonObject) => put(securityRule('bad', 100, more))
  assert.match(
    await put(securityRule('a', 99)),
    /^400 SecurityRuleInvalidPriority: .* Value provided: 99\. Allowed range 100-4096/,
  )
  assert.match(await put(securityRule('a', 4097)), /^400 SecurityRuleInvalidPriority/)
  assert.match(
    await put(securityRule('a', 100), securityRule('b', 100)),
    /^400 SecurityRuleConflict: Security rule b conflicts with rule a\. Rules cannot have the same Priority and Direction/,
  )
  assert.match(await bad({ destinationPortRange: '70000' }), /^400 SecurityRuleInvalidPortRange: .*70000/)
  assert.match(await bad({ destinationPortRange: '90-80' }), /^400 SecurityRuleInvalidPortRange/)
  assert.match(await bad({ destinationPortRange: '22,80' }), /^400 SecurityRuleInvalidPortRange/)
  assert.match(await bad({ destinationPortRange: null }), /^400 SecurityRuleParameterNotSpecified/)
  assert.match(await bad({ sourceAddressPrefix: '10.0.0.0/40' }), /^400 SecurityRuleInvalidAddressPrefix/)
  assert.match(await bad({ sourceAddressPrefix: 'Storage.EastUS' }), /^400 OperationNotSupported: The service tag/)
  assert.match(await bad({ sourceAddressPrefix: 'fd00::/8' }), /^400 OperationNotSupported: An IPv6/)
  assert.match(await bad({ protocol: 'Sctp' }), /^400 InvalidParameter/)
  assert.match(await bad({ sourceApplicationSecurityGroups: [{ id: 'x' }] }), /^400 OperationNotSupported/)
  assert.match(await bad({ sourceAddressPrefixes: ['10.0.0.0/8'] }), /^400 SecurityRuleParameterConflict/)
  // The same priority in both directions is fine.
  await arm.done(
    'PUT',
    `${GROUP}good`,
    group([securityRule('a', 100), securityRule('b', 100, { direction: 'Outbound' })]),
  )
  assert.match(
    await arm.refused('PUT', `${GROUP}good/securityRules/c`, { properties: securityRule('c', 100).properties }),
    /^400 SecurityRuleConflict/,
  )
})

test('a group shows who uses it, and stays while somebody does', async () => {
  const reference = { networkSecurityGroup: { id: GROUP.toUpperCase().replace('/SUBSCRIPTIONS', '/subscriptions') } }
  await arm.done('PUT', SUBNET, { properties: { addressPrefix: '10.0.0.0/24', ...reference } })
  await arm.done('PUT', `${NETWORK}/networkInterfaces/n`, nic({}, reference))
  const used = await arm.done('GET', GROUP)
  assert.deepEqual(used.properties.subnets, [{ id: SUBNET }])
  assert.deepEqual(used.properties.networkInterfaces, [{ id: `${NETWORK}/networkInterfaces/n` }])
  assert.equal((await arm.done('GET', SUBNET)).properties.networkSecurityGroup.id, used.id)
  assert.match(
    await arm.refused('DELETE', GROUP),
    /^400 InUseNetworkSecurityGroupCannotBeDeleted: .*networkInterfaces\/n/,
  )
  await arm.done('PUT', `${NETWORK}/networkInterfaces/n`, nic())
  await arm.done('PUT', SUBNET, { properties: { addressPrefix: '10.0.0.0/24' } })
  await arm.done('DELETE', `${NETWORK}/networkInterfaces/n`)
  await arm.done('DELETE', GROUP)
  assert.match(
    await arm.refused('PUT', SUBNET, { properties: { addressPrefix: '10.0.0.0/24', ...reference } }),
    /^400 InvalidResourceReference: .*Please make sure that the referenced resource exists/,
  )
})
