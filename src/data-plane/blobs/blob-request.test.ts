import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTarget } from './blob-request.ts'
import { StorageError } from './storage-error.ts'

test('a blob name that was percent-encoded is found again, slashes and all', () => {
  const char = fc.oneof(
    fc.constantFrom(...'/%?&=+ #'),
    fc.integer({ min: 1, max: 0xd7ff }).map(code => String.fromCodePoint(code)),
  )
  const name = fc.array(char, { minLength: 1, maxLength: 100 }).map(chars => chars.join(''))
  fc.assert(
    fc.property(name, blob => {
      const { account, container, blob: found, query } = parseTarget(`/acct/con/${encodeURIComponent(blob)}?COMP=Page`)
      assert.deepEqual([account, container, found, query.get('comp')], ['acct', 'con', blob, 'Page'])
    }),
  )
  assert.equal(parseTarget('/acct/con/a/b//c').blob, 'a/b//c')
  assert.equal(parseTarget('/acct/con').blob, undefined)
  assert.equal(parseTarget('/acct/').container, undefined)
})

test('whatever stands in a request line, it is taken apart or refused in words', () => {
  const outcome = (url: string) => {
    try {
      parseTarget(url)
    } catch (error) {
      assert.ok(error instanceof StorageError, String(error))
      return error.code
    }
    return undefined
  }
  const pieces = fc.array(
    fc.constantFrom('/', 'acct', 'con', '%', '%2f', '%00', '%zz', '?', '&', '=', 'sig', '..', '\u{1f600}'),
  )
  fc.assert(fc.property(pieces, parts => void outcome(parts.join(''))))
  fc.assert(fc.property(pieces, parts => void outcome(`/acct/con${parts.join('')}`)))
  assert.equal(outcome('/acct/con/%'), 'InvalidUri')
  assert.equal(outcome('/'), 'InvalidUri')
  assert.equal(outcome('/acct/UPPER/x'), 'InvalidResourceName')
  assert.equal(outcome('/acct/../x'), 'InvalidResourceName')
  assert.equal(outcome(`/acct/con/${'x'.repeat(1025)}`), 'InvalidResourceName')
  assert.equal(outcome('/acct/con/x%00y'), 'InvalidResourceName')
  assert.equal(outcome('/acct/con/x?sig=a&SIG=b'), 'InvalidQueryParameterValue')
})
