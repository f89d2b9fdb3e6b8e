import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  assertVhdOf,
  diskImage,
  download,
  fixedVhd,
  mebibyte,
  signedBlob,
  uploadPages,
} from '../../../../../test/scenarios/disk-image.ts'
import { startTestArm, TENANT, type TestArm } from '../../../../../test/support/test-arm.ts'
import { diskPromises, endExpiredAccess } from './disk-promises.ts'

const group = 'resourceGroups/rg'
const compute = `${group}/providers/Microsoft.Compute`
const image = diskImage(20, 3)
const vhd = fixedVhd(image)

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'] })
  await arm.send('PUT', group, { location: 'eastus' })
})
after(() => arm.close())

const put = (kind: 'disks' | 'snapshots' | 'images', name: string, properties: object, more: object = {}) =>
  arm.complete('PUT', `${compute}/${kind}/${name}`, { location: 'eastus', ...more, properties } as never)
const get = async (path: string) => (await arm.send('GET', `${compute}/${path}`)).body
const grant = (path: string, access: 'Read' | 'Write', durationInSeconds = 600) =>
  arm.complete('POST', `${compute}/${path}/beginGetAccess`, { access, durationInSeconds })
const end = (path: string) => arm.complete('POST', `${compute}/${path}/endGetAccess`)
const read = async (path: string) => {
  const blob = signedBlob((await grant(path, 'Read')).body)
  const bytes = await download(blob)
  assert.equal((await end(path)).status, 200)
  return bytes
}
const idOf = async (path: string): Promise<string> => (await get(path)).id

describe('an upload', () => {
  test('waits, is written through its signed URL, and becomes the disk when the access ends', async () => {
    const creationData = { createOption: 'Upload', uploadSizeBytes: vhd.length }
    const made = await put('disks', 'up', { creationData, osType: 'Linux', hyperVGeneration: 'V2' })
    assert.ok(made.status === 200 || made.status === 201)
    assert.equal(made.body.properties.diskState, 'ReadyToUpload')
    assert.equal(made.body.properties.diskSizeBytes, image.length)
    const blob = signedBlob((await grant('disks/up', 'Write')).body)
    assert.equal((await get('disks/up')).properties.diskState, 'ActiveUpload')
    await uploadPages(blob, vhd)
    const ended = await end('disks/up')
    assert.equal(ended.status, 200)
    await assert.rejects(blob.uploadPages(Buffer.alloc(512), 0, 512), { statusCode: 403 })
    const { properties } = await get('disks/up')
    assert.equal(properties.diskState, 'Unattached')
    assert.equal(properties.diskSizeGB, 1)
    assertVhdOf(await read('disks/up'), image)
  })

  test('without a VHD footer is refused with its reason, and can go on', async () => {
    await put('disks', 'bad', { creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length } })
    const blob = signedBlob((await grant('disks/bad', 'Write')).body)
    await uploadPages(blob, Buffer.concat([image, Buffer.alloc(512)]))
    const refused = await end('disks/bad')
    assert.equal(refused.body.error.code, 'InvalidVhd')
    assert.match(refused.body.error.message, /cookie value in VHD footer.*'bad'/)
    assert.equal((await get('disks/bad')).properties.diskState, 'ReadyToUpload')
    const again = signedBlob((await grant('disks/bad', 'Write')).body)
    await again.uploadPages(vhd.subarray(-512), image.length, 512)
    assert.equal((await end('disks/bad')).status, 200)
    assertVhdOf(await read('disks/bad'), image)
    await arm.complete('DELETE', `${compute}/disks/bad`)
  })

  test('with the footer of another size, or of a dynamic VHD, is refused', async () => {
    const dynamic = Buffer.from(vhd)
    const footer = dynamic.subarray(-512)
    footer.writeUInt32BE(3, 60)
    footer.writeUInt32BE(0, 64)
    footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64)
    const shorter = Buffer.concat([image, fixedVhd(Buffer.alloc(mebibyte)).subarray(-512)])
    await put('disks', 'odd', { creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length } })
    for (const bytes of [dynamic, shorter]) {
      await uploadPages(signedBlob((await grant('disks/odd', 'Write')).body), bytes)
      assert.equal((await end('disks/odd')).body.error.code, 'InvalidVhd')
    }
    await arm.complete('DELETE', `${compute}/disks/odd`)
    assert.equal((await arm.send('GET', `${compute}/disks/odd`)).status, 404)
  })

  test('is no source until it has ended', async () => {
    await put('disks', 'early', { creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length } })
    const creationData = { createOption: 'Copy', sourceResourceId: await idOf('disks/early') }
    const refused = await put('snapshots', 's-early', { creationData })
    assert.equal(refused.status, 409)
    assert.match(refused.body.error.message, /ReadyToUpload/)
    assert.equal((await grant('disks/early', 'Read')).body.error.code, 'OperationNotAllowed')
    assert.equal((await end('disks/early')).status, 200, 'nothing to end is fine')
    await arm.complete('DELETE', `${compute}/disks/early`)
  })
})

