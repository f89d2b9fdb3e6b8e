import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { type Az, loggedIn, needsAz, refused, together } from './az.ts'
import { assertVhdOf, diskImage, download, fixedVhd, signedBlob, uploadBlob, uploadPages } from './disk-image.ts'
import { startServer } from './running-server.ts'

const image = diskImage(64)
const vhd = fixedVhd(image)

/** An uploaded disk, by az's printed signed URL. */
const uploadDisk = async (az: Az, name: string, bytes: Buffer, location = 'eastus') => {
  const disk =
    await az`disk create -g images -n ${name} -l ${location} --upload-type Upload --upload-size-bytes ${bytes.length} --os-type Linux --hyper-v-generation V2 --sku Standard_LRS`
  assert.equal(disk.diskState, 'ReadyToUpload')
  const access = await az`disk grant-access -g images -n ${name} --access-level Write --duration-in-seconds 3600`
  await uploadPages(signedBlob(access), bytes)
  await az`disk revoke-access -g images -n ${name}`
  return disk.id as string
}

const readDisk = async (az: Az, name: string): Promise<Buffer> => {
  const access = await az`disk grant-access -g images -n ${name} --duration-in-seconds 600`
  const bytes = await download(signedBlob(access))
  await az`disk revoke-access -g images -n ${name}`
  return bytes
}

