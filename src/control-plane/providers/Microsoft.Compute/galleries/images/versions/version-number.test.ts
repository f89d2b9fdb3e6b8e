import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareVersions, parseVersion, versionSortKey } from './version-number.ts'

test('three 32-bit integers are a version, and nothing else', () => {
  for (const good of ['0.0.0', '1.0.0', '2018.12.1', '1234567890.1234567890.1234567890', '2147483647.0.0'])
    assert.ok(parseVersion(good), good)
  for (const bad of [
    '',
    '1',
    '1.0',
    '1.0.0.0',
    '01.0.0',
    '1.-1.0',
    '2147483648.0.0',
    '1.0.x',
    'latest',
    'recent',
    ' 1.0.0',
    '1.0.0\n',
    '١.0.0',
  ])
    assert.equal(parseVersion(bad), undefined, bad)
})

test('the order of numbers is the order of the keys', () => {
  const part = fc.integer({ min: 0, max: 2 ** 31 - 1 })
  const number = fc.tuple(part, part, part)
  fc.assert(
    fc.property(number, number, (one, other) => {
      const [a, b] = [versionSortKey(one.join('.')), versionSortKey(other.join('.'))]
      assert.equal(Math.sign(compareVersions(one, other)), a < b ? -1 : a > b ? 1 : 0)
    }),
  )
  assert.ok(versionSortKey('1.0.9') < versionSortKey('1.0.12'))
})
