import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnonymousCredential, BlobServiceClient, PageBlobClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { type Az, loggedIn, needsAz, refused, together } from './az.ts'
import {
  assertVhdOf,
  diskImage,
  download,
  fixedVhd,
  mebibyte,
  signedBlob,
  uploadBlob,
  uploadPages,
} from './disk-image.ts'
import { startServer } from './running-server.ts'

const image = diskImage(64, 7)
const vhd = fixedVhd(image)

test('az disk, snapshot, image and storage account', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  await az`group create -n disks -l eastus`
  const read = async (kind: 'disk' | 'snapshot', name: string) => {
    const access = await (az`${kind} grant-access -g disks -n ${name} --duration-in-seconds 600` as ReturnType<Az>)
    const bytes = await download(signedBlob(access))
    await az`${kind} revoke-access -g disks -n ${name}`
    return bytes
  }

  await t.test('an empty disk, grown, and gone', async () => {
    const made = await az`disk create -g disks -n empty --size-gb 1 --sku Premium_LRS --tags use=test`
    assert.equal(made.diskState, 'Unattached')
    assert.equal(made.diskSizeBytes, 2 ** 30)
    assert.equal(made.creationData.createOption, 'Empty')
    assert.equal(made.sku.name, 'Premium_LRS')
    assert.equal((await az`disk update -g disks -n empty --size-gb 2`).diskSizeGB ?? 2, 2)
    const shown = await az`disk show -g disks -n empty`
    assert.equal(shown.diskSizeBytes, 2 ** 31)
    assert.deepEqual(shown.tags, { use: 'test' })
    await together(
      async () => await refused(az`disk update -g disks -n empty --size-gb 1`, /size|smaller|shrink/i),
      async () => await refused(az`disk show -g disks -n nowhere`, /ResourceNotFound/),
      async () => await refused(az`disk create -g disks -n none`, /size|required/i),
      async () => await az`disk wait -g disks -n empty --created --interval 1 --timeout 20`,
    )
    await az`disk delete -g disks -n empty --yes`
    await refused(az`disk show -g disks -n empty`, /ResourceNotFound/)
    await az`disk delete -g disks -n empty --yes`
  })

  await t.test('an upload, its signed URL, and its end', async () => {
    const made =
      await az`disk create -g disks -n uploaded --upload-type Upload --upload-size-bytes ${vhd.length} --os-type Linux --hyper-v-generation V2`
    assert.equal(made.diskState, 'ReadyToUpload')
    await refused(az`snapshot create -g disks -n early --source uploaded`, /upload|state|not/i)
    const access = await az`disk grant-access -g disks -n uploaded --access-level Write --duration-in-seconds 3600`
    assert.equal((await az`disk show -g disks -n uploaded`).diskState, 'ActiveUpload')
    const blob = signedBlob(access)
    await uploadPages(blob, vhd)
    await az`disk revoke-access -g disks -n uploaded`
    await assert.rejects(blob.uploadPages(Buffer.alloc(512), 0, 512), { statusCode: 403 })
    const shown = await az`disk show -g disks -n uploaded`
    assert.equal(shown.diskState, 'Unattached')
    assert.equal(shown.diskSizeBytes, image.length)
    assertVhdOf(await read('disk', 'uploaded'), image)
    await refused(
      az`disk create -g disks -n odd --upload-type Upload --upload-size-bytes 12345`,
      /uploadSizeBytes|size/i,
    )
  })

  await t.test('what a signed URL allows, and no more', async () => {
    const access = await az`disk grant-access -g disks -n uploaded --duration-in-seconds 600`
    const blob = signedBlob(access)
    const url = new URL(blob.url)
    await assert.rejects(blob.uploadPages(Buffer.alloc(512, 1), 0, 512), { statusCode: 403 })
    url.searchParams.set('sp', 'rw')
    const widened = new PageBlobClient(url.href, new AnonymousCredential())
    await assert.rejects(widened.uploadPages(Buffer.alloc(512, 1), 0, 512), { statusCode: 403 })
    url.searchParams.set('sig', Buffer.alloc(32, 7).toString('base64'))
    assert.equal((await fetch(url)).status, 403)
    const bare = await fetch(`${url.origin}${url.pathname}`)
    assert.ok([401, 403, 404].includes(bare.status), `${bare.status}`)
    await refused(az`disk delete -g disks -n uploaded --yes`, /access|OperationNotAllowed|active/i)
    await az`disk revoke-access -g disks -n uploaded`
    assert.equal((await fetch(blob.url)).status, 403)
  })

  await t.test('copies: disk of a disk, snapshot of a disk, disk of a snapshot', async () => {
    await together(
      async () => await az`disk create -g disks -n copy --source uploaded`,
      async () => await az`snapshot create -g disks -n full --source uploaded`,
      async () => await az`snapshot create -g disks -n part --source uploaded --incremental true`,
    )
    const part = await az`snapshot show -g disks -n part`
    assert.equal(part.incremental, true)
    assert.equal(part.creationData.createOption, 'Copy')
    await az`disk create -g disks -n restored --source part --size-gb 1`
    await together(
      async () => assertVhdOf(await read('disk', 'copy'), image),
      async () => assertVhdOf(await read('snapshot', 'full'), image),
      async () => {
        const bytes = await read('disk', 'restored')
        assert.equal(bytes.length, 2 ** 30 + 512)
        assert.ok(bytes.subarray(0, image.length).equals(image))
        assert.ok(bytes.subarray(image.length, image.length + mebibyte).every(byte => byte === 0))
      },
    )
    await together(
      async () => {
        const names = await az`disk list -g disks --query ${'sort([].name)'}`
        assert.deepEqual(names, ['copy', 'restored', 'uploaded'])
      },
      async () => assert.deepEqual(await az`snapshot list -g disks --query ${'sort([].name)'}`, ['full', 'part']),
      async () => await az`snapshot wait -g disks -n part --created --interval 1 --timeout 20`,
      async () => {
        const updated = await az`snapshot update -g disks -n full --set tags.keep=yes`
        assert.deepEqual(updated.tags, { keep: 'yes' })
      },
    )
  })

  await t.test('managed images of a disk, of a snapshot and of a blob', async () => {
    const account = await az`storage account create -g disks -n blobstore1 -l eastus --sku Standard_LRS`
    assert.equal(account.provisioningState, 'Succeeded')
    const [key, second] = await az`storage account keys list -g disks -n blobstore1`
    assert.notEqual(key.value, second.value)
    const service = new BlobServiceClient(
      account.primaryEndpoints.blob,
      new StorageSharedKeyCredential('blobstore1', key.value),
    )
    const container = service.getContainerClient('vhds')
    await container.create()
    const blob = await uploadBlob(container, 'golden.vhd', vhd)
    await together(
      async () => await az`image create -g disks -n of-disk --source uploaded --os-type Linux --hyper-v-generation V2`,
      async () => await az`image create -g disks -n of-snapshot --source full --os-type Linux --hyper-v-generation V2`,
      async () => await az`image create -g disks -n of-blob --source ${blob.url} --os-type Linux`,
      async () =>
        await az`disk create -g disks -n of-uri --source ${blob.url} --source-storage-account-id ${account.id} --os-type Linux`,
    )
    await together(
      async () => assert.equal((await az`image show -g disks -n of-disk`).hyperVGeneration, 'V2'),
      async () => assert.equal((await az`image show -g disks -n of-blob`).storageProfile.osDisk.blobUri, blob.url),
      async () =>
        assert.deepEqual(await az`image list -g disks --query ${'sort([].name)'}`, [
          'of-blob',
          'of-disk',
          'of-snapshot',
        ]),
      async () => assertVhdOf(await read('disk', 'of-uri'), image),
      async () => await az`image wait -g disks -n of-disk --created --interval 1 --timeout 20`,
      async () => assert.deepEqual((await az`image update -g disks -n of-disk --set tags.a=b`).tags, { a: 'b' }),
    )
    await refused(az`image create -g disks -n of-air --source https://example.com/a.vhd --os-type Linux`, /not/)
    await az`image delete -g disks -n of-blob`
    await az`image delete -g disks -n of-disk`
    await az`image delete -g disks -n of-snapshot`
    await refused(az`image show -g disks -n of-disk`, /ResourceNotFound/)
  })

  await t.test('storage accounts', async () => {
    await together(
      async () => assert.equal((await az`storage account show -g disks -n blobstore1`).kind, 'StorageV2'),
      async () => assert.deepEqual(await az`storage account list -g disks --query ${'[].name'}`, ['blobstore1']),
      async () => assert.deepEqual(await az`storage account list --query ${'[].name'}`, ['blobstore1']),
      async () => assert.equal((await az`storage account check-name -n blobstore1`).nameAvailable, false),
      async () => assert.equal((await az`storage account check-name -n blobstore2`).nameAvailable, true),
      async () =>
        await refused(
          az`storage account create -g disks -n Bad_Name -l eastus --sku Standard_LRS`,
          /not a valid storage account name|AccountNameInvalid/,
        ),
    )
    const [before] = await az`storage account keys list -g disks -n blobstore1`
    const [after] = await az`storage account keys renew -g disks -n blobstore1 --key key1`
    assert.notEqual(before.value, after.value)
    await az`storage account delete -g disks -n blobstore1 --yes`
    assert.deepEqual(await az`storage account list`, [])
  })

  await t.test('deleting what others were made of leaves them whole', async () => {
    await az`disk delete -g disks -n uploaded --yes`
    await az`snapshot delete -g disks -n full`
    await together(
      async () => assertVhdOf(await read('disk', 'copy'), image),
      async () => assertVhdOf(await read('snapshot', 'part'), image),
    )
  })
})
