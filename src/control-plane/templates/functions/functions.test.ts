import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '#resources/resource-document.ts'
import { evaluated, GROUP_ID, SUBSCRIPTION_ID } from '../test-surroundings.ts'
import { functions } from './functions.ts'

/** Expressions without their brackets, and what they come to; most are the examples of the documentation. */
const cases: Record<string, readonly [string, Json][]> = {
  text: [
    ["base64('one, two, three')", 'b25lLCB0d28sIHRocmVl'],
    ["base64ToString(base64('one'))", 'one'],
    ['base64ToJson(base64(\'{"one":"a"}\')).one', 'a'],
    ["concat('prefix', '-', 5, true())", 'prefix-5True'],
    ["contains('OneTwoThree', 'e')", true],
    ["contains('OneTwoThree', 'z')", false],
    ["dataUri('Hello')", 'data:text/plain;charset=utf8;base64,SGVsbG8='],
    ["dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", 'Hello, World!'],
    ["empty('')", true],
    ["endsWith('abcdef', 'EF')", true],
    ["first('One Two Three')", 'O'],
    ["last('One Two Three')", 'e'],
    [
      "format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)",
      'Hello, User. Formatted number: 8,175,133',
    ],
    ["format('{{{0:D3}}} {1,4}|{1,-4}|', 7, 'ab')", '{007}   ab|ab  |'],
    ["guid('a', 'b')", '2d796349-8c7e-55ec-9624-54ece82ed031'],
    ["indexOf('abcdef', 'CD')", 2],
    ["lastIndexOf('test', 't')", 3],
    ["join(createArray('one', 'two'), ',')", 'one,two'],
    ['json(\'{"a":[1,null]}\').a', [1, null]],
    ["padLeft('123', 10, '0')", '0000000123'],
    ["padLeft(5, 3, '0')", '005'],
    ["replace('123-123-1234', '-', '')", '1231231234'],
    ["skip('one two three', 4)", 'two three'],
    ["take('one two three', 2)", 'on'],
    ["split('one,two;three', createArray(',', ';'))", ['one', 'two', 'three']],
    ["split('a.b', '.')", ['a', 'b']],
    ["startsWith('abcdef', 'AB')", true],
    ["string(createObject('a', 1))", '{"a":1}'],
    ["substring('one two three', 4, 3)", 'two'],
    ["toLower('One')", 'one'],
    ["toUpper('One')", 'ONE'],
    ["trim('  one  ')", 'one'],
    ["uniqueString('test')", 'rbgf3xv4ufgzg'],
    ["uniqueString('hello', 'world')", 'a7wkljktk6wne'],
    ["uniqueString('/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg')", 'bmg7c6xu4tw46'],
    [
      "uri('http://contoso.org/firstpath/', 'nested/azuredeploy.json')",
      'http://contoso.org/firstpath/nested/azuredeploy.json',
    ],
    ["uri('http://contoso.org/firstpath', 'myscript.sh')", 'http://contoso.org/myscript.sh'],
    ["uriComponent('http://contoso.com/a b')", 'http%3A%2F%2Fcontoso.com%2Fa%20b'],
    ["uriComponentToString('http%3A%2F%2Fcontoso.com')", 'http://contoso.com'],
    ["'it''s'", "it's"],
  ],
  collections: [
    ["array('a')", ['a']],
    ['concat(createArray(1), createArray(2, 3))', [1, 2, 3]],
    ["contains(createObject('One', 1), 'one')", true],
    ["contains(createArray('one'), 'two')", false],
    ["createObject('a', 1, 'b', createArray())", { a: 1, b: [] }],
    ['flatten(createArray(createArray(1, 2), createArray(3)))', [1, 2, 3]],
    ["first(createArray('one', 'two'))", 'one'],
    ['first(createArray())', null],
    ["indexOf(createArray('a', 'b'), 'b')", 1],
    ['intersection(createArray(1, 2, 3), createArray(3, 2))', [2, 3]],
    ["intersection(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 3))", { b: 2 }],
    [
      "items(createObject('b', 2, 'a', 1))",
      [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ],
    ],
    ["length(createObject('a', 1))", 1],
    ["objectKeys(createObject('b', 1, 'a', 2))", ['a', 'b']],
    ['range(5, 3)', [5, 6, 7]],
    [
      "shallowMerge(createArray(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2))))",
      { a: { y: 2 } },
    ],
    ["union(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2)))", { a: { x: 1, y: 2 } }],
    ['union(createArray(1, 2), createArray(2, 3))', [1, 2, 3]],
    ["tryGet(createObject('a', createArray(7)), 'a', 0)", 7],
    ["tryGet(createObject('a', 1), 'b', 'c')", null],
    ['indexFromEnd(createArray(1, 2, 3), 1)', 3],
    ['tryIndexFromEnd(createArray(1), 5)', null],
    ["createObject('a', createObject('B', 1)).A.b", 1],
    ["createObject('a', 1).?b.c", null],
    ['createArray(1, 2)[1]', 2],
    ['createArray(1)[?4]', null],
  ],
  numbers: [
    ['add(5, 3)', 8],
    ['div(8, 3)', 2],
    ['div(-8, 3)', -2],
    ['mod(7, 3)', 1],
    ['mul(5, 3)', 15],
    ['sub(7, 3)', 4],
    ["int('4')", 4],
    ["float('3.5')", 3.5],
    ['min(createArray(5, 3))', 3],
    ['max(5, 8, 1)', 8],
  ],
  decisions: [
    ["if(equals('a', 'a'), 'yes', fail('no'))", 'yes'],
    ['and(true(), not(false()))', true],
    ['and(false(), div(1, 0))', false],
    ['or(false(), true())', true],
    ["bool('true')", true],
    ["coalesce(null(), json('null'), 'third')", 'third'],
    ['equals(createArray(1, 2), createArray(1, 2))', true],
    ['less(1, 2)', true],
    ["greater('a', 'b')", false],
    ['greaterOrEquals(2, 2)', true],
    ["lessOrEquals('B', 'a')", true],
  ],
  dates: [
    ["dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", '2023-04-07T14:53:14Z'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", '2020-03-29T14:53:14Z'],
    ["dateTimeAdd('20200131T000000Z', 'P1M', 'yyyy-MM-dd')", '2020-02-29'],
    ["dateTimeAdd('2020-04-07', 'PT1H30M', 'dddd, d MMMM yyyy h:mm tt')", 'Tuesday, 7 April 2020 1:30 AM'],
    ['dateTimeFromEpoch(1683040573)', '2023-05-02T15:16:13Z'],
    ["dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573],
  ],
  lambdas: [
    ["filter(createArray(1, 2, 3), lambda('n', greater(lambdaVariables('n'), 1)))", [2, 3]],
    ["map(createArray('a', 'b'), lambda('s', 'i', concat(lambdaVariables('s'), lambdaVariables('i'))))", ['a0', 'b1']],
    ["mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))", { a: 2 }],
    ["reduce(range(1, 4), 0, lambda('sum', 'n', add(lambdaVariables('sum'), lambdaVariables('n'))))", 10],
    ["sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))", [1, 2, 3]],
    ["groupBy(createArray('ab', 'ac', 'b'), lambda('s', first(lambdaVariables('s'))))", { a: ['ab', 'ac'], b: ['b'] }],
    ["toObject(createArray('a'), lambda('k', lambdaVariables('k')), lambda('k', 1))", { a: 1 }],
    [
      "map(createArray(1, 2), lambda('x', map(createArray(10), lambda('y', add(lambdaVariables('x'), lambdaVariables('y'))))))",
      [[11], [12]],
    ],
  ],
  addresses: [
    [
      "parseCidr('10.144.0.0/20')",
      {
        network: '10.144.0.0',
        netmask: '255.255.240.0',
        broadcast: '10.144.15.255',
        firstUsable: '10.144.0.1',
        lastUsable: '10.144.15.254',
        cidr: 20,
      },
    ],
    ["cidrSubnet('10.144.0.0/20', 24, 1)", '10.144.1.0/24'],
    ["cidrHost('10.144.3.0/24', 1)", '10.144.3.2'],
    ["cidrSubnet('2001:db8::/32', 48, 1)", '2001:db8:1::/48'],
  ],
  ids: [
    [
      "resourceId('Microsoft.Compute/galleries/images', 'g', 'i')",
      `${GROUP_ID}/providers/Microsoft.Compute/galleries/g/images/i`,
    ],
    [
      "resourceId('other', 'Microsoft.Compute/disks', 'd')",
      `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/other/providers/Microsoft.Compute/disks/d`,
    ],
    [
      "resourceId('s', 'g', 'Microsoft.Compute/disks', 'd')",
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d',
    ],
    [
      "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
      `/subscriptions/${SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/r`,
    ],
    ["tenantResourceId('Microsoft.Authorization/policies', 'p')", '/providers/Microsoft.Authorization/policies/p'],
    ["extensionResourceId(resourceGroup().id, 'Microsoft.X/locks', 'l')", `${GROUP_ID}/providers/Microsoft.X/locks/l`],
    ['resourceGroup().location', 'eastus'],
    ['subscription().subscriptionId', SUBSCRIPTION_ID],
    ['deployment().name', 'deployed'],
    ["pickZones('Microsoft.Compute', 'virtualMachines', 'eastus')", []],
  ],
}

for (const [subject, examples] of Object.entries(cases))
  test(`functions of ${subject} give what the documentation says`, () => {
    for (const [expression, value] of examples) assert.deepEqual(evaluated(`[${expression}]`), value, expression)
  })

test('every function has an example or a refusal, and refuses what it can not use', () => {
  const shown = Object.values(cases)
    .flat()
    .map(([expression]) => expression.toLowerCase())
    .join('\n')
  const elsewhere =
    'parameters variables copyindex reference references resourceinfo list* providers utcnow newguid environment tenant deployer'
  const refused =
    'managementgroup managementgroupresourceid tologicalzone tologicalzones tophysicalzone tophysicalzones externalinput secret'
  const named = new Set(`${elsewhere} ${refused}`.split(' '))
  const forgotten = [...functions.keys()].filter(name => !named.has(name) && !shown.includes(`${name}(`))
  assert.deepEqual(forgotten, [])
  const wrong = {
    'toLower(1)':
      /'toLower' expects its parameter at position '1' to be of type 'String'. The provided value is of type 'Integer'/,
    "substring('abc', 2, 5)": /must refer to a location within the string/,
    'div(1, 0)': /the divisor must not be 0/,
    "json('{')": /not valid JSON/,
    "nothing('a')": /The template function 'nothing' is not valid/,
    'concat()[0]': /property selection is not supported on values of type 'String'/,
    "createObject('a', 1).b": /property 'b' doesn't exist, available properties are 'a'/,
    'createArray(1)[3]': /array index '3' is out of bounds/,
    'utcNow()': /'utcNow' is not expected at this location/,
    'newGuid()': /'newGuid' is not expected at this location/,
    'managementGroup()': /not available/,
    "lambda('a', 1)": /'lambda' is not expected/,
    "resourceId('Microsoft.Compute/disks', 'a', 'b')": /requires '1' resource name argument/,
    'add(1)': /the number of parameters '1' is not expected/,
    'add(1, 2': /expected '\)'/,
    "'open": /is not expected/,
    'copyIndex()': /'copyIndex' is not expected/,
  }
  for (const [expression, message] of Object.entries(wrong))
    assert.throws(() => evaluated(`[${expression}]`), { message }, expression)
})

test('utcNow and newGuid are for the defaults of parameters', () => {
  const parameters = {
    day: { type: 'string', defaultValue: "[utcNow('yyyy-MM-dd')]" },
    now: { type: 'string', defaultValue: '[utcNow()]' },
    round: { type: 'string', defaultValue: "[utcNow('o')]" },
    unique: { type: 'string', defaultValue: '[newGuid()]' },
  }
  const all = "[createArray(parameters('day'), parameters('now'), parameters('round'), parameters('unique'))]"
  assert.deepEqual(evaluated(all, { parameters }), [
    '2026-05-04',
    '20260504T030201Z',
    '2026-05-04T03:02:01.1230000Z',
    '00000000-0000-4000-8000-000000000000',
  ])
})

test('functions of the template’s own see their parameters alone', () => {
  const functions = [
    {
      namespace: 'contoso',
      members: {
        uniqueName: {
          parameters: [{ name: 'prefix', type: 'string' }],
          output: { type: 'string', value: "[concat(toLower(parameters('prefix')), '-x')]" },
        },
        nosy: { output: { type: 'string', value: "[variables('secret')]" } },
      },
    },
  ]
  assert.equal(evaluated("[contoso.uniqueName('ABC')]", { functions }), 'abc-x')
  assert.throws(
    () => evaluated('[contoso.nosy()]', { functions, variables: { secret: 's' } }),
    /'variables' is not expected/,
  )
})

test('what is looked up is asked for by id and version', () => {
  const answers = { 'reference /subscriptions/s/x': { a: 1 }, 'list /subscriptions/s/x': { keys: [1, 2] } }
  assert.equal(evaluated("[reference('/subscriptions/s/x', '2024-01-01').a]", {}, answers), 1)
  assert.deepEqual(evaluated("[listKeys('/subscriptions/s/x', '2024-01-01').keys]", {}, answers), [1, 2])
  assert.throws(() => evaluated("[reference('/subscriptions/s/y', '2024-01-01')]"), { name: 'NotLookedUp' })
})

test('texts that begin with two brackets are no expressions, nor are those that do not end in one', () => {
  assert.equal(evaluated('[[text]'), '[text]')
  assert.equal(evaluated('[text] more'), '[text] more')
  assert.equal(evaluated('plain'), 'plain')
})
