import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import { nodeOf, type SchemaNode, valuesOf } from '#arm/schema-marks.ts'
import { registeredTypes } from '../support/registered-types.ts'
import { fuzzing } from './fuzz-client.ts'
import { type FuzzWorld, type Sample, startFuzzWorld } from './fuzz-world.ts'
import { oddJson, oddJson5, oddKeys } from './odd-values.ts'

let world: FuzzWorld
before(async () => {
  world = await startFuzzWorld()
})
after(() => world?.close())

type Place = readonly (string | number)[]

/** Every place of a schema: members, items and values, each by the keys that lead there. */
const placesOf = (node: SchemaNode): Place[] => {
  const below = (key: string | number, child: SchemaNode): Place[] => placesOf(child).map(place => [key, ...place])
  const values = valuesOf(node)
  return [
    [],
    ...Object.entries(node.properties ?? {}).flatMap(([name, child]) => below(name, child)),
    ...(node.items ? below(0, node.items) : []),
    ...(values ? below('key', values) : []),
    ...(node.anyOf ?? []).flatMap(choice => placesOf(choice).filter(place => place.length > 0)),
  ]
}

/** A body as text with `value` at the place; what leads there is made when the good body lacks it. */
const withAt = (body: unknown, [key, ...rest]: Place, value: string): string => {
  if (key === undefined) return value
  if (typeof key === 'number') {
    const items = Array.isArray(body) && body.length > 0 ? body : [{}]
    return `[${items.map((item, index) => (index === key ? withAt(item, rest, value) : JSON.stringify(item))).join()}]`
  }
  const members = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}
  const others = Object.entries(members).filter(([name]) => name !== key)
  const inner = withAt(Object.entries(members).find(([name]) => name === key)?.[1], rest, value)
  const written = [...others.map(([name, member]) => [name, JSON.stringify(member)]), [key, inner]]
  return `{${written.map(([name, member]) => `${JSON.stringify(name)}:${member}`).join()}}`
}

interface Target extends Sample {
  readonly places: readonly Place[]
}

const ACCESS = { access: 'Read', durationInSeconds: 60 }

/** Everything that takes a body: resources by their schemas, and their actions. */
const targets = (): Target[] => {
  const types = new Map(registeredTypes().map(type => [type.type, type]))
  const tracked: Place[] = [['location'], ['tags'], ['tags', 'key'], ['id'], ['systemData'], ['etag']]
  const resources = world.samples.map(sample => {
    const schema = types.get(sample.type)?.schema ?? assert.fail(`${sample.type} has no schema`)
    return { ...sample, places: [...placesOf(nodeOf(schema)), ...tracked] }
  })
  const actions = world.samples.flatMap(sample =>
    Object.entries(types.get(sample.type)?.actions ?? {}).map(([name, { body }]) => ({
      type: `${sample.type}/${name}`,
      path: `${sample.path}/${name}`,
      body: ACCESS,
      places: body ? placesOf(nodeOf(body)) : [[]],
    })),
  )
  const tags = {
    type: 'tags',
    path: `${world.group}/providers/Microsoft.Resources/tags/default`,
    body: { operation: 'Merge', properties: { tags: { a: 'b' } } },
    places: [[], ['operation'], ['properties'], ['properties', 'tags'], ['properties', 'tags', 'a']],
  }
  const name = {
    type: 'checkNameAvailability',
    path: `/subscriptions/${world.server.admin.subscriptionId}/providers/Microsoft.Storage/checkNameAvailability`,
    body: { name: 'a', type: 'Microsoft.Storage/storageAccounts' },
    places: [[], ['name'], ['type']],
  }
  return [...resources, ...actions, tags, name]
}

const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...oddJson) },
  { weight: 1, arbitrary: fc.constantFrom(...oddJson5) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...oddKeys), fc.constantFrom(...oddJson))
      .map(([key, inner]) => `{${JSON.stringify(key)}:${inner}}`),
  },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }).map(text => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.double().map(String) },
)

test('a wrong value at any place of any body is refused or taken, never a fault, and a refusal changes nothing', async () => {
  const all = targets()
  assert.ok(all.flatMap(target => target.places).length > 300, 'Far fewer places than there are: the walk is broken.')
  const cases = fc.record({
    target: fc.constantFrom(...all),
    at: fc.nat(),
    value,
    verb: fc.constantFrom('PUT', 'PATCH', 'fresh'),
  })
  let before = await world.documents()
  await fc.assert(
    fc.asyncProperty(cases, async ({ target, at, value, verb }) => {
      const place = target.places[at % target.places.length] ?? []
      const body = withAt(verb === 'PATCH' ? {} : target.body, place, value)
      const isAction = !world.samples.some(sample => sample.path === target.path) && target.type !== 'tags'
      const method = isAction ? 'POST' : verb === 'fresh' ? 'PUT' : verb
      const path = isAction || verb !== 'fresh' || target.type === 'tags' ? target.path : freshName(target.path)
      const { status } = await world.client.send({ method, path: `${path}?api-version=2025-12-03`, body })
      const after = await world.documents()
      if (status >= 400) assert.equal(after, before, `${status}, but something changed`)
      if (after === before) return
      if (path !== target.path) await world.client.send({ method: 'DELETE', path: `${path}?api-version=2025-12-03` })
      before = await world.documents()
    }),
    fuzzing(1500),
  )
})

const freshName = (path: string) => (/versions\/1\.0\.0$/.test(path) ? path.replace(/1\.0\.0$/, '2.0.0') : `${path}x`)
