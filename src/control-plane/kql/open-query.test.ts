import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KqlFault } from './kql-fault.ts'
import type { Value } from './kql-type.ts'
import { ask } from './test-tables.ts'

/** Each query with the rows that it must come to. */
const expect = (name: string, cases: Readonly<Record<string, readonly (readonly Value[])[]>>) =>
  test(name, async () => {
    for (const [query, rows] of Object.entries(cases)) assert.deepEqual((await ask(query)).rows, rows, query)
  })

const names = (...all: string[]) => all.map(name => [name])

expect('where keeps the rows for which the condition is true, and not those where it is unknown', {
  "Resources | where location == 'westus' | project name": names('Web-01', 'web-02'),
  "resources | where location == 'WestUS' | project name": [],
  "where location =~ 'WestUS' and name !~ 'WEB-02' | project name": names('Web-01'),
  'where properties.on == true | project name': names('Web-01', 'db.main'),
  'where properties.on != true | project name': names('web-02', 'idle'),
  'where not(properties.on == true) | project name': names('web-02', 'idle'),
  "where properties.os == 'Linux' | project name": names('Web-01'),
  "where properties.os != 'Linux' | project name": names('web-02', 'db.main', 'idle'),
  'where properties.cores > 4 | project name': names('db.main', 'idle'),
  'where properties.cores between (2 .. 4) | project name': names('Web-01', 'web-02'),
  'where isnull(properties.os) | project name': names('idle'),
  'where isempty(tags) | project name': names('idle'),
  "where location in ('eastus', 'northeurope') | project name": names('db.main', 'idle'),
  "where location !in~ ('EASTUS', 'northeurope') | project name": names('Web-01', 'web-02'),
  "where location in (dynamic(['eastus'])) | project name": names('db.main'),
  "where properties.os in~ ('LINUX') | project name": names('Web-01', 'web-02'),
})

expect('text operators know terms, beginnings, ends and cases', {
  "where name has 'web' | project name": names('Web-01', 'web-02'),
  "where name has 'we' | project name": [],
  "where name has_cs 'web' | project name": names('web-02'),
  "where name contains 'EB-0' | project name": names('Web-01', 'web-02'),
  "where name !contains_cs 'w' | project name": names('Web-01', 'db.main', 'idle'),
  "where name startswith 'WEB' and name !endswith '1' | project name": names('web-02'),
  "where name hasprefix 'ma' | project name": names('db.main'),
  "where name has_any ('main', '01') | project name": names('Web-01', 'db.main'),
  "where name has_all ('main', 'db') | project name": names('db.main'),
  "where name matches regex @'^[Ww]eb-\\d+$' | project name": names('Web-01', 'web-02'),
})

expect('members, brackets and escapes reach into what is dynamic', {
  "where tags['cost.centre'] == '7' | project name, tags.env": [['Web-01', 'prod']],
  "where isnotempty(tags.['cost.centre']) | project tags['env']": names('prod'),
  'where name == "db.main" | project properties.net.["@type"], properties.disks[0], properties.disks[-1], properties.disks[5]':
    [['nic', 'c', 'c', null]],
  'take 1 | project properties.\\$none, properties.no.such.thing': [[null, null]],
  "take 1 | extend t = dynamic({'a': [1, {'b': 'x'}], 'c': true}) | project t.a[1].b, t.c": [['x', true]],
  "take 1 | project a = @'it''s', b = \"q\\\"\\t\", c = @'\\d', d = 'it\\'s'": [["it's", 'q"\t', '\\d', "it's"]],
})

test('columns get the names that Kusto gives them', async () => {
  const columns = async (query: string) => (await ask(query)).columns
  assert.deepEqual(
    await columns('project tags.env, tostring(properties.cores), strcat(name, 1), x = 1, tolower(name)'),
    ['tags_env', 'properties_cores', 'Column1', 'x', 'Column2'],
  )
  assert.deepEqual(
    await columns(
      'summarize count(), countif(location == "x"), sum(toint(properties.cores)), make_set(location), dcount(name), n = count() by location, bin(toint(properties.cores), 10)',
    ),
    ['location', 'properties_cores', 'count_', 'countif_', 'sum_properties_cores', 'set_location', 'dcount_name', 'n'],
  )
  assert.deepEqual(await columns('join (places) on location | project-away id, ty*'), [
    'name',
    'location',
    'properties',
    'tags',
    'location1',
    'continent',
  ])
  assert.deepEqual(await columns('project-keep n*, id | project-rename who = name | project-reorder who'), [
    'who',
    'id',
  ])
  assert.deepEqual(await columns('count'), ['Count'])
})

