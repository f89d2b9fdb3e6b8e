import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BundleHead } from '#data-plane/bundles/bundle-head.ts'
import { FakeClock } from '#foundation/clock.ts'
import { passingImageKeys } from '#provenance/image-keys.ts'
import { statementOf } from '#provenance/statement.ts'
import { readContent } from './bundle-content.ts'

const keys = passingImageKeys(new FakeClock())
const [manifest, other] = ['a'.repeat(64), 'b'.repeat(64)]

const said = (os: string) =>
  keys.sign(
    statementOf({
      id: '/v/1.0.0',
      uid: 'u',
      definition: { id: '/i', uid: 'd', osType: 'Linux', identifier: {} },
      disks: { os },
      sources: [],
      builder: { id: 'urn:x', version: '1' },
      finishedOn: '2026-01-01T00:00:00Z',
    }),
  )

const headWith = (provenance: unknown): BundleHead =>
  ({
    images: [{ manifest, sizeBytes: 1 }],
    content: {
      request: { only: [] },
      parents: [],
      base: [],
      versions: [
        {
          path: 'g/gallery/i/1.0.0',
          location: 'eastus',
          properties: {},
          disks: [{ slot: 'os', manifest, sizeBytes: 1 }],
          ...(provenance === undefined ? {} : { provenance }),
        },
      ],
    },
  }) as unknown as BundleHead

test('what a bundle says of the origin of a version is signed, and about the bytes that it brings', () => {
  const [key] = keys.all()
  const [stranger] = passingImageKeys(new FakeClock()).all()
  const good = { envelope: said(manifest), key }
  assert.deepEqual(readContent(headWith(good)).versions[0]?.provenance, good)
  assert.equal(readContent(headWith(undefined)).versions[0]?.provenance, undefined)
  for (const wrong of [
    { envelope: said(other), key },
    { envelope: said(manifest), key: stranger },
    { envelope: said(manifest) },
    { envelope: { ...said(manifest), payload: 'e30=' }, key },
    { envelope: 'none', key: { keyid: 'x', publicKey: 'y' } },
    null,
    [],
    7,
  ])
    assert.throws(() => readContent(headWith(wrong)), /origin of a version/, JSON.stringify(wrong))
})
