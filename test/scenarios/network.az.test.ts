import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedIn, needsAz, refused, together } from './az.ts'
import { startServer } from './running-server.ts'

test('az network vnet, nsg, public-ip and nic', needsAz, async t => {
  const server = await startServer(t, { args: ['--public-addresses', '127.20.0.0/24'] })
  const az = await loggedIn(server)
  await az`group create -n net -l eastus`

  await t.test('networks and subnets', async () => {
    const made =
      await az`network vnet create -g net -n vnet --address-prefixes 10.1.0.0/16 --subnet-name front --subnet-prefixes 10.1.0.0/24`
    assert.equal(made.newVNet.subnets[0].addressPrefix ?? made.newVNet.subnets[0].addressPrefixes[0], '10.1.0.0/24')
    const back = await az`network vnet subnet create -g net --vnet-name vnet -n back --address-prefixes 10.1.1.0/24`
    assert.match(back.id, /\/virtualNetworks\/vnet\/subnets\/back$/)
    assert.equal((await az`network vnet update -g net -n vnet --set tags.env=test`).tags.env, 'test')
    await together(
      async () => assert.equal((await az`network vnet show -g net -n vnet`).subnets.length, 2),
      async () => assert.deepEqual(await az`network vnet list --query ${'[].name'}`, ['vnet']),
      async () =>
        assert.deepEqual(await az`network vnet subnet list -g net --vnet-name vnet --query ${'[].name'}`, [
          'front',
          'back',
        ]),
      async () =>
        await refused(
          az`network vnet subnet create -g net --vnet-name vnet -n over --address-prefixes 10.1.1.128/25`,
          /NetcfgSubnetRangesOverlap/,
        ),
    )
  })

  await t.test('security groups and rules', async () => {
    const made = await az`network nsg create -g net -n nsg`
    assert.equal(made.NewNSG.defaultSecurityRules.length, 6)
    const rule =
      await az`network nsg rule create -g net --nsg-name nsg -n web --priority 200 --destination-port-ranges 80 443 --protocol Tcp --access Allow`
    assert.deepEqual(rule.destinationPortRanges, ['80', '443'])
    await az`network nsg rule update -g net --nsg-name nsg -n web --priority 210`
    await together(
      async () =>
        assert.deepEqual(await az`network nsg rule list -g net --nsg-name nsg --query ${'[].priority'}`, [210]),
      async () =>
        await refused(
          az`network nsg rule create -g net --nsg-name nsg -n more --priority 210`,
          /SecurityRuleConflict.*Rules cannot have the same Priority and Direction/,
        ),
      async () => await az`network vnet subnet update -g net --vnet-name vnet -n back --network-security-group nsg`,
    )
    assert.equal((await az`network nsg show -g net -n nsg`).subnets.length, 1)
  })

  await t.test('a public address and a network interface', async () => {
    const address = await az`network public-ip create -g net -n ip --sku Standard`
    assert.match(address.publicIp.ipAddress, /^127\.20\.0\.\d+$/)
    const made =
      await az`network nic create -g net -n nic --vnet-name vnet --subnet front --network-security-group nsg --public-ip-address ip`
    assert.equal(made.NewNIC.ipConfigurations[0].privateIPAddress, '10.1.0.4')
    await together(
      async () =>
        assert.match((await az`network public-ip show -g net -n ip`).ipConfiguration.id, /networkInterfaces\/nic\//),
      async () => assert.deepEqual(await az`network nic list --query ${'[].name'}`, ['nic']),
      async () =>
        assert.equal((await az`network nic show -g net -n nic`).networkSecurityGroup.id.split('/').at(-1), 'nsg'),
      async () => assert.equal((await az`network nic list-effective-nsg -g net -n nic`).value.length, 1),
      async () => await refused(az`network vnet delete -g net -n vnet`, /InUseSubnetCannotBeDeleted/),
      async () => await refused(az`network nsg delete -g net -n nsg`, /InUseNetworkSecurityGroupCannotBeDeleted/),
      async () => await refused(az`network public-ip delete -g net -n ip`, /PublicIPAddressCannotBeDeleted/),
    )
    const updated = await az`network nic update -g net -n nic --accelerated-networking true`
    assert.deepEqual(
      [updated.enableAcceleratedNetworking, updated.ipConfigurations[0].privateIPAddress],
      [true, '10.1.0.4'],
    )
  })

  await t.test('what is written survives a kill', async () => {
    await server.kill()
    await server.restart()
    const made = await az`network nic create -g net -n second --vnet-name vnet --subnet front`
    assert.equal(made.NewNIC.ipConfigurations[0].privateIPAddress, '10.1.0.5')
  })

  await t.test('everything goes, users first', async () => {
    await together(
      async () => await az`network nic delete -g net -n nic`,
      async () => await az`network nic delete -g net -n second`,
    )
    await az`network vnet subnet delete -g net --vnet-name vnet -n back`
    await together(
      async () => await az`network nsg rule delete -g net --nsg-name nsg -n web`,
      async () => await az`network public-ip delete -g net -n ip`,
      async () => await az`network vnet delete -g net -n vnet`,
    )
    await az`network nsg delete -g net -n nsg`
    assert.deepEqual(await az`resource list`, [])
  })
})
