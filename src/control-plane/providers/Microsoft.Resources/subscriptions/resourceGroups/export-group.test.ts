import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestArm } from '../../../../../../test/support/test-arm.ts'

test('a group that was exported can be deployed again: into itself without a change, into another as its like', async t => {
  const world = await startTestArm()
  t.after(() => world.close())
  await world.send('PUT', 'resourceGroups/rg', { location: 'eastus' })
  await world.send('PUT', 'resourceGroups/other', { location: 'eastus' })
  const compute = 'resourceGroups/rg/providers/Microsoft.Compute'
  const put = async (path: string, body: object) => {
    const answer = await world.complete('PUT', path, body as never)
    assert.ok(answer.status < 300, JSON.stringify(answer.body))
  }
  await put(`${compute}/galleries/mine`, { location: 'eastus', tags: { odd: '[not an expression]' }, properties: {} })
  const identifier = { publisher: 'p', offer: 'o', sku: 's' }
  await put(`${compute}/galleries/mine/images/linux`, {
    location: 'eastus',
    properties: { osType: 'Linux', osState: 'Generalized', identifier },
  })
  await put(`${compute}/disks/empty`, {
    location: 'eastus',
    properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
  })
  await put('resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net', {
    location: 'eastus',
    properties: {
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      subnets: [{ name: 'sub', properties: { addressPrefix: '10.0.0.0/24' } }],
    },
  })
  const whole = { resources: ['*'], options: 'SkipAllParameterization' }
  const exported = await world.send('POST', 'resourceGroups/rg/exportTemplate', whole)
  assert.equal(exported.status, 200, JSON.stringify(exported.body))
  const { template } = exported.body
  assert.equal(template.resources.length, 4)
  const gallery = template.resources.find(({ name }: { name: string }) => name === 'mine')
  assert.equal(gallery.tags.odd, '[[not an expression]')

  const deployment = (group: string) => `resourceGroups/${group}/providers/Microsoft.Resources/deployments/again`
  const wish = { properties: { mode: 'Incremental', template } }
  const foreseen = await world.send('POST', `${deployment('rg')}/whatIf`, wish)
  for (const change of foreseen.body.properties.changes)
    assert.equal(change.changeType, 'NoChange', JSON.stringify(change))
  const ours = JSON.parse(JSON.stringify(wish).replaceAll('mine', 'ours')) // a gallery's name is one of the subscription
  const done = await world.complete('PUT', deployment('other'), ours)
  assert.equal(done.body.properties?.provisioningState, 'Succeeded', JSON.stringify(done.body))
  const tags = await world.send('GET', `${compute.replace('/rg/', '/other/')}/galleries/ours`)
  assert.deepEqual(tags.body.tags, { odd: '[not an expression]' })

  const some = { resources: [`/subscriptions/${compute}`], options: '' }
  assert.equal((await world.send('POST', 'resourceGroups/rg/exportTemplate', some)).status, 404)
  const named = await world.send('POST', 'resourceGroups/rg/exportTemplate', {
    options: 'IncludeParameterDefaultValue',
  })
  const image = named.body.template.resources.find(({ type }: { type: string }) => type.endsWith('/images'))
  assert.equal(
    image.name,
    "[concat(parameters('galleries_mine_name'), '/', parameters('galleries_images_linux_name'))]",
  )
  assert.deepEqual(named.body.template.parameters.galleries_mine_name, { defaultValue: 'mine', type: 'String' })
  const renamed = await world.complete('PUT', deployment('other'), {
    properties: {
      mode: 'Incremental',
      template: named.body.template,
      parameters: { galleries_mine_name: { value: 'yours' } },
    },
  })
  assert.equal(renamed.body.properties?.provisioningState, 'Succeeded', JSON.stringify(renamed.body))
})