test('az sig: an image is published, replicated, found, pulled back and retired', needsAz, async t => {
  const server = await startServer(t)
  const az = await loggedIn(server)
  const { subscriptionId } = server.admin
  const group = `/subscriptions/${subscriptionId}/resourceGroups/images`
  const gallery = `${group}/providers/Microsoft.Compute/galleries/corp`
  await az`group create -n images -l eastus`

  await t.test('gallery', async () => {
    const made = await az`sig create -g images -r corp --description ${'Images of the house'} --tags team=images`
    assert.equal(made.id, gallery)
    assert.equal(made.provisioningState, 'Succeeded')
    assert.equal(made.identifier.uniqueName, `${subscriptionId}-CORP`)
    await together(
      async () => assert.equal((await az`sig show -g images -r CORP`).description, 'Images of the house'),
      async () => assert.deepEqual(await az`sig list -g images --query ${'[].name'}`, ['corp']),
      async () => assert.deepEqual(await az`sig list --query ${'[].name'}`, ['corp']),
      async () => await az`sig wait -g images -r corp --created --interval 1 --timeout 20`,
      async () => await refused(az`sig create -g images -r bad-name`, /Gallery name is invalid/),
      async () => await refused(az`sig show -g images -r nowhere`, /ResourceNotFound/),
    )
    const updated = await az`sig update -g images -r corp --set description=Changed`
    assert.equal(updated.description, 'Changed')
    assert.deepEqual(updated.tags, { team: 'images' })
  })

  await t.test('definition', async () => {
    const made =
      await az`sig image-definition create -g images -r corp -i ubuntu --publisher Contoso --offer Linux --sku Base --os-type Linux --os-state Generalized --hyper-v-generation v2 --architecture x64 --minimum-cpu-core 1 --maximum-cpu-core 8 --minimum-memory 1024 --maximum-memory 4096 --eula https://contoso.example/eula`
    assert.equal(made.hyperVGeneration, 'V2')
    assert.deepEqual(made.identifier, { publisher: 'Contoso', offer: 'Linux', sku: 'Base' })
    assert.equal(made.recommended.vCPUs.max, 8)
    await together(
      async () =>
        assert.equal((await az`sig image-definition show -g images -r corp -i ubuntu`).osState, 'Generalized'),
      async () =>
        assert.deepEqual(await az`sig image-definition list -g images -r corp --query ${'[].name'}`, ['ubuntu']),
      async () => await az`sig image-definition wait -g images -r corp -i ubuntu --created --interval 1 --timeout 20`,
      async () =>
        await refused(
          az`sig image-definition create -g images -r corp -i twin --publisher contoso --offer linux --sku base --os-type Linux`,
          /already exists/,
        ),
      async () =>
        await refused(
          az`sig image-definition create -g images -r nowhere -i any --publisher p --offer o --sku s --os-type Linux`,
          /ParentResourceNotFound/,
        ),
    )
    const updated = await az`sig image-definition update -g images -r corp -i ubuntu --set description=${'Base image'}`
    assert.equal(updated.description, 'Base image')
    assert.equal(updated.eula, 'https://contoso.example/eula')
    assert.equal(updated.recommended.vCPUs.max, 8)
    await refused(
      az`sig image-definition update -g images -r corp -i ubuntu --set osState=Specialized`,
      /PropertyChangeNotAllowed/,
    )
  })

  await t.test('version from an uploaded disk, in three regions', async () => {
    await uploadDisk(az, 'golden', vhd)
    await az`snapshot create -g images -n golden-snapshot --source golden`
    const made =
      await az`sig image-version create -g images -r corp -i ubuntu -e 1.0.0 --os-snapshot golden-snapshot --target-regions eastus=1 westus2=1 westeurope=1 --end-of-life-date 2040-12-31 --tags build=1`
    assert.equal(made.provisioningState, 'Succeeded')
    assert.deepEqual(
      made.publishingProfile.targetRegions.map((region: { name: string }) => region.name),
      ['East US', 'West US 2', 'West Europe'],
    )
    assert.match(made.publishingProfile.endOfLifeDate, /^2040-12-31T/)
    const status =
      await az`sig image-version show -g images -r corp -i ubuntu -e 1.0.0 --expand ReplicationStatus --query replicationStatus`
    assert.equal(status.aggregatedState, 'Completed')
    assert.equal(status.summary.length, 3)
    for (const region of status.summary) {
      assert.equal(region.state, 'Completed', region.region)
      assert.equal(region.progress, 100, region.region)
    }
  })

  await t.test('the listing of the guide', async () => {
    const rows =
      await az`sig image-version list -g images -r corp -i ubuntu --query ${'[].{Name:name,State:provisioningState,Regions:publishingProfile.targetRegions[].name}'}`
    assert.deepEqual(rows, [{ Name: '1.0.0', State: 'Succeeded', Regions: ['East US', 'West US 2', 'West Europe'] }])
    const table = await az`sig image-version list -g images -r corp -i ubuntu -o table`
    assert.match(table, /1\.0\.0/)
  })

  await t.test('it comes back byte for byte, in every region', async () => {
    const version = `${gallery}/images/ubuntu/versions/1.0.0`
    await together(
      ...['eastus', 'westus2', 'westeurope'].map(location => async () => {
        const disk =
          await az`disk create -g images -n from-${location} -l ${location} --gallery-image-reference ${version}`
        assert.equal(disk.creationData.createOption, 'FromImage')
        assertVhdOf(await readDisk(az, `from-${location}`), image)
      }),
    )
    await refused(
      az`disk create -g images -n nowhere -l southeastasia --gallery-image-reference ${version}`,
      /not available in|not found|GalleryImageNotFound/i,
    )
  })

  await t.test('a second version of a managed image; the latest is found by the definition', async () => {
    const changed = Buffer.from(image)
    changed.fill('changed', 20 * 2 ** 20, 20 * 2 ** 20 + 8192)
    const id = await uploadDisk(az, 'golden2', fixedVhd(changed))
    await az`image create -g images -n golden-image --source ${id} --os-type Linux --hyper-v-generation V2`
    const made =
      await az`sig image-version create -g images -r corp -i ubuntu -e 1.0.1 --managed-image golden-image --target-regions eastus`
    assert.equal(made.provisioningState, 'Succeeded')
    assert.equal(made.publishingProfile.targetRegions[0].regionalReplicaCount, 1)
    assert.equal(made.publishingProfile.targetRegions[0].storageAccountType, 'Standard_LRS')
    await az`disk create -g images -n latest --gallery-image-reference ${`${gallery}/images/ubuntu`}`
    assertVhdOf(await readDisk(az, 'latest'), changed)

    await az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --set publishingProfile.excludeFromLatest=true`
    await az`disk create -g images -n latest-but-one --gallery-image-reference ${`${gallery}/images/ubuntu`}`
    assertVhdOf(await readDisk(az, 'latest-but-one'), image)
  })

  await t.test('regions and end of life change', async () => {
    const more =
      await az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --add publishingProfile.targetRegions name=southeastasia regionalReplicaCount=1`
    assert.deepEqual(
      more.publishingProfile.targetRegions.map((region: { name: string }) => region.name),
      ['East US', 'Southeast Asia'],
    )
    await refused(
      az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --target-regions eastus=1 westus2=1`,
      /Complete set of target locations not specified/,
    )
    const other =
      await az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --target-regions eastus=1 westus2=1 --allow-replicated-location-deletion true`
    assert.deepEqual(
      other.publishingProfile.targetRegions.map((region: { name: string }) => region.name),
      ['East US', 'West US 2'],
    )
    const status =
      await az`sig image-version show -g images -r corp -i ubuntu -e 1.0.1 --expand ReplicationStatus --query replicationStatus.summary[].state`
    assert.deepEqual(status, ['Completed', 'Completed'])
    const dated =
      await az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --set publishingProfile.endOfLifeDate=2041-01-01T00:00:00Z`
    assert.match(dated.publishingProfile.endOfLifeDate, /^2041-01-01T00:00:00/)
    await together(
      async () =>
        await refused(
          az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --target-regions westus2`,
          /must contain the location/,
        ),
      async () =>
        await refused(
          az`sig image-version update -g images -r corp -i ubuntu -e 1.0.1 --set publishingProfile.endOfLifeDate=2001-01-01T00:00:00Z`,
          /EndOfLifeDate must be set to a future date/,
        ),
      async () =>
        await refused(
          az`sig image-version update -g images -r corp -i ubuntu -e 1.0.0 --target-regions eastus eastus`,
          /Duplicate regions/,
        ),
    )
  })

  await otherSources(t, az, gallery)

  await t.test('safety: a version within its life is not deleted', async () => {
    await az`sig image-version create -g images -r corp -i ubuntu -e 3.0.0 --os-snapshot golden-snapshot --end-of-life-date 2040-12-31 --block-deletion-before-end-of-life true`
    await refused(
      az`sig image-version delete -g images -r corp -i ubuntu -e 3.0.0`,
      /DeleteGalleryImageVersionBlockedBeforeEndOfLife|endOfLifeDate has not reached/,
    )
    await az`sig image-version update -g images -r corp -i ubuntu -e 3.0.0 --block-deletion-before-end-of-life false`
    await az`sig image-version delete -g images -r corp -i ubuntu -e 3.0.0`
  })

  await t.test('soft delete and undelete', async () => {
    await az`sig update -g images -r corp --soft-delete true`
    await az`sig image-version delete -g images -r corp -i ubuntu -e 1.0.1`
    await refused(az`sig image-version show -g images -r corp -i ubuntu -e 1.0.1`, /ResourceNotFound/)
    const gone = await az`sig image-version list-soft-deleted -g images -r corp -i ubuntu`
    assert.deepEqual(
      gone.map((one: { name: string }) => one.name),
      ['1.0.1'],
    )
    const back = await az`sig image-version undelete -g images -r corp -i ubuntu -e 1.0.1`
    assert.equal(back.name, '1.0.1')
    const shown = await az`sig image-version show -g images -r corp -i ubuntu -e 1.0.1`
    assert.equal(shown.provisioningState, 'Succeeded')
    assert.deepEqual(
      shown.publishingProfile.targetRegions.map((region: { name: string }) => region.name),
      ['East US', 'West US 2'],
    )
    await az`disk create -g images -n undeleted -l westus2 --gallery-image-reference ${`${gallery}/images/ubuntu/versions/1.0.1`}`
    const bytes = await readDisk(az, 'undeleted')
    assert.equal(bytes.toString('latin1', 20 * 2 ** 20, 20 * 2 ** 20 + 7), 'changed')
    await az`sig update -g images -r corp --soft-delete false`
  })

  await t.test('all of it goes again, children first', async () => {
    await together(
      async () => await refused(az`sig delete -g images -r corp`, /CannotDeleteResource/),
      async () => await refused(az`sig image-definition delete -g images -r corp -i ubuntu`, /CannotDeleteResource/),
    )
    const names: string[] = await az`sig image-version list -g images -r corp -i ubuntu --query ${'[].name'}`
    await together(
      ...names.map(name => async () => {
        await az`sig image-version delete -g images -r corp -i ubuntu -e ${name}`
      }),
    )
    await az`sig image-definition delete -g images -r corp -i ubuntu`
    await az`sig delete -g images -r corp`
    assert.deepEqual(await az`sig list -g images`, [])
    assertVhdOf(await readDisk(az, 'from-eastus'), image) // a disk outlives the version it was made from
  })
})

