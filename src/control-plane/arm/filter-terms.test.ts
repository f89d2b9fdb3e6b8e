import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparisonOf, filterTerms } from './filter-terms.ts'

test('terms are between the words «and» that stand in no quotes', () => {
  assert.deepEqual(filterTerms("a eq 'x and y' AND atScope()"), ["a eq 'x and y'", 'atScope()'])
  assert.deepEqual(filterTerms("a eq 'it''s x and y'  and b eq '' and c ne 'z' "), [
    "a eq 'it''s x and y'",
    "b eq ''",
    "c ne 'z'",
  ])
  assert.throws(() => filterTerms(' '.repeat(5000)), { code: 'InvalidFilterInQueryString' })
})

test('a quote in a text stands twice', () => {
  assert.deepEqual(comparisonOf("Owner NE 'O''Brien'"), { field: 'owner', operator: 'ne', value: "O'Brien" })
  for (const term of ["owner eq 'O'Brien'", 'owner eq me', "owner gt 'a'", ''])
    assert.equal(comparisonOf(term), undefined)
})
