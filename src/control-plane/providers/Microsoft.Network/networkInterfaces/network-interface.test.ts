import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Caller } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { securityRule } from '../../../../../test/support/security-rule.ts'
import { OWNER, SUBSCRIPTION } from '../../../../../test/support/test-arm.ts'
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
  arm = await startTestNetwork({ publicAddresses: '127.10.0.0/29' })
})
after(() => arm.close())

const NIC = `${NETWORK}/networkInterfaces`
const PIP = `${NETWORK}/publicIPAddresses`
const standard = { location: 'eastus', sku: { name: 'Standard' }, properties: { publicIPAllocationMethod: 'Static' } }
const address = (body: { properties: { ipConfigurations: { properties: { privateIPAddress: string } }[] } }) =>
  body.properties.ipConfigurations[0]?.properties.privateIPAddress

test('private addresses are given from the fifth on, kept, and free again when the interface is gone', async () => {
  const first = await arm.done('PUT', `${NIC}/a`, nic())
  assert.equal(address(first), '10.0.0.4')
  assert.match(first.properties.macAddress, /^00-0D-3A(-[0-9A-F]{2}){3}$/)
  assert.equal(address(await arm.done('PUT', `${NIC}/b`, nic())), '10.0.0.5')
  const again = await arm.done('PUT', `${NIC}/b`, nic({}, { enableAcceleratedNetworking: true }))
  assert.deepEqual([address(again), again.properties.enableAcceleratedNetworking], ['10.0.0.5', true])
  await arm.done('DELETE', `${NIC}/a`)
  assert.equal(address(await arm.done('PUT', `${NIC}/b`, nic())), '10.0.0.5', 'a free lower one moves nobody')
  assert.equal(address(await arm.done('PUT', `${NIC}/c`, nic())), '10.0.0.4')
  const used = (await arm.done('GET', SUBNET)).properties.ipConfigurations
  assert.deepEqual(used, [{ id: `${NIC}/b/ipConfigurations/ipconfig1` }, { id: `${NIC}/c/ipConfigurations/ipconfig1` }])
  for (const name of ['b', 'c']) await arm.done('DELETE', `${NIC}/${name}`)
  assert.equal((await arm.done('GET', SUBNET)).properties.ipConfigurations, undefined)
})

test('an address of one’s own choice must be in the subnet, not kept, and free', async () => {
  const put = (privateIPAddress: string, name = 'chosen') =>
    [`${NIC}/${name}`, nic({ privateIPAllocationMethod: 'Static', privateIPAddress })] as const
  assert.match(await arm.refused('PUT', ...put('10.0.1.4')), /^400 PrivateIPAddressNotInSubnet/)
  assert.match(await arm.refused('PUT', ...put('10.0.0.3')), /^400 PrivateIPAddressInReservedRange/)
  assert.match(await arm.refused('PUT', ...put('10.0.0.255')), /^400 PrivateIPAddressInReservedRange/)
  assert.match(
    await arm.refused('PUT', `${NIC}/chosen`, nic({ privateIPAllocationMethod: 'Static' })),
    /^400 InvalidParameter/,
  )
  assert.equal(address(await arm.done('PUT', ...put('10.0.0.77'))), '10.0.0.77')
  assert.match(
    await arm.refused('PUT', ...put('10.0.0.77', 'second')),
    /^400 PrivateIPAddressIsAllocated: .*networkInterfaces\/chosen/,
  )
  await arm.done('DELETE', `${NIC}/chosen`)
})

test('many interfaces at one time get an address each, and a full subnet says so', async () => {
  await arm.done('PUT', `${VNET}/subnets/small`, { properties: { addressPrefix: '10.0.7.0/28' } })
  const inSmall = { subnet: { id: `${VNET}/subnets/small` } }
  const count = 11 // of sixteen, five are kept
  const made = await Promise.all(
    Array.from({ length: count }, (_, index) => arm.done('PUT', `${NIC}/many${index}`, nic(inSmall))),
  )
  assert.equal(new Set(made.map(address)).size, count)
  assert.equal(new Set(made.map(one => one.properties.macAddress)).size, count)
  assert.match(
    await arm.refused('PUT', `${NIC}/onemore`, nic(inSmall)),
    /^400 SubnetIsFull: Subnet small with address prefix 10\.0\.7\.0\/28/,
  )
  assert.match(await arm.refused('GET', `${NIC}/onemore`), /^404/)
  await Promise.all(made.map((_, index) => arm.done('DELETE', `${NIC}/many${index}`)))
  await arm.done('DELETE', `${VNET}/subnets/small`)
})

