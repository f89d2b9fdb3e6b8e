import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { openTemplate } from './open-template.ts'
import { evaluated, GROUP_ID, inGroup } from './test-surroundings.ts'

const open = (template: JsonObject, parameters: JsonObject = {}, answers = {}) =>
  openTemplate({ resources: [], ...template }, parameters, inGroup(answers))

const thing = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'A.B/things',
  apiVersion: '2024-01-01',
  name,
  ...more,
})

/** Which resource waits for which, by name. */
const waits = (template: JsonObject) => {
  const { resources, dependencies } = open(template)
  return Object.fromEntries(
    resources.map(resource => [resource.name, [...(dependencies.get(resource) ?? [])].map(({ name }) => name)]),
  )
}

test('parameters are given, defaulted, checked, and shown without secrets', () => {
  const parameters = {
    a: { type: 'string' },
    b: { type: 'int', defaultValue: "[length(parameters('a'))]", minValue: 1, maxValue: 5 },
    c: { type: 'secureObject', defaultValue: { key: 'secret' } },
    d: { type: 'array', allowedValues: ['x', 'y'], defaultValue: ['x'] },
    e: { type: 'bool', nullable: true },
  }
  const opened = open({ parameters }, { A: { value: 'abc' } })
  assert.deepEqual(opened.parameters, {
    a: { type: 'String', value: 'abc' },
    b: { type: 'Int', value: 3 },
    c: { type: 'SecureObject' },
    d: { type: 'Array', value: ['x'] },
    e: { type: 'Bool', value: null },
  })
  assert.deepEqual(opened.redact({ told: ['the secret is out'] }), { told: ['the ******* is out'] })
  const refusals: [JsonObject, RegExp][] = [
    [{}, /The value for the template parameter 'a' is not provided/],
    [{ a: { value: 1 } }, /Expected a value of type 'String, Uri', but received a value of type 'Integer'/],
    [{ a: { value: 'abcdef' } }, /The value should be less than or equal to '5'/],
    [{ a: { value: 'a' }, z: { value: 1 } }, /The template parameters 'z' in the parameters file are not valid/],
    [{ a: { value: 'a' }, d: { value: ['z'] } }, /not part of the allowed value\(s\): 'x,y'/],
    [{ a: { reference: { keyVault: {} } } }, /not available/],
  ]
  for (const [given, message] of refusals) assert.throws(() => open({ parameters }, given), { message })
})

test('types that a template declares hold for its parameters', () => {
  const definitions = {
    size: { type: 'string', allowedValues: ['small', 'large'] },
    box: {
      type: 'object',
      properties: {
        size: { $ref: '#/definitions/size' },
        note: { type: 'string', nullable: true },
        constructor: { type: 'string', nullable: true },
      },
    },
  }
  const parameters = { boxes: { type: 'array', items: { $ref: '#/definitions/box' } } }
  open({ definitions, parameters }, { boxes: { value: [{ size: 'small' }] } })
  assert.throws(() => open({ definitions, parameters }, { boxes: { value: [{ size: 'odd' }] } }), /boxes\[0\]\.size/)
})

test('variables name each other, and may loop', () => {
  const variables = {
    a: "[concat(variables('b'), '!')]",
    b: 'b',
    copy: [{ name: 'many', count: 3, input: "[concat('n', copyIndex('many', 1))]" }],
    within: { copy: [{ name: 'inner', count: 2, input: { index: "[copyIndex('inner')]" } }], kept: 1 },
  }
  assert.equal(evaluated("[variables('a')]", { variables }), 'b!')
  assert.deepEqual(evaluated("[variables('many')]", { variables }), ['n1', 'n2', 'n3'])
  assert.deepEqual(evaluated("[variables('within')]", { variables }), { inner: [{ index: 0 }, { index: 1 }], kept: 1 })
  const circle = { x: "[variables('y')]", y: "[variables('x')]" }
  assert.throws(() => evaluated("[variables('x')]", { variables: circle }), /Circular dependency detected on variable/)
})

test('a body is what the template says, loops of properties gone round', () => {
  const copy = [{ name: 'disks', count: 2, input: { lun: "[copyIndex('disks')]", of: '[copyIndex()]' } }]
  const resource = thing("[concat('t', copyIndex())]", {
    copy: { name: 'all', count: 2 },
    location: '[resourceGroup().location]',
    tags: { "[concat('a', 'b')]": 'c' },
    properties: { copy, empty: null },
    comments: 'not sent',
  })
  const { resources, body } = open({ resources: [resource] })
  assert.deepEqual(
    resources.map(({ id }) => id),
    [0, 1].map(at => `${GROUP_ID}/providers/A.B/things/t${at}`),
  )
  assert.deepEqual(body(resources[1] as (typeof resources)[0]), {
    location: 'eastus',
    tags: { ab: 'c' },
    properties: {
      empty: null,
      disks: [
        { lun: 0, of: 1 },
        { lun: 1, of: 1 },
      ],
    },
  })
})

test('resources wait for what they name, in any of its forms, and for what they look up', () => {
  const resources = [
    thing('one'),
    thing('two', { dependsOn: ['one'] }),
    thing('three', { dependsOn: ['a.b/THINGS/two'] }),
    thing('four', { dependsOn: ["[resourceId('A.B/things', 'three')]"] }),
    thing('five', { properties: { of: "[reference(resourceId('A.B/things', 'four'), '2024-01-01').x]" } }),
    thing('six', { properties: { keys: "[listKeys('five', '2024-01-01')]" } }),
    thing('loop', { name: "[concat('l', copyIndex())]", copy: { name: 'loop', count: 2 } }),
    thing('last', { dependsOn: ['loop'] }),
  ]
  assert.deepEqual(waits({ resources }), {
    one: [],
    two: ['one'],
    three: ['two'],
    four: ['three'],
    five: ['four'],
    six: ['five'],
    l0: [],
    l1: [],
    last: ['l0', 'l1'],
  })
})

