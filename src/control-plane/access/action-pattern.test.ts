import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionTest } from './action-pattern.ts'

/** The same question put to a regular expression. */
const byExpression = (pattern: string, action: string): boolean =>
  new RegExp(
    `^${pattern
      .toLowerCase()
      .split('*')
      .map(piece => piece.replaceAll(/[.+?^$()|[\]{}\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(action)

test('patterns stand for what a regular expression would stand for', () => {
  const actions = [
    '',
    'a',
    'ab',
    'a/b',
    'a/b/read',
    'aa/ab/ba',
    'microsoft.compute/galleries/images/read',
    'read',
    '/read',
    'a.b',
  ]
  const patterns = [
    '*',
    '**',
    'a*',
    '*a',
    '*/read',
    'a*a',
    'a*b*a',
    'a*a*a*a',
    'Microsoft.Compute/*/read',
    '*.b',
    'a.b',
    'A/B/*',
    '*b*',
  ]
  let fitting = 0
  for (const pattern of patterns)
    for (const action of actions) {
      const expected = byExpression(pattern, action)
      fitting += Number(expected)
      assert.equal(actionTest([pattern])(action), expected, `${pattern} ${action}`)
    }
  assert.ok(fitting > 30)
})

test('a pattern of a stranger costs no more than its length', () => {
  const isMeant = actionTest([`${'a*'.repeat(200)}b`])
  // A matcher that tried every way would not come to an end here.
  assert.equal(isMeant('a'.repeat(5000)), false)
})