test('public addresses are given at once, or when joined, each to one, and run out', async () => {
  const one = await arm.done('PUT', `${PIP}/one`, standard)
  assert.match(one.properties.ipAddress, /^127\.10\.0\.[1-6]$/)
  const basic = await arm.done('PUT', `${PIP}/basic`, {
    location: 'eastus',
    properties: { publicIPAllocationMethod: null },
  })
  assert.deepEqual(
    [basic.sku.name, basic.properties.publicIPAllocationMethod, basic.properties.ipAddress],
    ['Basic', 'Dynamic', undefined],
  )
  const joined = (id: string) => nic({ publicIPAddress: { id, properties: { deleteOption: 'Delete' } } })
  await arm.done('PUT', `${NIC}/p`, joined(`${PIP}/basic`))
  const held = await arm.done('GET', `${PIP}/basic`)
  assert.match(held.properties.ipAddress, /^127\.10\.0\.[1-6]$/)
  assert.notEqual(held.properties.ipAddress, one.properties.ipAddress)
  assert.deepEqual(held.properties.ipConfiguration, { id: `${NIC}/p/ipConfigurations/ipconfig1` })
  assert.equal(held.properties.deleteOption, 'Delete')
  assert.match(
    await arm.refused('DELETE', `${PIP}/basic`),
    /^400 PublicIPAddressCannotBeDeleted: .* still allocated to resource/,
  )
  assert.match(
    await arm.refused('PUT', `${NIC}/q`, joined(`${PIP}/basic`)),
    /^400 PublicIPAddressInUse: .* already allocated to resource/,
  )
  // The refused one has left nothing behind.
  assert.equal((await arm.done('GET', SUBNET)).properties.ipConfigurations.length, 1)
  await arm.done('PUT', `${NIC}/p`, joined(`${PIP}/one`))
  assert.equal((await arm.done('GET', `${PIP}/basic`)).properties.ipAddress, undefined)
  await arm.done('DELETE', `${NIC}/p`)
  assert.equal((await arm.done('GET', `${PIP}/one`)).properties.ipConfiguration, undefined)

  const rest = await Promise.all([2, 3, 4, 5, 6].map(number => arm.done('PUT', `${PIP}/n${number}`, standard)))
  assert.equal(new Set([one, ...rest].map(({ properties }) => properties.ipAddress)).size, 6)
  assert.match(
    await arm.refused('PUT', `${PIP}/toomany`, standard),
    /^400 PublicIPCountLimitReached: .*--public-addresses/,
  )
  await arm.done('DELETE', `${PIP}/one`)
  assert.equal((await arm.done('PUT', `${PIP}/again`, standard)).properties.ipAddress, one.properties.ipAddress)
  for (const name of ['n2', 'n3', 'n4', 'n5', 'n6', 'again', 'basic']) await arm.done('DELETE', `${PIP}/${name}`)
})