describe('access', () => {
  test('ends by the clock, is forgotten by upkeep, and forbids the delete only until then', async () => {
    const blob = signedBlob((await grant('disks/up', 'Read', 60)).body)
    assert.equal((await get('disks/up')).properties.diskState, 'ActiveSAS')
    const listed = (await arm.send('GET', `${compute}/disks`)).body.value
    assert.equal(listed.find((disk: { name: string }) => disk.name === 'up').properties.diskState, 'ActiveSAS')
    const refused = await arm.send('DELETE', `${compute}/disks/up`)
    assert.equal(refused.status, 409)
    assert.match(refused.body.error.message, /active shared access signature outstanding for disk up/)
    const grown = await arm.send('PATCH', `${compute}/disks/up`, { properties: { diskSizeGB: 2 } })
    assert.equal(grown.status, 409)
    arm.clock.advance(61_000)
    assert.equal((await get('disks/up')).properties.diskState, 'Unattached')
    await assert.rejects(download(blob), { statusCode: 403 })
    await endExpiredAccess(arm.arm)
    const document = await arm.arm.resources.find((await idOf('disks/up')).toLowerCase())
    assert.equal(document?.hidden.access, null)
  })

  test('of an upload that ran out can be given anew, with what was written still there', async () => {
    await put('disks', 'slow', { creationData: { createOption: 'Upload', uploadSizeBytes: vhd.length } })
    const first = signedBlob((await grant('disks/slow', 'Write', 60)).body)
    await uploadPages(first, Buffer.concat([image, Buffer.alloc(512)]))
    arm.clock.advance(61_000)
    assert.equal((await get('disks/slow')).properties.diskState, 'ReadyToUpload')
    await assert.rejects(first.uploadPages(vhd.subarray(-512), image.length, 512), { statusCode: 403 })
    const second = signedBlob((await grant('disks/slow', 'Write')).body)
    await second.uploadPages(vhd.subarray(-512), image.length, 512)
    await end('disks/slow')
    assertVhdOf(await read('disks/slow'), image)
    await arm.complete('DELETE', `${compute}/disks/slow`)
  })

  test('is not given where it means nothing', async () => {
    for (const body of [
      { access: 'Write', durationInSeconds: 60 },
      { access: 'None', durationInSeconds: 60 },
      { access: 'Read', durationInSeconds: 0 },
      { access: 'Read', durationInSeconds: 5_184_001 },
      { access: 'Read' },
      { access: 'Read', durationInSeconds: 60, getSecureVMGuestStateSAS: true },
      { access: 'Read', durationInSeconds: 60, fileFormat: 'VHDX' },
    ]) {
      const { status, body: answer } = await arm.send('POST', `${compute}/disks/up/beginGetAccess`, body)
      assert.ok(status === 400 || status === 409, JSON.stringify(body))
      assert.ok(answer.error.message.length > 20)
    }
    await arm.complete('PATCH', `${compute}/disks/up`, { properties: { networkAccessPolicy: 'denyall' } })
    assert.match((await grant('disks/up', 'Read')).body.error.message, /DenyAll/)
    await arm.complete('PATCH', `${compute}/disks/up`, { properties: { networkAccessPolicy: 'AllowAll' } })
  })
})

