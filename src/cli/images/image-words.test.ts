import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { parseDefinition, parseVersion, versionId } from './image-ids.ts'
import { byNumbers } from './pull-image.ts'
import { parseRegions } from './target-regions.ts'

const place = { subscriptionId: 's', group: 'images', gallery: 'gallery', definition: 'web' }

test('a version is named by its id or by its four names, the latest by three', () => {
  assert.deepEqual(parseVersion('images/gallery/web/1.0.0', 's'), { ...place, version: '1.0.0' })
  assert.deepEqual(parseVersion('images/gallery/web', 's'), { ...place, version: 'latest' })
  assert.deepEqual(parseVersion(versionId(place, '1.0.0'), 'other'), { ...place, version: '1.0.0' })
  assert.deepEqual(parseVersion(versionId(place, '1.0.0').toUpperCase(), 'x').gallery, 'GALLERY')
  for (const wrong of ['', 'web', 'a/b', 'a//b', 'a/b/c/d/e', '/subscriptions/s', `${versionId(place, '1.0.0')}/more`])
    assert.throws(() => parseVersion(wrong, 's'), { exitCode: 2 }, wrong)
})

test('a definition is named by its id, its three names, or its name alone', () => {
  assert.deepEqual(parseDefinition('web', place), place)
  assert.deepEqual(parseDefinition('g/h/i', place), { subscriptionId: 's', group: 'g', gallery: 'h', definition: 'i' })
  assert.throws(() => parseDefinition('g/h/i/1.0.0', place), { exitCode: 2 })
})

test('regions are read as people write them', () => {
  assert.deepEqual(parseRegions('eastus=2, West Europe'), [
    { name: 'eastus', regionalReplicaCount: 2 },
    { name: 'westeurope', regionalReplicaCount: 1 },
  ])
  for (const wrong of ['', 'eastus=', 'eastus=0', 'eastus=x', 'eastus=1=2', 'eastus,eastus', 'eastus,East US', 'a,,b'])
    assert.throws(() => parseRegions(wrong), { exitCode: 2 }, wrong)
})

test('versions are ordered as numbers', () => {
  assert.deepEqual(['1.10.0', '1.9.0', '10.0.0', '1.9.11'].sort(byNumbers), ['1.9.0', '1.9.11', '1.10.0', '10.0.0'])
})

test('figures are short', () => {
  assert.deepEqual([0, 999, 1000, 1536, 2 ** 20 * 512, 2 ** 40 * 3].map(sizeText), [
    '0 B',
    '999 B',
    '1.0 KB',
    '1.5 KB',
    '512 MB',
    '3 TB',
  ])
  assert.equal(partText(12.4 * 2 ** 20, 512 * 2 ** 20), '12 of 512 MB')
  assert.equal(partText(0, 512 * 2 ** 20), '0 of 512 MB')
  assert.equal(partText(4096, 512 * 2 ** 20), 'under 0.1 of 512 MB')
  assert.equal(rateText(2 ** 20, 500), '2 MB/s')
  assert.equal(rateText(2 ** 20, 0), '')
  assert.deepEqual([340, 4200, 12_300, 200_000].map(durationText), ['340 ms', '4.2 s', '12 s', '3 min 20 s'])
})
