import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  GROUP,
  NETWORK,
  network,
  nic,
  SUBNET,
  startTestNetwork,
  subnet,
  type TestNetwork,
  VNET,
} from '../test-network.ts'

let arm: TestNetwork
before(async () => {
  arm = await startTestNetwork()
})
after(() => arm.close())

const names = (members: { name: string }[]) => members.map(({ name }) => name)

test('subnets are the same things in the network and by themselves', async () => {
  const path = `${NETWORK}/virtualNetworks/both`
  await arm.done('PUT', path, network([subnet('a', '10.0.0.0/24')]))
  const made = await arm.done('PUT', `${path}/subnets/b`, { properties: { addressPrefixes: ['10.0.1.0/24'] } })
  assert.deepEqual(
    [made.name, made.properties.addressPrefixes, made.properties.provisioningState],
    ['b', ['10.0.1.0/24'], 'Succeeded'],
  )
  const whole = await arm.done('GET', path)
  assert.deepEqual(names(whole.properties.subnets), ['a', 'b'])
  assert.deepEqual(whole.properties.subnets[1], await arm.done('GET', `${path}/subnets/B`))
  assert.deepEqual((await arm.done('GET', `${path}/subnets`)).value, whole.properties.subnets)
  // A PUT that says nothing of subnets keeps them; one that names some means these.
  const { subnets: _kept, ...properties } = whole.properties
  await arm.done('PUT', path, { location: 'eastus', properties })
  assert.deepEqual(names((await arm.done('GET', path)).properties.subnets), ['a', 'b'])
  await arm.done('PUT', path, network([subnet('b', '10.0.1.0/24')]))
  assert.deepEqual(names((await arm.done('GET', `${path}/subnets`)).value), ['b'])
  await arm.done('DELETE', `${path}/subnets/b`)
  assert.deepEqual((await arm.done('GET', path)).properties.subnets, [])
  assert.equal((await arm.send('DELETE', `${path}/subnets/b`)).status, 204)
  assert.match(await arm.refused('GET', `${path}/subnets/b`), /^404 ResourceNotFound/)
  assert.match(
    await arm.refused('PUT', `${path}x/subnets/b`, { properties: { addressPrefix: '10.0.0.0/24' } }),
    /^404 ParentResourceNotFound/,
  )
  assert.match(await arm.refused('PATCH', `${path}/subnets/b`, {}), /^405/)
})

test('a subnet written for a version that has passed is refused', async () => {
  const { headers } = await arm.send('GET', VNET)
  const etag = headers.etag ?? ''
  const put = (condition: Record<string, string>) =>
    arm.send('PUT', `${VNET}/subnets/more`, { properties: { addressPrefix: '10.0.9.0/24' } }, {}, condition)
  assert.equal((await put({ 'if-match': etag })).status, 412, 'it is not there yet')
  assert.equal((await put({ 'if-none-match': '*' })).status, 201)
  assert.equal((await put({ 'if-none-match': '*' })).status, 412)
  assert.equal((await put({ 'if-match': etag })).status, 412)
  await arm.done('DELETE', `${VNET}/subnets/more`)
})

test('prefixes are well formed, in the space, and do not overlap', async () => {
  const put = (subnets: ReturnType<typeof subnet>[], prefixes?: string[]) =>
    arm.refused('PUT', `${NETWORK}/virtualNetworks/bad`, network(subnets, prefixes))
  assert.match(await put([subnet('a', '10.1.0.0/24')]), /^400 NetcfgSubnetRangeOutsideVnet: Subnet 'a' is not valid/)
  const overlapping = [subnet('a', '10.0.0.0/24'), subnet('b', '10.0.0.128/25')]
  assert.match(await put(overlapping), /^400 NetcfgSubnetRangesOverlap: Subnet 'b' is not valid/)
  assert.match(await put([subnet('a', '10.0.0.0/24'), subnet('A', '10.0.1.0/24')]), /^400 DuplicateResourceName/)
  assert.match(await put([subnet('a', '10.0.0.1/24')]), /^400 InvalidCIDRNotation: .* should be 10\.0\.0\.0\/24/)
  assert.match(await put([subnet('a', '10.0.0.0/30')]), /^400 NetcfgInvalidSubnet/)
  assert.match(await put([subnet('a', '10.0.0.0')]), /^400 InvalidAddressPrefixFormat/)
  assert.match(await put([{ name: 'a', properties: {} } as never]), /^400 MissingAddressPrefix/)
  assert.match(await put([subnet('a b', '10.0.0.0/24')]), /^400 InvalidResourceName/)
  assert.match(await put([], ['10.0.0.0/16', '10.0.1.0/24']), /^400 NetcfgInvalidVirtualNetworkSite/)
  assert.match(await put([], ['127.0.0.0/8']), /^400 AddressPrefixInReservedRange/)
  assert.match(await put([], ['fd00::/48']), /^400 OperationNotSupported: An IPv6 address range/)
  assert.match(await put([], []), /^400 InvalidParameter/)
})