/** A version of every kind of source that az can name, in ascending order of their names. */
const otherSources = (t: TestContext, az: Az, gallery: string) =>
  t.test('versions of a disk, of a version and of a VHD in a storage account', async () => {
    const account = await az`storage account create -g images -n vhdstore -l eastus --sku Standard_LRS`
    const [key] = await az`storage account keys list -g images -n vhdstore`
    const blobs = new BlobServiceClient(
      account.primaryEndpoints.blob,
      new StorageSharedKeyCredential('vhdstore', key.value),
    )
    const container = blobs.getContainerClient('vhds')
    await container.create()
    const blob = await uploadBlob(container, 'golden.vhd', vhd)

    await together(
      async () =>
        await az`sig image-version create -g images -r corp -i ubuntu -e 2.0.0 --os-vhd-uri ${blob.url} --os-vhd-storage-account vhdstore`,
      async () =>
        await az`sig image-version create -g images -r corp -i ubuntu -e 2.0.1 --image-version ${`${gallery}/images/ubuntu/versions/1.0.0`} --replication-mode Shallow`,
      async () =>
        await refused(
          az`sig image-version create -g images -r corp -i ubuntu -e 2.0.2 --os-vhd-uri https://127.0.0.1:1/a.vhd --os-vhd-storage-account vhdstore`,
          /not/,
        ),
      async () =>
        await refused(
          az`sig image-version create -g images -r corp -i ubuntu -e 1.0 --os-snapshot golden-snapshot`,
          /image version name is invalid/,
        ),
      async () =>
        await refused(
          az`sig image-version create -g images -r corp -i ubuntu -e 2.0.3 --virtual-machine ${gallery.replace(/galleries.*/, 'virtualMachines/any')}`,
          /Source was not found/,
        ),
    )
    await az`sig image-version wait -g images -r corp -i ubuntu -e 2.0.0 --created --interval 1 --timeout 60`
    await together(
      ...['2.0.0', '2.0.1'].map(name => async () => {
        const disk = `of-${name.replaceAll('.', '-')}`
        await az`disk create -g images -n ${disk} --gallery-image-reference ${`${gallery}/images/ubuntu/versions/${name}`}`
        assertVhdOf(await readDisk(az, disk), image)
      }),
    )
    const names = await az`sig image-version list -g images -r corp -i ubuntu --query ${'[].name'}`
    assert.deepEqual(names, ['1.0.0', '1.0.1', '2.0.0', '2.0.1'])
  })
