import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hasAddress,
  type Ipv4Range,
  ipv4Number,
  ipv4Text,
  isWithin,
  overlaps,
  parseIpv4Range,
  rangeText,
  without,
} from './ipv4.ts'

const range = (text: string) => parseIpv4Range(text) as Ipv4Range

test('a range is read, and written without the bits behind its prefix', () => {
  assert.deepEqual(range('10.0.1.0/24'), { first: 0x0a000100, last: 0x0a0001ff, prefixLength: 24 })
  assert.equal(rangeText(range('10.0.1.77/24')), '10.0.1.0/24')
  assert.equal(rangeText(range('255.255.255.255/0')), '0.0.0.0/0')
  assert.equal(ipv4Text(ipv4Number('255.254.3.1') as number), '255.254.3.1')
  for (const bad of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '256.0.0.0/8',
    '10.0.0.0/8 ',
    'fd00::/8',
    '10.0.0.0/-1',
  ])
    assert.equal(parseIpv4Range(bad), undefined, bad)
})

test('ranges lie in each other, overlap, or do neither', () => {
  assert.ok(isWithin(range('10.0.0.0/16'), range('10.0.255.0/24')))
  assert.ok(!isWithin(range('10.0.0.0/24'), range('10.0.0.0/16')))
  assert.ok(overlaps(range('10.0.0.0/24'), range('10.0.0.0/16')))
  assert.ok(!overlaps(range('10.0.0.0/24'), range('10.0.1.0/24')))
  assert.ok(hasAddress(range('127.0.0.0/8'), ipv4Number('127.255.255.255') as number))
  assert.ok(!hasAddress(range('127.0.0.0/8'), ipv4Number('128.0.0.0') as number))
})

test('what is left of a range without others covers every other address once', () => {
  const left = without(range('0.0.0.0/0'), [range('10.0.0.0/8'), range('168.63.129.16/32')])
  assert.deepEqual(left.slice(0, 3).map(rangeText), ['0.0.0.0/5', '8.0.0.0/7', '11.0.0.0/8'])
  assert.equal(
    left.reduce((sum, { first, last }) => sum + last - first + 1, 0),
    2 ** 32 - 2 ** 24 - 1,
  )
  assert.deepEqual(without(range('10.0.0.0/24'), [range('10.0.0.0/8')]), [])
})