test('public addresses are refused as Azure refuses them, and what is not there clearly', async () => {
  const put = (properties: JsonObject, more: JsonObject = {}) =>
    arm.refused('PUT', `${PIP}/bad`, { location: 'eastus', properties, ...more })
  const sku = { sku: { name: 'Standard' } }
  assert.match(await put({ publicIPAllocationMethod: 'Dynamic' }, sku), /^400 StandardSkuPublicIPAddressesMustBeStatic/)
  assert.match(
    await put({ publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv6' }, sku),
    /OperationNotSupported/,
  )
  assert.match(
    await put({ publicIPAllocationMethod: 'Static', dnsSettings: { domainNameLabel: 'x' } }),
    /OperationNotSupported/,
  )
  assert.match(await put({ publicIPAllocationMethod: 'Static' }, { zones: ['1'] }), /OperationNotSupported/)
  assert.match(await put({ publicIPPrefix: { id: 'x' } }), /OperationNotSupported/)
  assert.match(await put({ idleTimeoutInMinutes: 31 }), /^400 InvalidParameter/)
})

test('what an interface refers to must be there, in its region, of the right type', async () => {
  const missing =
    /^400 InvalidResourceReference: Resource .* referenced by resource .*networkInterfaces\/r was not found/
  const put = (body: JsonObject) => arm.refused('PUT', `${NIC}/r`, body)
  assert.match(await put(nic({ subnet: { id: `${VNET}/subnets/nowhere` } })), missing)
  assert.match(await put(nic({ subnet: { id: `${NETWORK}/virtualNetworks/none/subnets/default` } })), missing)
  assert.match(await put(nic({ publicIPAddress: { id: `${PIP}/none` } })), missing)
  assert.match(await put(nic({}, { networkSecurityGroup: { id: `${NETWORK}/networkSecurityGroups/none` } })), missing)
  assert.match(await put({ ...nic(), location: 'westus2' }), missing)
  assert.match(await put(nic({ subnet: { id: VNET } })), /^400 InvalidResourceReference: .*does not refer to/)
  assert.match(await put({ location: 'eastus', properties: { ipConfigurations: [] } }), /^400 InvalidParameter/)
  assert.match(await put(nic({}, { enableIPForwarding: true })), /^400 OperationNotSupported/)
  const [configuration] = nic().properties.ipConfigurations
  const two = [configuration, { ...configuration, name: 'second' }] as never
  assert.match(await put({ location: 'eastus', properties: { ipConfigurations: two } }), /^400 OperationNotSupported/)
})

test('a caller needs the right to join what an interface refers to', async () => {
  const colleague: Caller = { ...OWNER, objectId: '55555555-5555-4555-8555-555555555555' }
  const answer = await arm.as(colleague).send('PUT', `${NIC}/r`, nic())
  assert.equal(answer.body.error.code, 'AuthorizationFailed')
  const elsewhere = SUBNET.replace(SUBSCRIPTION, '77777777-7777-4777-8777-777777777777')
  assert.match(
    await arm.refused('PUT', `${NIC}/r`, nic({ subnet: { id: elsewhere } })),
    /^403 LinkedAuthorizationFailed: .*'Microsoft\.Network\/virtualNetworks\/subnets\/join\/action'/,
  )
})

test('a machine takes an interface, keeps it from others and from deletion, and lets it go', async () => {
  const machine = (name: string) => ({ id: `${GROUP}/providers/Microsoft.Compute/virtualMachines/${name}` })
  await arm.done('PUT', `${NIC}/vm`, nic())
  const join = (body: JsonObject) => ['POST', `${NIC}/vm/join`, body] as const
  await arm.done(...join({ virtualMachine: machine('one') }))
  await arm.done(...join({ virtualMachine: machine('ONE') }))
  const joined = await arm.done('GET', `${NIC}/vm`)
  assert.deepEqual([joined.properties.virtualMachine.id, joined.properties.primary], [machine('ONE').id, true])
  assert.match(
    await arm.refused(...join({ virtualMachine: machine('two') })),
    /^400 NicInUse: Network Interface .* is used by existing VM .*ONE/i,
  )
  assert.match(await arm.refused('DELETE', `${NIC}/vm`), /^400 NicInUse: .*In order to delete the network interface/)
  await arm.done('PUT', `${NIC}/vm`, nic())
  assert.equal((await arm.done('GET', `${NIC}/vm`)).properties.virtualMachine.id, machine('ONE').id)
  await arm.done(...join({ virtualMachine: null, from: machine('two') }))
  assert.ok((await arm.done('GET', `${NIC}/vm`)).properties.virtualMachine, 'released by its own machine only')
  await arm.done(...join({ virtualMachine: null, from: machine('one') }))
  await arm.done(...join({ virtualMachine: null }))
  assert.equal((await arm.done('GET', `${NIC}/vm`)).properties.virtualMachine, undefined)
  await arm.done('DELETE', `${NIC}/vm`)
})

test('the rules that hold for an interface are those of its group and of its subnet’s, tags as addresses', async () => {
  const nsg = `${NETWORK}/networkSecurityGroups`
  await arm.done('PUT', `${nsg}/own`, {
    location: 'eastus',
    properties: { securityRules: [securityRule('ssh', 1000)] },
  })
  const inner = securityRule('web', 200, {
    destinationPortRange: null,
    destinationPortRanges: ['80', '8000-8010'],
    sourceAddressPrefix: 'internet',
  })
  await arm.done('PUT', `${nsg}/outer`, { location: 'eastus', properties: { securityRules: [inner] } } as never)
  const guarded = subnet('guarded', '10.2.0.0/24', { networkSecurityGroup: { id: `${nsg}/outer` } })
  await arm.done('PUT', `${NETWORK}/virtualNetworks/guarded`, network([guarded], ['10.2.0.0/16']))
  const inside = { subnet: { id: `${NETWORK}/virtualNetworks/guarded/subnets/guarded` } }
  await arm.done('PUT', `${NIC}/e`, nic(inside, { networkSecurityGroup: { id: `${nsg}/own` } }))
  const { value } = await arm.done('POST', `${NIC}/e/effectiveNetworkSecurityGroups`)
  assert.deepEqual(
    value.map((one: { association: object }) => Object.keys(one.association)[0]),
    ['networkInterface', 'subnet'],
  )
  const rules = value.flatMap((one: { effectiveSecurityRules: { name: string }[] }) => one.effectiveSecurityRules)
  const find = (name: string) => rules.find((one: { name: string }) => one.name === name)
  const ssh = find('securityRules/ssh')
  assert.deepEqual([ssh.protocol, ssh.destinationPortRange, ssh.sourceAddressPrefix], ['Tcp', '22-22', '0.0.0.0/0'])
  const web = find('securityRules/web')
  assert.deepEqual(web.destinationPortRanges, ['80-80', '8000-8010'])
  assert.ok(web.expandedSourceAddressPrefix.includes('11.0.0.0/8'))
  assert.ok(!web.expandedSourceAddressPrefix.includes('10.2.0.0/16'))
  const within = find('defaultSecurityRules/AllowVnetInBound')
  assert.deepEqual(within.expandedSourceAddressPrefix, ['10.2.0.0/16', '168.63.129.16/32'])
  assert.equal(within.protocol, 'All')
  await arm.done('PUT', `${NIC}/bare`, nic())
  assert.deepEqual((await arm.done('POST', `${NIC}/bare/effectiveNetworkSecurityGroups`)).value, [])
})
