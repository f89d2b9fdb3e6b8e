import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KqlFault } from './kql-fault.ts'
import { ask } from './test-tables.ts'

/** The rows of a query, or that it was refused: nothing else may come of any text. */
const outcome = async (text: string): Promise<'answered' | 'refused'> => {
  try {
    await ask(text)
    return 'answered'
  } catch (error) {
    if (!(error instanceof KqlFault)) throw error
    return 'refused'
  }
}

const words = fc.constantFrom(
  ...`Resources places where project extend summarize by count() take order asc desc nulls first join kind inner union mv-expand to typeof
  parse with distinct top on name location properties tags.env properties.disks[0] $left.location $right and or not( in ( ) !in~ has
  contains matches regex between .. , | = == =~ != < >= + - * / % [ ] { } : ; 'x' "y" 1 2.5 3h true null dynamic( datetime(2026-01-01)
  tostring( strcat( iff( make_list( arg_max( ago( bin( split( pack( case( * \\$a limit withsource 'a\\\\ \`\`\` @' // é`.split(
    /\s+/,
  ),
)

test('no text makes it do anything but answer or refuse', async () => {
  const soups = fc.array(words, { maxLength: 25 }).map(parts => parts.join(' '))
  const pipelines = fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'where',
          'project',
          'extend',
          'summarize',
          'order by',
          'join kind=inner (places) on',
          'mv-expand',
        ),
        soups,
      ),
    )
    .map(stages => ['Resources', ...stages.map(stage => stage.join(' '))].join(' | '))
  await fc.assert(
    fc.asyncProperty(fc.oneof(soups, pipelines, fc.string({ unit: 'binary' })), async text => {
      await outcome(text)
    }),
    { numRuns: 400 },
  )
})

test('a query of which a piece is missing or doubled is answered or refused', async () => {
  const whole =
    "Resources | where type =~ 'microsoft.compute/virtualmachines' and properties.cores > 2 | extend d = tostring(properties['disks'][0]), t = ago(1.5h) | join kind=leftouter (places | summarize n = count(), make_set(continent, 3) by location) on $left.location == $right.location | mv-expand x = properties.disks to typeof(string) limit 5 | order by name asc nulls first | project-away tags | take 10"
  const place = fc.integer({ min: 0, max: whole.length })
  await fc.assert(
    fc.asyncProperty(place, place, fc.boolean(), async (one, other, isDoubled) => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)]
      await outcome(whole.slice(0, isDoubled ? to : from) + whole.slice(isDoubled ? from : to))
    }),
    { numRuns: 150 },
  )
  assert.equal(await outcome(whole), 'answered')
})

test('what would take without end is refused', async () => {
  const repeat = (text: string, count: number) => text.repeat(count)
  const hostile: Readonly<Record<string, string>> = {
    'deep brackets': `where ${repeat('(', 5000)}true${repeat(')', 5000)}`,
    'deep signs': `extend a = ${repeat('-', 20_000)}1`,
    'deep calls': `extend a = ${repeat('not(', 5000)}true${repeat(')', 5000)}`,
    'deep queries': `union ${repeat('(union ', 200)}places${repeat(')', 200)}`,
    'deep json': `extend a = dynamic(${repeat('[', 5000)}${repeat(']', 5000)})`,
    'a long sum': `extend a = 1${repeat(' + 1', 5000)}`,
    'a long chain of members': `extend a = properties${repeat('.a', 5000)}`,
    'sums within sums': `extend a = ${repeat('(', 50)}1${repeat(`${repeat(' + 1', 190)})`, 50)}`,
    'members within members': `extend a = properties${repeat('[properties', 50)}${repeat(`${repeat('.a', 190)}]`, 50)}`,
    'a long text': `where name == '${repeat('x', 200_000)}'`,
    'texts that double': `extend a = 'xxxxxxxx' ${repeat('| extend a = strcat(a, a)', 40)}`,
    'texts that grow by replacing': `extend a = 'xxxxxxxx' ${repeat("| extend a = replace_string(a, 'x', 'xxxxxxxx')", 10)}`,
    'lists that double': `extend a = pack_array(1) ${repeat('| extend a = pack_array(a, a)', 60)}`,
    'bags that double': `extend a = pack('a', 1) ${repeat("| extend a = pack('a', a, 'b', a)", 60)}`,
    'columns without end': `extend ${Array.from({ length: 600 }, (_, at) => `c${at} = 1`).join(', ')}`,
    'a pattern with a million states': "where name matches regex '((a{100}){100}){100}'",
    'a pattern from the data': 'where name matches regex name',
  }
  for (const [what, text] of Object.entries(hostile)) assert.equal(await outcome(text), 'refused', what)
})

test('a pattern that others go back over without end is matched in one pass', async () => {
  const text = `extend a = '${'a'.repeat(5000)}!' | where a matches regex '^(a+)+$' or a matches regex '(a|aa)+$' or a matches regex '(.*)*b' | count`
  assert.deepEqual((await ask(text)).rows, [[0]])
})

test('a join may make many rows, and says so before it makes too many', async () => {
  const many = `mv-expand l = split('${'x,'.repeat(390)}', ',') limit 400 | project one = 1`
  await assert.rejects(ask(`${many} | join kind=inner (${many}) on one | count`), /200000 rows/)
})

test('a union takes as many rows as a query may have', async () => {
  const times = (count: number) => `mv-expand l = split('${'x,'.repeat(count - 1)}', ',') limit 400 | project one = 1`
  const many = `${times(390)} | ${times(100)}`
  assert.deepEqual((await ask(`${many} | union (places | project one = 2) | count`)).rows, [[156_003]])
})

test('a long row of conditions or operators is no tree that is too high', async () => {
  const conditions = Array.from({ length: 3000 }, (_, at) => `name == '${at}'`).join(' or ')
  assert.equal(await outcome(`where ${conditions} | extend a = 1${' + 1'.repeat(200)}`), 'answered')
})

test('names of the language’s own objects are names like others', async () => {
  assert.deepEqual((await ask("take 1 | project tags.constructor, tags['__proto__'], properties.toString")).rows, [
    [null, null, null],
  ])
  assert.equal(await outcome('extend a = constructor(1)'), 'refused')
  assert.equal(await outcome('toString | count'), 'refused')
  assert.equal(await outcome("extend a = datetime_add('constructor', 1, now())"), 'refused')
  assert.equal(await outcome("extend a = datetime_diff('__proto__', now(), now())"), 'refused')
  assert.deepEqual((await ask("take 1 | project pack('__proto__', 1, 'a', 2).a")).rows, [[2]])
})