expect('rows are made, grouped, ordered and cut', {
  'summarize count() by location | order by count_ desc, location asc': [
    ['westus', 2],
    ['eastus', 1],
    ['northeurope', 1],
  ],
  'summarize total = sum(toint(properties.cores)), avg(toint(properties.cores)), max(name)': [[30, 7.5, 'web-02']],
  'summarize round(sum(toint(properties.cores)) / count() * 1.0, 1)': [[7]],
  'where name == "none" | summarize count(), sum(toint(properties.cores)), max(name), make_list(name)': [
    [0, 0, '', []],
  ],
  'where name == "none" | summarize count() by location': [],
  'summarize arg_max(toint(properties.cores), name) by location | order by location asc': [
    ['eastus', 16, 'db.main'],
    ['northeurope', 8, 'idle'],
    ['westus', 4, 'Web-01'],
  ],
  'summarize make_list(name, 2), make_set(location)': [
    [
      ['Web-01', 'web-02'],
      ['westus', 'eastus', 'northeurope'],
    ],
  ],
  'distinct location | sort by location': names('westus', 'northeurope', 'eastus'),
  'top 2 by name asc | project name': names('Web-01', 'db.main'),
  'order by toint(properties.made) asc nulls last, name asc | take 1 | project name': names('Web-01'),
  'extend name = toupper(name), short = substring(name, 0, 3) | take 1 | project name, short': [['WEB-01', 'Web']],
  count: [[4]],
  'project name | limit 1': names('Web-01'),
})

expect('tables are joined, added and expanded', {
  "join kind=inner (places | where continent startswith 'A') on location | project name, continent": [
    ['Web-01', 'America'],
    ['Web-01', 'America again'],
    ['web-02', 'America'],
    ['web-02', 'America again'],
    ['db.main', 'America'],
  ],
  'join (places) on $left.location == $right.location | project name, continent': [
    ['Web-01', 'America'],
    ['Web-01', 'America again'],
    ['db.main', 'America'],
  ],
  'join kind=leftouter (places | distinct location, continent) on location | where isempty(continent) | project name, location1':
    [['idle', '']],
  'union Resources, places | summarize count()': [[7]],
  'places | union (Resources | where name == "idle") | project location, name, continent | top 2 by name': [
    ['northeurope', 'idle', ''],
    ['westus', '', 'America'],
  ],
  'union withsource=from places, (places | take 1) | summarize count() by from': [
    ['places', 3],
    ['union_arg1', 1],
  ],
  'mv-expand disk = properties.disks | project name, disk': [
    ['Web-01', 'a'],
    ['Web-01', 'b'],
    ['web-02', null],
    ['db.main', 'c'],
    ['idle', null],
  ],
  'mv-expand with_itemindex=at properties.disks to typeof(string) limit 1 | where at == 0 | project properties_disks':
    names('a', '', 'c', ''),
  'where isnotempty(tags) | mvexpand tags | extend key = tostring(bag_keys(tags)[0]) | summarize count() by key | order by key asc':
    [
      ['cost.centre', 1],
      ['env', 3],
    ],
  'where name == "Web-01" | parse id with "/" kind "/" stem "-" number:long | project kind, stem, number': [
    ['m', 'Web', 1],
  ],
  'parse-where id with * "db." rest | project rest': names('main'),
})

