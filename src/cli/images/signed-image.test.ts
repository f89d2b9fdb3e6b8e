import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryStore } from '#data-plane/chunks/temporary-store.ts'
import { FakeClock } from '#foundation/clock.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { passingImageKeys } from '#provenance/image-keys.ts'
import { statementOf } from '#provenance/statement.ts'
import { findImage } from './region-images.ts'
import { requireSigned } from './signed-image.ts'

const keys = passingImageKeys(new FakeClock())
const ID = '/subscriptions/s/resourcegroups/g/providers/microsoft.compute/galleries/c/images/i/versions/1.0.0'

const envelope = (more: { id?: string; uid?: string; os: string }) =>
  keys.sign(
    statementOf({
      id: more.id ?? ID,
      uid: more.uid ?? 'u1',
      definition: { id: '/i', uid: 'd', osType: 'Linux', identifier: {} },
      disks: { os: more.os },
      sources: [],
      builder: { id: 'urn:x', version: '1' },
      finishedOn: '2026-01-01T00:00:00Z',
    }),
  )

test('a region that gives other bytes under the name of a version is not believed', async context => {
  const { store } = await temporaryStore(context)
  const keep = async (name: string, text: string) => {
    const { manifest } = await store.ingest(bytesOf(Buffer.from(text)), 'passing')
    await store.hold(`${ID}@u1/${name}-${manifest.slice(0, 16)}`, manifest)
    return manifest
  }
  const drop = async (name: string) => {
    for await (const hold of store.holds())
      if (hold.name.startsWith(`${ID}@u1/${name}-`)) await store.release(hold.name)
  }
  const os = await keep('os', 'the image')
  const check = async (signers = keys.all(), takesUnsigned = false) =>
    requireSigned(store, await findImage(store, 'g/c/i'), signers, takesUnsigned)

  await assert.rejects(check(), /no signature/)
  assert.equal(await check(keys.all(), true), undefined)
  await keep('signed', JSON.stringify(envelope({ os })))
  assert.equal(await check(), keys.all()[0]?.keyid)
  await assert.rejects(check(passingImageKeys(new FakeClock()).all()), /not what the gallery has signed/)

  for (const wrong of [
    JSON.stringify(envelope({ os: 'f'.repeat(64) })),
    JSON.stringify(envelope({ os, uid: 'u0' })),
    JSON.stringify(envelope({ os, id: ID.replace('1.0.0', '0.9.0') })),
    '{}',
    'null',
    'nonsense',
  ]) {
    await drop('signed')
    await keep('signed', wrong)
    await assert.rejects(check(keys.all(), true), /not what the gallery has signed/, wrong)
  }
})
