import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFilter } from './odata-filter.ts'

const properties = new Set(['displayName', 'appId', 'names', 'enabled', 'mail'])
const objects = [
  { displayName: 'Ann', appId: 'a-1', names: ['a-1', 'api://ann'], enabled: true, mail: null },
  { displayName: "Bob's", appId: 'b-2', names: ['b-2'], enabled: false, mail: 'bob@x' },
  { displayName: 'Anna', appId: 'c-3', names: [], enabled: true },
]
const found = (filter: string) => objects.filter(parseFilter(filter, properties)).map(({ appId }) => appId)

const filters: readonly (readonly [string, string[]])[] = [
  ["displayName eq 'ann'", ['a-1']],
  ["displayName ne 'Ann'", ['b-2', 'c-3']],
  ["displayName eq 'Bob''s'", ['b-2']],
  ["startswith(displayName,'AN')", ['a-1', 'c-3']],
  ["endswith(displayName, 'na')", ['c-3']],
  ["names/any(c:c eq 'API://ann')", ['a-1']],
  ["names/any(s:startswith(s,'b') or s eq 'a-1')", ['a-1', 'b-2']],
  ["displayName eq 'Ann' and names/any(x:x eq 'b-2')", []],
  ["not (displayName eq 'Ann') and enabled eq true", ['c-3']],
  ["displayName eq 'Ann' or displayName eq 'Anna' and enabled eq false", ['a-1']],
  ["(displayName eq 'Ann' or displayName eq 'Anna') and enabled eq true", ['a-1', 'c-3']],
  ["appId in ('a-1', 'C-3')", ['a-1', 'c-3']],
  ['mail eq null', ['a-1', 'c-3']],
]

test('filters of clients find what they name', () => {
  for (const [filter, wanted] of filters) assert.deepEqual(found(filter), wanted, filter)
})

test('what is no filter, or none that is served, is refused and never thrown over', () => {
  const bad = [
    '',
    'displayName',
    'displayName eq',
    "displayName eq 'open",
    "displayName gt 'a'",
    "secret eq 'a'",
    "__proto__ eq 'a'",
    "displayName eq 'a' and",
    "displayName eq 'a' displayName eq 'b'",
    "names/all(c:c eq 'a')",
    "names/any(c:d eq 'a')",
    'displayName eq 17',
    `${'('.repeat(3000)}`,
    `${'not '.repeat(900)}enabled eq true`,
    `displayName eq '${'x'.repeat(5000)}'`,
  ]
  for (const filter of bad)
    assert.throws(() => parseFilter(filter, properties), { name: 'GraphError', status: 400 }, filter.slice(0, 40))
})
