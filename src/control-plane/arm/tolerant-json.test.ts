import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTolerantly } from './tolerant-json.ts'

test('JSON, JSON with comments, and texts over several lines are read', () => {
  assert.deepEqual(parseTolerantly('{"a": [1, "x\\ny"]}'), { a: [1, 'x\ny'] })
  const text = `{"properties": {"mode": "Incremental", template:{
    // it's a comment with a quote
    "a": "[concat('x',
      'y')]", /* "another"
      one */ "b": 'it\\'s', "c": "http://x", "d": "back\\\\",
  }}}`
  assert.deepEqual(parseTolerantly(text), {
    properties: {
      mode: 'Incremental',
      template: { a: "[concat('x',\n      'y')]", b: "it's", c: 'http://x', d: 'back\\' },
    },
  })
})

test('what is no JSON of any kind is told in the words of the strict reader', () => {
  for (const text of [
    '{',
    '['.repeat(4_000_000),
    '{a:'.repeat(1000),
    '{"a": "open',
    '/* open',
    '// only',
    '{a b}',
    '"\\',
    "{'a': \"\n",
  ])
    assert.throws(() => parseTolerantly(text), /JSON/, text)
})

test('a text of quotes without end is read in one pass', () => {
  const text = `x"${'\\"'.repeat(500_000)}`
  assert.throws(() => parseTolerantly(text), SyntaxError)
})