describe('copies', () => {
  test('a disk of a disk, a full and an incremental snapshot, a larger disk of a snapshot', async () => {
    const copy = async (path: string) => ({ createOption: 'Copy', sourceResourceId: await idOf(path) })
    const made = await put('disks', 'copy', { creationData: await copy('disks/up') })
    const source = (await get('disks/up')).properties
    assert.equal(made.body.properties.osType, 'Linux')
    assert.equal(made.body.properties.hyperVGeneration, 'V2')
    assert.equal(made.body.properties.creationData.sourceUniqueId, source.uniqueId)
    await put('snapshots', 'full', { creationData: await copy('disks/up') })
    const first = await put('snapshots', 'part', { creationData: await copy('disks/up'), incremental: true })
    const second = await put('snapshots', 'part2', { creationData: await copy('disks/up'), incremental: true })
    assert.equal(first.body.properties.completionPercent, 100)
    assert.equal(first.body.properties.incrementalSnapshotFamilyId, second.body.properties.incrementalSnapshotFamilyId)
    assert.equal((await get('snapshots/full')).properties.incremental, false)
    await put('disks', 'large', { creationData: await copy('snapshots/part'), diskSizeGB: 1 })
    for (const path of ['disks/copy', 'snapshots/full', 'snapshots/part']) assertVhdOf(await read(path), image)
    const large = await get('disks/large')
    assert.equal(large.properties.diskSizeBytes, 2 ** 30)
    const { body } = await grant('disks/large', 'Read')
    const blob = signedBlob(body)
    const start = await blob.downloadToBuffer(0, image.length + mebibyte)
    assert.ok(start.subarray(0, image.length).equals(image))
    assert.ok(start.subarray(image.length).every(byte => byte === 0))
    await end('disks/large')
  })

  test('a disk grows, by PATCH and by PUT of what GET gave, and never shrinks', async () => {
    const patched = await arm.complete('PATCH', `${compute}/disks/large`, {
      properties: { diskSizeGB: 3 },
      sku: { name: 'Premium_LRS' },
    })
    assert.equal(patched.body.properties.diskSizeBytes, 3 * 2 ** 30)
    assert.equal(patched.body.properties.tier, 'P1')
    const body = patched.body
    body.properties.diskSizeGB = 5
    const grown = await arm.complete('PUT', `${compute}/disks/large`, body)
    assert.equal(grown.body.properties.diskSizeBytes, 5 * 2 ** 30)
    assert.equal(grown.body.properties.tier, 'P2')
    const refused = await arm.send('PATCH', `${compute}/disks/large`, { properties: { diskSizeGB: 4 } })
    assert.equal(refused.status, 409)
    assert.match(refused.body.error.message, /Disk size reduction is not supported/)
    const blob = signedBlob((await grant('disks/large', 'Read')).body)
    assert.ok((await blob.downloadToBuffer(0, image.length)).equals(image))
    assert.equal((await blob.getProperties()).contentLength, 5 * 2 ** 30 + 512)
    await end('disks/large')
    const unchanged = await arm.complete('PUT', `${compute}/disks/large`, (await get('disks/large')) as never)
    assert.equal(unchanged.status, 200)
    assert.equal(unchanged.body.properties.diskSizeGB, 5)
  })

  test('sources that will not do', async () => {
    const up = await idOf('disks/up')
    const cases: readonly (readonly [string, object, object, RegExp])[] = [
      ['nowhere', { sourceResourceId: up.replace(/up$/, 'none') }, {}, /not found/],
      ['kind', { sourceResourceId: up.replace('disks', 'virtualMachines') }, {}, /managed disk or snapshot/],
      ['place', { sourceResourceId: up }, { location: 'westus2' }, /same location/],
      ['uri', { sourceResourceId: up, sourceUri: 'https://x/' }, {}, /not allowed when createOption/],
      ['none', {}, {}, /sourceResourceId' is missing/],
    ]
    for (const [name, data, more, message] of cases) {
      const refused = await put('disks', name, { creationData: { createOption: 'Copy', ...data } }, more)
      assert.ok(refused.status >= 400, name)
      assert.match(refused.body.error.message, message, name)
    }
    const small = { creationData: { createOption: 'Copy', sourceResourceId: await idOf('disks/large') }, diskSizeGB: 4 }
    assert.match((await put('disks', 'small', small)).body.error.message, /smaller than the size/)
    const foreign = arm.as({
      tenantId: TENANT,
      objectId: '99999999-9999-4999-8999-999999999999',
      clientId: 'c',
      displayName: 'stranger',
      kind: 'User',
    })
    const refused = await foreign.send('PUT', `${compute}/disks/stolen`, { location: 'eastus', properties: small })
    assert.equal(refused.status, 403)
  })
})

describe('the end', () => {
  test('upkeep finds every byte promised, and takes nothing that is', async () => {
    const promised = new Map<string, string>()
    for await (const { hold, manifest } of diskPromises(arm.arm.resources, arm.regions)) promised.set(hold, manifest)
    const held = new Map<string, string>()
    for await (const { name, manifest } of arm.regions.holds('eastus')) held.set(name, manifest)
    assert.deepEqual([...held].sort(), [...promised].sort())
    assert.ok(held.size >= 6)
  })

  test('sources may be deleted before what was made of them, and nothing is left of the last', async () => {
    await arm.complete('DELETE', `${compute}/disks/up`)
    await arm.regions.collect('eastus')
    assertVhdOf(await read('disks/copy'), image)
    for (const path of ['disks/copy', 'disks/large', 'snapshots/full', 'snapshots/part', 'snapshots/part2'])
      assert.equal((await arm.complete('DELETE', `${compute}/${path}`)).status, 204, path)
    for await (const { name } of arm.regions.holds('eastus')) assert.fail(name)
    await arm.regions.collect('eastus')
    const [stats] = await arm.regions.stats('eastus')
    assert.equal(stats?.manifests, 0)
    assert.equal(stats?.chunks, 0)
  })
})
