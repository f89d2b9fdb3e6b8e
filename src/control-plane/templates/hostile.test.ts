import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { NotLookedUp } from './frame.ts'
import { functions } from './functions/functions.ts'
import { openTemplate } from './open-template.ts'
import { TemplateFault } from './template-fault.ts'
import { inGroup } from './test-surroundings.ts'

const run = (template: Json, parameters?: Json) => {
  const opened = openTemplate(template, parameters, inGroup())
  for (const resource of opened.resources) opened.body(resource)
  return opened.outputs()
}

/** v1 made of two v0, v2 of two v1, and so on. */
const doubling = (of: (before: string) => string, first: string, levels = 60): JsonObject => {
  const variables: Record<string, Json> = { v0: first }
  for (let level = 1; level <= levels; level++) variables[`v${level}`] = of(`variables('v${level - 1}')`)
  return { resources: [], variables, outputs: { o: { type: 'string', value: `[string(variables('v${levels}'))]` } } }
}

const bombs: Record<string, Json> = {
  'text that doubles': doubling(before => `[concat(${before}, ${before})]`, 'a'),
  'arrays that double': doubling(before => `[createArray(${before}, ${before})]`, 'a'),
  'objects that double': doubling(before => `[createObject('a', ${before}, 'b', ${before})]`, 'a'),
  'text that is replaced by itself': doubling(before => `[replace(${before}, 'a', ${before})]`, 'aaaaaaaaaa'),
  'format that repeats': doubling(before => `[format('{0}{0}{0}{0}{0}{0}{0}{0}', ${before})]`, 'abc'),
  'unions that merge': doubling(before => `[union(createObject('a', ${before}), createObject('b', ${before}))]`, 'a'),
  'loops in loops': {
    resources: [],
    outputs: {
      o: {
        type: 'int',
        value:
          "[length(map(range(0, 10000), lambda('a', length(map(range(0, 10000), lambda('b', length(map(range(0, 10000), lambda('c', 1)))))))))]",
      },
    },
  },
  'copy loops in copy loops': {
    resources: [],
    variables: {
      a: {
        copy: [
          {
            name: 'x',
            count: 800,
            input: { copy: [{ name: 'y', count: 800, input: { copy: [{ name: 'z', count: 800, input: 1 }] } }] },
          },
        ],
      },
    },
    outputs: { o: { type: 'object', value: "[variables('a')]" } },
  },
  'a chain of variables': doubling(before => `[concat(${before}, 'a')]`, 'a', 5000),
  'deep text': {
    resources: [],
    outputs: { o: { type: 'object', value: `[json('${'['.repeat(9000)}${']'.repeat(9000)}')]` } },
  },
  'deep calls': {
    resources: [],
    outputs: { o: { type: 'int', value: `[${'add(1,'.repeat(3000)}1${')'.repeat(3000)}]` } },
  },
  'deep members': { resources: [], outputs: { o: { type: 'int', value: `[resourceGroup()${'.a'.repeat(9000)}]` } } },
  'functions that call themselves': {
    resources: [],
    functions: [{ namespace: 'n', members: { f: { output: { type: 'int', value: '[n.f()]' } } } }],
    outputs: { o: { type: 'int', value: '[n.f()]' } },
  },
  'types that name themselves': {
    resources: [],
    definitions: { a: { $ref: '#/definitions/b' }, b: { $ref: '#/definitions/a' } },
    parameters: { p: { $ref: '#/definitions/a', defaultValue: 1 } },
  },
  'many loops of resources': {
    resources: Array.from({ length: 800 }, (_, at) => ({
      type: 'A.B/c',
      apiVersion: '2024-01-01',
      name: `[concat('${at}-', copyIndex())]`,
      copy: { name: `l${at}`, count: 800 },
    })),
  },
  'a padding of gigabytes': { resources: [], outputs: { o: { type: 'string', value: "[padLeft('a', 2000000000)]" } } },
  'a width of gigabytes': { resources: [], outputs: { o: { type: 'string', value: "[format('{0,99999}', 'a')]" } } },
}

for (const [what, template] of Object.entries(bombs))
  test(`${what}: refused before it costs much`, () => {
    assert.throws(() => run(template), TemplateFault)
  })

