import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SUBSCRIPTION, startTestArm, type TestArm } from '../../../../test/support/test-arm.ts'

const DEPLOYMENTS = 'providers/Microsoft.Resources/deployments'
const template = { $schema: 'x', contentVersion: '1.0.0.0', resources: [] }
const definition = {
  location: 'eastus',
  properties: { osType: 'Linux', osState: 'Generalized', identifier: { publisher: 'p', offer: 'o', sku: 's' } },
}

let arm: TestArm
before(async () => {
  arm = await startTestArm()
  for (const group of ['rg', '東京']) await arm.send('PUT', `resourceGroups/${group}`, { location: 'eastus' })
  const gallery = 'resourceGroups/rg/providers/Microsoft.Compute/galleries/g'
  await arm.complete('PUT', gallery, { location: 'eastus', properties: {} })
  for (const name of ['a', 'b']) {
    const identifier = { ...definition.properties.identifier, sku: name }
    const properties = { ...definition.properties, identifier }
    await arm.complete('PUT', `${gallery}/images/${name}`, { ...definition, properties })
    const wish = { properties: { mode: 'Incremental', template } }
    for (const group of ['rg', '東京'])
      await arm.complete('PUT', `resourceGroups/${group}/${DEPLOYMENTS}/${name}`, wish)
    await arm.complete('PUT', `${DEPLOYMENTS}/${name}`, { location: 'eastus', ...wish })
    await arm.complete('PUT', `resourceGroups/rg/providers/Microsoft.Compute/disks/${name}`, {
      location: 'eastus',
      properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 },
    })
  }
})
after(() => arm?.close())

test('what is no extension lies in no other resource', async () => {
  const elsewhere = 'providers/Microsoft.Compute/locations/eastus/providers/Microsoft.Compute/disks'
  for (const path of [elsewhere, `${elsewhere}/a`]) {
    const { status, body } = await arm.send('GET', path)
    assert.deepEqual([status, body.error?.code], [400, 'InvalidRequestUri'])
  }
})

for (const collection of [
  'RESOURCEGROUPS',
  DEPLOYMENTS,
  `resourceGroups/rg/${DEPLOYMENTS}`,
  `resourceGroups/東京/${DEPLOYMENTS}`,
  'providers/Microsoft.Compute/disks',
  'resourceGroups/rg/providers/Microsoft.Compute/disks',
  'resourceGroups/rg/providers/Microsoft.Compute/Galleries/g/images',
])
  test(`a page of ${collection} leads to the next one`, async () => {
    const first = await arm.send('GET', collection, undefined, { $top: '1' })
    const { pathname, searchParams } = new URL(first.body.nextLink)
    const second = await arm.send('GET', decodeURIComponent(pathname), undefined, Object.fromEntries(searchParams))
    assert.equal(second.status, 200, `${pathname}: ${JSON.stringify(second.body)}`)
    const names = [first, second].flatMap(({ body }) => body.value.map(({ name }: { name: string }) => name))
    assert.deepEqual(names, /groups$/i.test(collection) ? ['rg', '東京'] : ['a', 'b'])
    assert.equal(second.body.nextLink, undefined)
    assert.match(first.body.nextLink, /^[!-~]+$/)
    assert.match(pathname, new RegExp(`^/subscriptions/${SUBSCRIPTION}/`))
  })