expect('functions', {
  'take 1 | project now(), ago(1d), now(-2h)': [
    ['2026-01-01T00:00:00.000Z', '2025-12-31T00:00:00.000Z', '2025-12-31T22:00:00.000Z'],
  ],
  'where todatetime(properties.made) > ago(2h) | project name, now() - todatetime(properties.made)': [
    ['Web-01', '01:00:00'],
  ],
  "take 1 | project datetime_diff('day', now(), datetime(2025-12-30 23:59)), datetime_diff('month', datetime(2025-01-31), now())":
    [[2, -12]],
  'take 1 | project bin(now(), 7d), bin(17, 5), bin(3.7, 0.5), startofmonth(datetime(2026-02-17)), endofday(datetime(2026-02-17))':
    [['2026-01-01T00:00:00.000Z', 15, 3.5, '2026-02-01T00:00:00.000Z', '2026-02-17T23:59:59.999Z']],
  "take 1 | project format_datetime(datetime(2026-02-03 14:05:06), 'yyyy-MM-dd HH:mm:ss'), tostring(1.5h), tostring(25h)":
    [['2026-02-03 14:05:06', '01:30:00', '1.01:00:00']],
  "take 1 | project split('a/b/c', '/'), split('a/b/c', '/')[1], strcat('a', 1, true), strlen('äß'), indexof('abc', 'c'), replace_string('aXbX', 'X', '-')":
    [[['a', 'b', 'c'], 'b', 'a1true', 2, 2, 'a-b-']],
  "take 1 | project extract(@'(\\w+)/(\\d+)', 2, 'x/42'), replace_regex('a1b22', @'\\d+', @'<\\0>'), trim(@'\\s+', '  a b '), extract_all('(.)-', 'a-b-')":
    [['42', 'a<1>b<22>', 'a b', ['a', 'b']]],
  "take 1 | project iff(1 < 2, 'y', 'n'), case(false, 1, true, 2, 3), coalesce('', 'x'), toint('12'), toint('x'), tobool('TRUE'), 7 / 2, 7 % 4, 7.0 / 2, 1 / 0":
    [['y', 2, 'x', 12, null, true, 3, 3, 3.5, null]],
  "take 1 | project array_length(dynamic([1,2])), bag_keys(dynamic({'a':1})), pack('a', 1, 'b', now()), parse_json('{\"a\":[1]}').a[0], set_union(dynamic([1]), dynamic([1,2]))":
    [[2, ['a'], { a: 1, b: '2026-01-01T00:00:00.0000000Z' }, 1, [1, 2]]],
  "where parse_version(name) > parse_version('1.9') or parse_version('1.10.0') > parse_version('1.9.9') | count": [[4]],
  "take 1 | project column_ifexists('name', ''), column_ifexists('none', 'x'), isnull(toint('x')), min_of(3, 1, 2)": [
    ['Web-01', 'x', true, 1],
  ],
  '// a comment\nResources // of all\n| count;': [[4]],
})

test('what is wrong is told with its place or its name', async () => {
  const faults: Readonly<Record<string, readonly [code: string, message: RegExp, character?: number]>> = {
    'Resources | where': ['ParserFailure', /found the end of the query/, 17],
    'Resources | wher name': ['ParserFailure', /Expected an operator .* found 'wher'/, 12],
    "Resources | where name == 'x": ['ParserFailure', /the end of the text/, 26],
    'Resources | where (name == 1': ['ParserFailure', /'\)'/, 28],
    'Resources | project nme': ['InvalidColumnNames', /\[nme\]/],
    'Resources | project Name': ['InvalidColumnNames', /Did you mean 'name'/],
    'Nothing | count': ['DisallowedLogicalTableName', /Nothing/],
    'Resources | extend a = frobnicate(1)': ['DisallowedFunction', /frobnicate/],
    'Resources | extend a = tolower()': ['InvalidFunctionArguments', /takes 1 arguments, 0/],
    'Resources | where name > 1': ['SemanticError', /string and long/],
    'Resources | where name': ['SemanticError', /must be of type bool/],
    'Resources | where properties.a == properties.b': ['SemanticError', /dynamic and dynamic/],
    'Resources | summarize count() by tags': ['SemanticError', /explicit cast/],
    'Resources | order by properties.x': ['SemanticError', /explicit cast/],
    'Resources | extend a = name + 1': ['SemanticError', /string and long/],
    "Resources | where name matches regex '(a'": ['SemanticError', /regular expression/],
    'Resources | render piechart': ['OperatorNotSupported', /render/],
    'let a = 1; Resources': ['OperatorNotSupported', /let/],
    '{{/subscriptions/s/queries/q}}': ['OperatorNotSupported', /shared query/],
    'Resources | join kind=fullouter (places) on location': ['OperatorNotSupported', /fullouter/],
    [`Resources ${'| join (places) on location '.repeat(4)}`]: ['QueryTooComplex', /3 'join'/],
  }
  for (const [query, [code, message, character]] of Object.entries(faults))
    await assert.rejects(ask(query), error => {
      assert.ok(error instanceof KqlFault, query)
      assert.equal(error.code, code, query)
      assert.match(error.message, message, query)
      assert.equal(error.syntax?.characterInLine, character, query)
      return true
    })
})
