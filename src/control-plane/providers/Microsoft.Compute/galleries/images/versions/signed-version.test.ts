import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { OWNER } from '../../../../../../../test/support/test-arm.ts'
import { disksOf, hiddenDisks, type StoredDisks } from '../../../stored-disk.ts'
import { COMPUTE, noise, ofDisk, regions, startTestGallery, type TestGallery, version } from '../../test-gallery.ts'
import { settle } from '../../test-version.ts'
import { checkVersion, type Provenance, provenanceOf } from './check-version.ts'

const documentOf = async (arm: TestGallery, number = '1.0.0') =>
  (await arm.arm.resources.find(version(number).toLowerCase())) ?? assert.fail(`${number} is missing`)

const stated = (provenance: Provenance | undefined) =>
  JSON.parse(Buffer.from(provenance?.envelope.payload ?? '', 'base64').toString())

/** As somebody does who can write to the database, and to nothing else. */
const tamper = (arm: TestGallery, change: (hidden: JsonObject) => JsonObject, number = '1.0.0') =>
  arm.arm.resources.change(version(number).toLowerCase(), document => ({
    ...document,
    hidden: change(document.hidden),
  }))

const withVersion = async (context: { after(work: () => Promise<void>): void }, requireSigned = false) => {
  const arm = await startTestGallery({ regions: ['eastus', 'westus2'], requireSigned })
  context.after(() => arm.close())
  const snapshot = await arm.snapshot('snap', noise(1))
  await arm.done('PUT', version('1.0.0'), ofDisk(snapshot, regions('eastus')))
  return { arm, snapshot }
}

const diskOf = (id: string): JsonObject => ({
  location: 'eastus',
  properties: { creationData: { createOption: 'FromImage', galleryImageReference: { id } } },
})

test('a version is signed with its bytes, its origin and who asked for it; a client is not shown more than before', async context => {
  const { arm, snapshot } = await withVersion(context)
  const document = await documentOf(arm)
  assert.equal(checkVersion(document, arm.signing).state, 'signed')
  const { subject, predicate } = stated(provenanceOf(document))
  assert.deepEqual(subject, [{ name: 'os', digest: { sha256: disksOf(document)?.os?.manifest } }])
  const { externalParameters, internalParameters, resolvedDependencies } = predicate.buildDefinition
  assert.equal(externalParameters.version, version('1.0.0'))
  assert.equal(internalParameters.uid, document.uid)
  assert.equal(internalParameters.publisher.objectId, OWNER.objectId)
  assert.equal(internalParameters.definition.osType, 'Linux')
  assert.deepEqual(
    resolvedDependencies.map(({ uri, annotations }: JsonObject) => [uri, annotations]),
    [[snapshot, { kind: 'snapshot' }]],
  )
  assert.doesNotMatch(JSON.stringify(await arm.done('GET', version('1.0.0'))), /in-toto|keyid/)
})

test('a copy names the version that it was made of, by its bytes too; an update leaves the signature as it was', async context => {
  const { arm } = await withVersion(context)
  const first = await documentOf(arm)
  await arm.done('PUT', version('1.0.1'), {
    location: 'eastus',
    properties: { publishingProfile: regions('eastus'), storageProfile: { source: { id: version('1.0.0') } } },
  })
  const copy = stated(provenanceOf(await documentOf(arm, '1.0.1')))
  assert.deepEqual(copy.predicate.buildDefinition.resolvedDependencies, [
    { uri: version('1.0.0'), annotations: { kind: 'version' }, digest: { sha256: disksOf(first)?.os?.manifest } },
  ])
  await arm.signing.imageKeys.rotate()
  await arm.done('PATCH', version('1.0.0'), { properties: { publishingProfile: regions('eastus', 'westus2') } })
  const updated = await documentOf(arm)
  assert.deepEqual(provenanceOf(updated), provenanceOf(first))
  assert.equal(checkVersion(updated, arm.signing).state, 'signed')
})