test('what we have nothing of is refused, and harmless values of it are not', async () => {
  const put = (more: object, of: object = {}) => ({
    location: 'eastus',
    properties: {
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      subnets: [subnet('a', '10.0.0.0/24', of as never)],
      ...more,
    },
  })
  const path = `${NETWORK}/virtualNetworks/plain`
  for (const [more, of] of [
    [{ dhcpOptions: { dnsServers: ['10.0.0.4'] } }],
    [{ virtualNetworkPeerings: [{ name: 'p' }] }],
    [{ enableDdosProtection: true }],
    [{ encryption: { enabled: true } }],
    [{}, { routeTable: { id: `${NETWORK}/routeTables/t` } }],
    [{}, { serviceEndpoints: [{ service: 'Microsoft.Storage' }] }],
    [{}, { delegations: [{ name: 'd' }] }],
    [{}, { defaultOutboundAccess: false }],
    [{}, { addressPrefixes: ['10.0.0.0/24', '10.0.1.0/24'] }],
  ])
    assert.match(await arm.refused('PUT', path, put(more ?? {}, of) as never), /^400 OperationNotSupported/)
  const harmless = { serviceEndpoints: [], delegations: [], routeTable: null, natGateway: null }
  await arm.done('PUT', path, put({ dhcpOptions: { dnsServers: [] }, enableDdosProtection: false }, harmless) as never)
  assert.match(await arm.refused('PATCH', path, { properties: { subnets: [] } }), /^400 InvalidRequestFormat/)
})

test('a subnet in use stays where it is, until nothing is in it', async () => {
  await arm.done('PUT', `${NETWORK}/networkInterfaces/user`, nic())
  const inUse =
    /^400 InUseSubnetCannotBeDeleted: Subnet default is in use by .*\/networkInterfaces\/user\/ipConfigurations\/ipconfig1/
  assert.match(await arm.refused('DELETE', SUBNET), inUse)
  assert.match(await arm.refused('DELETE', VNET), inUse)
  assert.match(await arm.refused('PUT', VNET, network([])), inUse)
  assert.match(
    await arm.refused('PUT', SUBNET, { properties: { addressPrefix: '10.0.5.0/24' } }),
    /^400 InUsePrefixCannotBeDeleted: IpPrefix 10\.0\.0\.0\/24 on Subnet default/,
  )
  // A larger one that keeps every address is no harm.
  await arm.done('PUT', SUBNET, { properties: { addressPrefix: '10.0.0.0/23' } })
  await arm.done('DELETE', `${NETWORK}/networkInterfaces/user`)
  await arm.done('DELETE', SUBNET)
  await arm.done('PUT', VNET, network([subnet('default', '10.0.0.0/24')]))
})

test('a group goes with all that refers to each other in it', async () => {
  const other = `${GROUP}2`
  const there = `${other}/providers/Microsoft.Network`
  const at = (path: string) => ({ id: `${there}/${path}` })
  await arm.done('PUT', other, { location: 'eastus' })
  await arm.done('PUT', `${there}/networkSecurityGroups/a`, { location: 'eastus', properties: {} })
  const guarded = subnet('s', '10.0.0.0/24', { networkSecurityGroup: at('networkSecurityGroups/a') })
  await arm.done('PUT', `${there}/virtualNetworks/a`, network([guarded]))
  await arm.done('PUT', `${there}/publicIPAddresses/a`, { location: 'eastus', properties: {} })
  const joined = { subnet: at('virtualNetworks/a/subnets/s'), publicIPAddress: at('publicIPAddresses/a') }
  await arm.done(
    'PUT',
    `${there}/networkInterfaces/z`,
    nic(joined, { networkSecurityGroup: at('networkSecurityGroups/a') }),
  )
  await arm.done('DELETE', other)
  assert.match(await arm.refused('GET', other), /^404/)
})
