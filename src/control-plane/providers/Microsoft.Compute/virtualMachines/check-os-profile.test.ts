import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireBase64 } from './check-os-profile.ts'

test('data is base64, in lines or not, padded as Azure wants it', () => {
  for (const text of ['', 'aGVsbG8=', 'aGVs\nbG8=\n', ' aGVs ', Buffer.alloc(65_535).toString('base64')])
    assert.equal(requireBase64(text, 'userData'), text)
  for (const text of ['aGVsbG8', 'a', '====', 'aGV=bG8=', 'aGVs-_8=', Buffer.alloc(65_536).toString('base64')])
    assert.throws(() => requireBase64(text, 'userData'), /userData must be in Base64 format/, text.slice(0, 20))
})

test('long text that is nearly base64 is refused as fast as any', () => {
  for (const filling of [' ', 'A', '=', '\n='])
    assert.throws(
      () => requireBase64(`${filling.repeat(2 ** 20)}!`, 'customData'),
      /customData must be in Base64 format/,
    )
})
