import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { element } from '#data-plane/xml/write-xml.ts'
import { nameElement, parseBlockList, xmlDocument } from './xml.ts'

const choice = fc.constantFrom('Committed' as const, 'Uncommitted' as const, 'Latest' as const)
const blockId = fc.uint8Array({ minLength: 1, maxLength: 64 }).map(bytes => Buffer.from(bytes).toString('base64'))
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'<>&"\r\n\0\u0001\uffff'),
      fc.integer({ min: 0, max: 0xd7ff }).map(code => String.fromCodePoint(code)),
    ),
  )
  .map(chars => chars.join(''))

test('a block list that was written is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ choice, id: blockId }, { noNullPrototype: true })), blocks => {
      const entries = blocks.map(({ choice, id }) => element(choice, id))
      assert.deepEqual(parseBlockList(xmlDocument(element('BlockList', entries))), blocks)
    }),
  )
})

test('anything else is no block list', () => {
  for (const text of [
    '',
    '<BlockList>',
    '<BlockList><Latest>AAAA</Committed></BlockList>',
    '<BlockList><Latest>AAAA</Latest></BlockList>more',
    '<!DOCTYPE x [<!ENTITY a "b">]><BlockList><Latest>&a;</Latest></BlockList>',
    '<BlockList><Latest><Latest>AAAA</Latest></Latest></BlockList>',
    `${'<BlockList>'.repeat(10_000)}`,
    `<BlockList>${' '.repeat(5_000_000)}`,
    ' '.repeat(5_000_000),
    `<?xml ${' '.repeat(5_000_000)}`,
  ])
    assert.equal(parseBlockList(text), undefined, text.slice(0, 60))
  assert.deepEqual(parseBlockList('<?xml version="1.0" encoding="utf-8"?>\n<BlockList />'), [])
  fc.assert(fc.property(fc.string(), text => parseBlockList(text) === undefined))
})

test('no text breaks out of its element', () => {
  fc.assert(
    fc.property(anyText, text => {
      const written = nameElement(text)
      const inner = written.replace(/^<Name(?: Encoded="true")?>|<\/Name>$/g, '')
      assert.ok(!/[<>]/.test(inner))
      assert.ok(!/&(?!amp;|lt;|gt;|quot;|#xD;)/.test(inner))
    }),
  )
})