test('a serial loop makes a batch at a time; a loop of none can be depended on', () => {
  const loop = thing("[concat('l', copyIndex())]", { copy: { name: 'loop', count: 5, mode: 'serial', batchSize: 2 } })
  assert.deepEqual(waits({ resources: [loop] }), {
    l0: [],
    l1: [],
    l2: ['l0', 'l1'],
    l3: ['l0', 'l1'],
    l4: ['l2', 'l3'],
  })
  const none = thing("[concat('l', copyIndex())]", { copy: { name: 'none', count: 0 } })
  assert.deepEqual(waits({ resources: [none, thing('x', { dependsOn: ['none'] })] }), { x: [] })
})

test('children lie in their parents; a condition decides what is made', () => {
  const child = { type: 'parts', apiVersion: '2024-01-01', name: 'p', dependsOn: ['parent'] }
  const resources = [thing('parent', { resources: [child] }), thing('not', { condition: '[equals(1, 2)]' })]
  const opened = open({ resources })
  assert.deepEqual(
    opened.resources.map(({ id, isWanted }) => [id.slice(GROUP_ID.length), isWanted]),
    [
      ['/providers/A.B/things/parent', true],
      ['/providers/A.B/things/parent/parts/p', true],
      ['/providers/A.B/things/not', false],
    ],
  )
})

test('symbolic names, existing resources and references to them', () => {
  const resources = {
    old: { existing: true, ...thing('old') },
    loop: { ...thing("[concat('l', copyIndex())]"), copy: { name: 'loop', count: 2 } },
    fresh: thing('new', {
      dependsOn: ['loop'],
      properties: { of: "[reference('old').x]", info: "[resourceInfo('old').name]" },
    }),
  }
  const outputs = {
    all: { type: 'array', value: "[map(references('loop', 'full'), lambda('r', lambdaVariables('r').n))]" },
  }
  const at = (name: string) => `reference ${GROUP_ID}/providers/A.B/things/${name}`
  const opened = open(
    { languageVersion: '2.0', resources, outputs },
    {},
    { [at('old')]: { x: 7 }, [at('l0')]: { n: 0 }, [at('l1')]: { n: 1 } },
  )
  const fresh = opened.resources.find(({ symbol }) => symbol === 'fresh')
  assert.ok(fresh)
  assert.deepEqual(opened.body(fresh), { properties: { of: 7, info: 'old' } })
  assert.deepEqual(opened.outputs().all, { type: 'Array', value: [0, 1] })
  assert.deepEqual([...(opened.dependencies.get(fresh) ?? [])].map(({ name }) => name).toSorted(), ['l0', 'l1', 'old'])
})

test('a nested template with inner scope is handed on as it is, one with outer scope evaluated', () => {
  const nested = (scope: Json) =>
    thing('nested', {
      type: 'Microsoft.Resources/deployments',
      resourceGroup: 'other',
      properties: {
        mode: 'Incremental',
        ...(scope === null ? {} : { expressionEvaluationOptions: { scope } }),
        parameters: { p: { value: "[variables('v')]" } },
        template: { resources: [thing("[variables('v')]")], outputs: {} },
      },
    })
  const nameWith = (scope: Json) => {
    const { resources, body } = open({ variables: { v: 'value' }, resources: [nested(scope)] })
    const [resource] = resources
    assert.ok(resource)
    assert.match(resource.id, /resourceGroups\/other\/providers\/Microsoft.Resources\/deployments\/nested$/)
    const { properties } = body(resource) as unknown as {
      properties: { parameters: Json; template: { resources: { name: string }[] } }
    }
    assert.deepEqual(properties.parameters, { p: { value: 'value' } })
    return properties.template.resources[0]?.name
  }
  assert.equal(nameWith('inner'), "[variables('v')]")
  assert.equal(nameWith('Outer'), 'value')
  assert.equal(nameWith(null), 'value')
})

test('outputs have conditions and loops, and hide what is secure', () => {
  const outputs = {
    no: { type: 'string', condition: false, value: "[reference('gone').x]" },
    many: { type: 'array', copy: { count: 2, input: '[copyIndex()]' } },
    secret: { type: 'secureString', value: 'hush' },
  }
  assert.deepEqual(open({ outputs }).outputs(), {
    many: { type: 'Array', value: [0, 1] },
    secret: { type: 'SecureString' },
  })
  assert.throws(
    () => open({ outputs: { a: { type: 'int', value: 'x' } } }).outputs(),
    /Expected a value of type 'Integer'/,
  )
})

test('templates that are none are refused', () => {
  const refusals: [JsonObject, RegExp][] = [
    [{ resources: 7 }, /neither an array nor an object/],
    [{ resource: [] }, /Could not find member 'resource'/],
    [{ resources: [thing('a'), thing('a')] }, /defined multiple times/],
    [{ resources: [thing('a', { copy: { name: 'c', count: 801 } })] }, /integer from 0 to 800/],
    [{ resources: [thing("[reference('b').x]")] }, /'reference' is not expected at this location/],
    [{ extensions: {} }, /not available/],
    [{ parameters: { a: { type: 'text' } } }, /The type 'text' at 'parameters.a' is not valid/],
  ]
  for (const [template, message] of refusals) assert.throws(() => open(template), { message })
})

test('a variable that can not be worked out says why each time that it is asked for', () => {
  const outputs = { o: { type: 'int', value: "[variables('wrong')]" } }
  const opened = open({ variables: { wrong: '[div(1, 0)]' }, outputs })
  for (let times = 0; times < 2; times++) assert.throws(() => opened.outputs(), /'div'/)
})
