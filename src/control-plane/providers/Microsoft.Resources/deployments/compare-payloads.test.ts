import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparePayloads } from './compare-payloads.ts'

test('names that every object has are names like any other', () => {
  for (const name of ['constructor', '__proto__']) {
    const tagged = JSON.parse(`{ "tags": { "${name}": "x" } }`)
    const path = `tags.${name}`
    assert.deepEqual(comparePayloads({ tags: {} }, tagged), [
      { path, propertyChangeType: 'Create', before: null, after: 'x' },
    ])
    assert.deepEqual(comparePayloads(tagged, { tags: {} }), [
      { path, propertyChangeType: 'Delete', before: 'x', after: null },
    ])
  }
})
