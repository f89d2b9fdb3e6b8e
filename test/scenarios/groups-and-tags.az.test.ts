import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedIn, needsAz, refused, together } from './az.ts'
import { startServer } from './running-server.ts'

test('az account, group, tag, resource and provider', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  const { subscriptionId, tenantId } = server.admin

  await t.test('the subscription and its locations', async () => {
    const account = await az`account show`
    assert.equal(account.id, subscriptionId)
    assert.equal(account.tenantId, tenantId)
    assert.equal(account.state, 'Enabled')
    const accounts = await az`account list --refresh`
    assert.deepEqual(
      accounts.map((one: { id: string }) => one.id),
      [subscriptionId],
    )
    const locations = await az`account list-locations`
    const names = locations.map((location: { name: string }) => location.name)
    for (const name of ['eastus', 'westus2', 'westeurope', 'southeastasia']) assert.ok(names.includes(name), name)
    assert.equal(locations.find((location: { name: string }) => location.name === 'westus2').displayName, 'West US 2')
    const token = await az`account get-access-token`
    assert.equal(token.accessToken.split('.').length, 3)
    assert.equal(token.tenant, tenantId)
  })

  await t.test('a group is made, shown, listed, changed and awaited', async () => {
    const made = await az`group create -n first -l ${'East US'} --tags team=images env=test`
    assert.equal(made.id, `/subscriptions/${subscriptionId}/resourceGroups/first`)
    assert.equal(made.location, 'eastus')
    assert.equal(made.properties.provisioningState, 'Succeeded')
    assert.deepEqual(made.tags, { team: 'images', env: 'test' })
    await az`group create -n second -l westeurope`
    await together(
      async () => assert.equal((await az`group show -n FIRST`).name, 'first'),
      async () => assert.equal(await az`group exists -n first`, true),
      async () => assert.equal(await az`group exists -n nowhere`, false),
      async () => assert.deepEqual(await az`group list --query ${'[].name'}`, ['first', 'second']),
      async () => assert.deepEqual(await az`group list --tag team=images --query ${'[].name'}`, ['first']),
      async () => await az`group wait -n first --created --interval 1 --timeout 20`,
      async () => await az`group wait -n first --exists --interval 1 --timeout 20`,
      async () => await refused(az`group show -n nowhere`, /ResourceGroupNotFound/),
      async () => await refused(az`group create -n first -l westus2`, /InvalidResourceGroupLocation/),
      async () => await refused(az`group create -n third -l atlantis`, /LocationNotAvailable/),
      async () => assert.deepEqual((await az`group export -n first`).resources, []),
    )
    const updated = await az`group update -n first --set tags.env=production`
    assert.deepEqual(updated.tags, { team: 'images', env: 'production' })
    await az`group wait -n first --updated --interval 1 --timeout 20`
  })

  await t.test('tags of any resource', async () => {
    const gallery = await az`sig create -g first -r tagged --tags a=1`
    await az`tag update --resource-id ${gallery.id} --operation Merge --tags b=2`
    assert.deepEqual((await az`tag list --resource-id ${gallery.id}`).properties.tags, { a: '1', b: '2' })
    assert.deepEqual((await az`sig show -g first -r tagged`).tags, { a: '1', b: '2' })
    await az`tag update --resource-id ${gallery.id} --operation Delete --tags a=1`
    assert.deepEqual((await az`sig show -g first -r tagged`).tags, { b: '2' })
    await az`tag create --resource-id ${gallery.id} --tags c=3`
    assert.deepEqual((await az`sig show -g first -r tagged`).tags, { c: '3' })
    await az`tag delete --resource-id ${gallery.id} --yes`
    assert.deepEqual((await az`sig show -g first -r tagged`).tags ?? {}, {})
    await az`resource tag --ids ${gallery.id} --tags d=4`
    assert.deepEqual((await az`sig show -g first -r tagged`).tags, { d: '4' })
  })

  await t.test('predefined tag names and values', async () => {
    await az`tag create -n cost`
    await az`tag add-value -n cost --value it`
    const names = await az`tag list`
    const cost = names.find((name: { tagName: string }) => name.tagName === 'cost')
    assert.deepEqual(
      cost.values.map((value: { tagValue: string }) => value.tagValue),
      ['it'],
    )
    await az`tag remove-value -n cost --value it`
    await az`tag delete -n cost --yes`
    assert.deepEqual((await az`tag list --query ${'[].tagName'}`).includes('cost'), false)
  })

  await t.test('resources by id, by group, by type and by tag', async () => {
    const shown = await az`resource show -g first -n tagged --resource-type Microsoft.Compute/galleries`
    assert.equal(shown.name, 'tagged')
    await together(
      async () => assert.deepEqual(await az`resource list --query ${'[].name'}`, ['tagged']),
      async () => assert.deepEqual(await az`resource list -g first --query ${'[].name'}`, ['tagged']),
      async () => assert.deepEqual(await az`resource list -g second`, []),
      async () => assert.deepEqual(await az`resource list --tag d=4 --query ${'[].name'}`, ['tagged']),
      async () => assert.deepEqual(await az`resource list --tag d=5`, []),
      async () =>
        assert.deepEqual(await az`resource list --resource-type Microsoft.Compute/galleries --query ${'[].type'}`, [
          'Microsoft.Compute/galleries',
        ]),
      async () => assert.deepEqual(await az`resource list --resource-type Microsoft.Compute/disks`, []),
    )
  })

  await t.test('providers', async () => {
    const namespaces = await az`provider list --query ${'[].namespace'}`
    for (const name of ['Microsoft.Compute', 'Microsoft.Resources', 'Microsoft.Storage'])
      assert.ok(namespaces.includes(name), name)
    await az`provider register -n Microsoft.Compute --wait`
    const compute = await az`provider show -n Microsoft.Compute`
    assert.equal(compute.registrationState, 'Registered')
    const types = compute.resourceTypes.map((type: { resourceType: string }) => type.resourceType)
    for (const type of ['galleries', 'galleries/images', 'galleries/images/versions', 'disks', 'snapshots', 'images'])
      assert.ok(types.includes(type), type)
    await refused(az`provider show -n Microsoft.Nowhere`, /InvalidResourceNamespace/)
  })

  await t.test('a group takes what is in it along', async () => {
    await az`disk create -g first -n scratch --size-gb 1`
    await az`group delete -n first --yes`
    await together(
      async () => assert.equal(await az`group exists -n first`, false),
      async () => await az`group wait -n first --deleted --interval 1 --timeout 20`,
      async () => assert.deepEqual(await az`resource list`, []),
      async () => await refused(az`sig show -g first -r tagged`, /ResourceGroupNotFound|ResourceNotFound/),
    )
    await az`group delete -n second --yes --no-wait`
    await az`group wait -n second --deleted --interval 1 --timeout 30`
  })

  await t.test('nothing without a token', async () => {
    for (const path of ['/subscriptions', `/subscriptions/${subscriptionId}/resourcegroups`]) {
      const answer = await fetch(`${server.url}${path}?api-version=2021-04-01`)
      assert.equal(answer.status, 401)
      assert.equal(((await answer.json()) as { error: { code: string } }).error.code, 'AuthenticationFailed')
    }
    await az`logout`
    await refused(az`group list`, /az login/)
  })
})
