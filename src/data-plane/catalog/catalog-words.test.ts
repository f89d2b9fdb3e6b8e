import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { imageSchema } from './catalog-image.ts'
import { byVersion, isSameSku, parseUrn, urnOf } from './image-name.ts'
import { shippedImages } from './shipped-images.ts'
import { checksumOf } from './vendor-checksums.ts'

test('URNs', () => {
  const name = { publisher: 'Acme', offer: 'linux', sku: 'gen2', version: 'latest' }
  assert.deepEqual(parseUrn('Acme:linux:gen2'), name)
  assert.deepEqual(parseUrn('Acme:linux:gen2:latest'), name)
  assert.equal(parseUrn('Acme:linux:gen2:1.2.3')?.version, '1.2.3')
  assert.equal(parseUrn('Acme:linux:gen2:22.04.202511280')?.version, '22.04.202511280')
  for (const bad of [
    'Ubuntu2204',
    'a:b',
    'a:b:c:d',
    'a:b:c:1.2',
    'a:b:c:1.2.3:4',
    'a:b:../c:1.2.3',
    'a b:c:d:1.2.3',
    ':::',
  ])
    assert.equal(parseUrn(bad), undefined, bad)
})

test('versions are ordered by their numbers', () => {
  const ordered = ['1.9.9', '1.10.0', '22.04.0', '22.04.20260102', '22.04.20261128']
  const shuffled = ordered.toReversed().map(version => ({ version }))
  assert.deepEqual(
    shuffled.sort(byVersion).map(({ version }) => version),
    ordered,
  )
})

test('sums in the lists of coreutils and of BSD, and nothing for what is ambiguous', () => {
  const [a, b, long] = ['a'.repeat(64), 'b'.repeat(64), 'C'.repeat(128)]
  const list = `# comment\n${a}  one.img\n${b} *two.img\nSHA256 (three x.img) = ${a}\nSHA512 (four.img) = ${long}\n${a}  ./five.img\n`
  assert.deepEqual(checksumOf(list, 'one.img'), { algorithm: 'sha256', hex: a })
  assert.deepEqual(checksumOf(list, 'two.img'), { algorithm: 'sha256', hex: b })
  assert.deepEqual(checksumOf(list, 'three x.img'), { algorithm: 'sha256', hex: a })
  assert.deepEqual(checksumOf(list, 'four.img'), { algorithm: 'sha512', hex: long.toLowerCase() })
  assert.deepEqual(checksumOf(list, 'five.img'), { algorithm: 'sha256', hex: a })
  assert.equal(checksumOf(list, 'img'), undefined)
  assert.equal(checksumOf(`${a}  x\n${b}  x\n`, 'x'), undefined)
  assert.equal(checksumOf(`${a.slice(1)}  x\n`, 'x'), undefined)
})

test('the shipped images have names of their own, and lists of sums beside them', () => {
  assert.equal(new Set(shippedImages.map(image => urnOf(image).toLowerCase())).size, shippedImages.length)
  const aliases = shippedImages.flatMap(({ aliases = [] }) => aliases)
  assert.equal(new Set(aliases).size, aliases.length)
  for (const image of shippedImages) {
    const { source } = image
    assert.ok(Value.Check(imageSchema, image), `${urnOf(image)} could not be written into a catalogue.`)
    assert.deepEqual(parseUrn(urnOf(image))?.version, image.version)
    if (!('url' in source)) continue
    assert.equal(new URL(source.url).host, new URL('checksums' in source ? (source.checksums ?? '') : '').host)
  }
  assert.ok(
    shippedImages.some(image =>
      isSameSku(image, { publisher: 'opengallery', offer: 'TINY', sku: 'gen2', version: '' }),
    ),
  )
})