test('a template that is evaluated again and again is refused at last', () => {
  const value = "[length(map(range(0, 900), lambda('i', length(padLeft('a', 131072)))))]"
  const opened = openTemplate({ resources: [], outputs: { o: { type: 'int', value } } }, undefined, inGroup())
  assert.throws(() => {
    for (let times = 0; times < 1000; times++) opened.outputs()
  }, /exceeds the limit of 4 GB of values in all/)
})

test('names that every object has are names like any other', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  for (const name of names) {
    for (const value of [
      `[parameters('${name}')]`,
      `[variables('${name}')]`,
      `[${name}()]`,
      `[createObject('a', 1).${name}]`,
      `[resourceGroup()['${name}']]`,
    ])
      assert.throws(() => run({ resources: [], outputs: { o: { type: 'string', value } } }), TemplateFault, value)
    const declared = JSON.parse(
      `{"resources":[],"variables":{"${name}":"own"},"outputs":{"o":{"type":"string","value":"[variables('${name}')]"}}}`,
    )
    assert.deepEqual(run(declared), { o: { type: 'String', value: 'own' } })
  }
  const made = run({
    resources: [],
    outputs: { o: { type: 'object', value: "[createObject('__proto__', createObject('x', 1))]" } },
  })
  assert.equal(({} as { x?: unknown }).x, undefined)
  assert.deepEqual(Object.keys((made as unknown as { o: { value: object } }).o.value), ['__proto__'])
})

/** Expressions that are nearly right: calls of real functions with arguments of all kinds. */
const expression = fc.letrec<{ any: string }>(tie => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.constantFrom(
      "'a'",
      "''",
      '0',
      '-1',
      '3',
      'true()',
      'null()',
      "'2020-01-01'",
      "'10.0.0.0/8'",
      "'{0}'",
      "createObject('a', 1)",
      'createArray()',
    ),
    fc.string({ maxLength: 12 }).map(text => `'${text.replaceAll("'", "''")}'`),
    fc.integer().map(String),
    fc
      .tuple(fc.constantFrom(...functions.keys()), fc.array(tie('any'), { maxLength: 4 }))
      .map(([name, parts]) => `${name.replace('*', 'Keys')}(${parts.join(',')})`),
    fc
      .tuple(fc.constantFrom('map', 'filter', 'sort', 'groupBy', 'toObject', 'mapValues'), tie('any'), tie('any'))
      .map(([name, list, body]) => `${name}(${list}, lambda('x', ${body}))`),
    fc.tuple(tie('any'), tie('any')).map(([of, property]) => `${of}[${property}]`),
  ),
})).any

const isTold = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof TemplateFault || error instanceof NotLookedUp, (error as Error).stack)
  }
}

test('any expression gives a value or a fault', () => {
  fc.assert(
    fc.property(expression, text =>
      isTold(() => run({ resources: [], outputs: { o: { type: 'object', value: `[${text}]` } } })),
    ),
    { numRuns: 1500 },
  )
})

test('any text gives a value or a fault', () => {
  const letters = fc.string({ unit: fc.constantFrom(...'[]()\'".,?abc1- {}'), maxLength: 40 })
  fc.assert(
    fc.property(letters, text =>
      isTold(() => run({ resources: [], outputs: { o: { type: 'object', value: `[${text}]` } } })),
    ),
    { numRuns: 1500 },
  )
})

test('any JSON in the place of a section is a template or a fault', () => {
  const sections = ['parameters', 'variables', 'functions', 'resources', 'outputs', 'definitions', 'languageVersion']
  const names = fc.constantFrom(
    'a',
    'type',
    'name',
    'copy',
    'count',
    'input',
    'value',
    'condition',
    'apiVersion',
    'properties',
    'dependsOn',
    'resources',
    'existing',
    'namespace',
    'members',
    'output',
    '$ref',
    'defaultValue',
  )
  const values = fc.constantFrom<Json>(
    'a',
    'A.B/c',
    '2024-01-01',
    'string',
    "[parameters('a')]",
    '[copyIndex()]',
    0,
    2,
    -1,
    null,
    true,
  )
  const tree = fc.letrec<{ any: Json }>(tie => ({
    any: fc.oneof(
      { maxDepth: 5 },
      values,
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(names, tie('any'), { maxKeys: 5 }),
    ),
  })).any
  fc.assert(
    fc.property(fc.constantFrom(...sections), tree, tree, (section, value, parameters) =>
      isTold(() => run({ resources: [], [section]: value }, parameters)),
    ),
    { numRuns: 2000 },
  )
})
