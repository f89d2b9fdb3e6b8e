import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTarget, ResourceId } from './resource-id.ts'

const GALLERY =
  '/subscriptions/s1/resourceGroups/Rg1/providers/Microsoft.Compute/galleries/Gal/images/Img/versions/1.0.0'

test('an id knows its type, names and scopes', () => {
  const id = ResourceId.parse(GALLERY)
  assert.ok(id)
  assert.equal(id.type, 'Microsoft.Compute/galleries/images/versions')
  assert.deepEqual(id.names, ['Gal', 'Img', '1.0.0'])
  assert.equal(id.subscriptionId, 's1')
  assert.equal(id.resourceGroup, 'Rg1')
  assert.equal(`${id.parent}`, GALLERY.replace('/versions/1.0.0', ''))
  assert.equal(`${id.group}`, '/subscriptions/s1/resourceGroups/Rg1')
  assert.equal(id.key, GALLERY.toLowerCase())
})

test('root pairs are types of Microsoft.Resources', () => {
  assert.equal(ResourceId.parse('/subscriptions/s1')?.type, 'Microsoft.Resources/subscriptions')
  const group = ResourceId.parse('/subscriptions/s1/resourcegroups/g')
  assert.equal(
    group?.inCaseOf('Microsoft.Resources/subscriptions/resourceGroups').toString(),
    '/subscriptions/s1/resourceGroups/g',
  )
  const spelt = ResourceId.parse('/providers/microsoft.RESOURCES/subscriptions/s1/resourceGroups/g')
  assert.deepEqual([spelt?.subscriptionId, spelt?.resourceGroup], ['s1', 'g'])
  assert.equal(`${spelt}`, '/subscriptions/s1/resourceGroups/g')
  const provider = ResourceId.parse('/subscriptions/s1/providers/Microsoft.Compute')
  assert.equal(provider?.type, 'Microsoft.Resources/subscriptions/providers')
  assert.equal(`${provider}`, '/subscriptions/s1/providers/Microsoft.Compute')
})

test('doubled and trailing slashes are tolerated, also in the middle of a type', () => {
  const target = parseTarget('/subscriptions/s1/resourceGroups/g/providers/Microsoft.Compute//galleries/a/')
  assert.equal(target?.kind === 'resource' && target.id.type, 'Microsoft.Compute/galleries')
})

test('a path that ends in a type is a collection, or an action on what stands before', () => {
  const versions = parseTarget('/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/a/images')
  assert.ok(versions?.kind === 'collection')
  assert.equal(versions.type, 'Microsoft.Compute/galleries/images')
  assert.equal(versions.parent.name, 'a')
  const galleries = parseTarget('/subscriptions/s/providers/Microsoft.Compute/galleries')
  assert.ok(galleries?.kind === 'collection')
  assert.equal(`${galleries.parent}`, '/subscriptions/s')
  const register = parseTarget('/subscriptions/s/providers/Microsoft.Compute/register')
  assert.ok(register?.kind === 'collection')
  assert.equal(register.owner.type, 'Microsoft.Resources/subscriptions/providers')
})

test('an extension hangs on any resource', () => {
  const id = ResourceId.parse(`${GALLERY}/providers/Microsoft.Resources/tags/default`)
  assert.equal(id?.type, 'Microsoft.Resources/tags')
  assert.equal(`${id?.scope}`, GALLERY)
  assert.equal(`${id}`, `${GALLERY}/providers/Microsoft.Resources/tags/default`)
})

test('a subscription lies in nothing: behind another id none can be named', () => {
  for (const before of ['/subscriptions/own', '/subscriptions/own/resourceGroups/g', '/providers/a/b/c', GALLERY])
    for (const behind of ['subscriptions/s2/tagNames', 'SUBSCRIPTIONS/s2/resourceGroups/g', 'subscriptions'])
      assert.equal(parseTarget(`${before}/providers/microsoft.resources/${behind}`), undefined, `${before} ${behind}`)
})

test('what decodes to a slash, a control character or nonsense is no path', () => {
  for (const path of ['/subscriptions/a%2Fb', '/subscriptions/%00', '/subscriptions/%zz', `/${'a/'.repeat(60)}b`])
    assert.equal(parseTarget(path), undefined, path)
})

test('parse of print is the same id', () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/).filter(text => !/^(providers|\.+)$/i.test(text))
  const pairs = fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(name, name, name, pairs, (subscription, group, namespace, types) => {
      const path = `/subscriptions/${subscription}/resourceGroups/${group}/providers/${namespace}${types.map(([type, own]) => `/${type}/${own}`).join('')}`
      const id = ResourceId.parse(path)
      assert.equal(`${id}`, path)
      assert.equal(`${ResourceId.parse(`${id}`)}`, path)
      assert.equal(id?.names.length, types.length)
    }),
  )
})