test('bytes that were put in the place of those that were signed are used by nothing', async context => {
  const { arm, snapshot } = await withVersion(context)
  await arm.done('PUT', version('2.0.0'), ofDisk(snapshot, regions('eastus')))
  const other = await arm.regions.ingest(
    'eastus',
    (await import('#foundation/sparse-bytes.ts')).bytesOf(noise(9)),
    'theirs',
  )
  const planted: StoredDisks = { os: { manifest: other.manifest, sizeBytes: 2 ** 20 }, data: [] }
  await tamper(arm, hidden => ({ ...hidden, ...hiddenDisks(planted) }))
  assert.equal(checkVersion(await documentOf(arm), arm.signing).state, 'broken')
  const disk = await arm.complete('PUT', `${COMPUTE}/disks/d`, diskOf(version('1.0.0')))
  assert.equal(disk.body.error?.code, 'ImageVersionSignatureInvalid')
  const copy = await arm.complete('PUT', version('3.0.0'), {
    location: 'eastus',
    properties: { publishingProfile: regions('eastus'), storageProfile: { source: { id: version('1.0.0') } } },
  })
  assert.equal(copy.body.error?.code, 'ImageVersionSignatureInvalid')
  await arm.send('PATCH', version('1.0.0'), { properties: { publishingProfile: regions('eastus', 'westus2') } })
  assert.equal((await settle(arm, version('1.0.0'))).provisioningState, 'Failed')
  for await (const { name } of arm.regions.holds('westus2')) assert.fail(`${name} was copied`)
  const good = await arm.complete('PUT', `${COMPUTE}/disks/good`, diskOf(version('2.0.0')))
  assert.equal(good.body.properties?.provisioningState, 'Succeeded')
})

test('a signature is of one version alone: neither a later one of its name nor another one can have it', async context => {
  const { arm, snapshot } = await withVersion(context)
  const { provenance } = (await documentOf(arm)).hidden
  await arm.done('PUT', version('1.0.1'), ofDisk(snapshot, regions('eastus')))
  await tamper(arm, hidden => ({ ...hidden, provenance }), '1.0.1')
  assert.equal(checkVersion(await documentOf(arm, '1.0.1'), arm.signing).state, 'broken')
  await arm.done('DELETE', version('1.0.0'))
  await arm.done('PUT', version('1.0.0'), ofDisk(snapshot, regions('eastus')))
  await tamper(arm, hidden => ({ ...hidden, provenance }))
  assert.equal(checkVersion(await documentOf(arm), arm.signing).state, 'broken')
})

test('who wants nothing but what is signed is not given what lost its signature', async context => {
  const { arm } = await withVersion(context, true)
  assert.equal((await arm.complete('PUT', `${COMPUTE}/disks/before`, diskOf(version('1.0.0')))).status, 200)
  await tamper(arm, ({ provenance, ...hidden }) => hidden)
  const refused = await arm.complete('PUT', `${COMPUTE}/disks/after`, diskOf(version('1.0.0')))
  assert.equal(refused.body.error?.code, 'ImageVersionNotSigned')
})

test('a version comes back from the recycle bin with its signature', async context => {
  const arm = await startTestGallery({ gallery: { softDeletePolicy: { isSoftDeleteEnabled: true } } })
  context.after(() => arm.close())
  await arm.done('PUT', version('1.0.0'), ofDisk(await arm.snapshot('snap', noise(1)), regions('eastus')))
  const before = provenanceOf(await documentOf(arm))
  await arm.done('DELETE', version('1.0.0'))
  await arm.done('PUT', version('1.0.0'), { location: 'eastus', properties: { restore: true } })
  const restored = await documentOf(arm)
  assert.deepEqual(provenanceOf(restored), before)
  assert.equal(checkVersion(restored, arm.signing).state, 'signed')
})
