import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test } from 'node:test'
import { openAccess } from '#access/access.ts'
import { subscriptionDocument } from '#arm/subscription-document.ts'
import { systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openIdentity } from '#identity/identity.ts'
import { openResources } from '#resources/stored-resources.ts'
import { runCommand } from '../../src/cli/test-shell.ts'
import { type Az, loggedIn, needsAz, refused, together } from './az.ts'
import { assertVhdOf, diskImage, download, fixedVhd, signedBlob, uploadPages } from './disk-image.ts'
import { type Admin, type RunningServer, startServer } from './running-server.ts'

const image = diskImage(24, 11)
const vhd = fixedVhd(image)

/** Two more who own a subscription each: a reader of the owner's tenant, and a stranger of another one. */
const addNeighbours = async (dataFolder: string): Promise<{ reader: Admin; stranger: Admin }> => {
  const database = openSqlite(path.join(dataFolder, 'metadata.sqlite'))
  const parts = { database, clock: systemClock, random: systemRandom, log: silentLog, origins: () => [] }
  const { directory } = await openIdentity(parts)
  const access = await openAccess({ ...parts, groupsOf: id => directory.groupsOf(id) })
  const resources = await openResources(database)
  const add = async (tenantId: string, displayName: string): Promise<Admin> => {
    const principal = await directory.addServicePrincipal({ tenantId, displayName })
    const { secret } = await directory.addSecret(principal.objectId)
    const subscriptionId = systemRandom.uuid()
    const now = { now: systemClock.now(), uuid: systemRandom.uuid }
    await database.transact(async transaction => {
      await resources.insert(transaction, subscriptionDocument(subscriptionId, tenantId, displayName, now))
      const owner = { tenantId, objectId: principal.objectId, principalType: 'ServicePrincipal' } as const
      await access.seedOwner(transaction, owner, `/subscriptions/${subscriptionId}`)
    })
    return { tenantId, subscriptionId, clientId: principal.appId ?? '', clientSecret: secret }
  }
  const [tenant] = await directory.tenants()
  assert.ok(tenant)
  const elsewhere = await directory.addTenant({ displayName: 'Elsewhere' })
  const made = { reader: await add(tenant.tenantId, 'Lab'), stranger: await add(elsewhere.tenantId, 'Elsewhere') }
  await database.close()
  return made
}

/** A gallery to share with groups and one for the community, with the same bytes in eastus and westus2. */
const publish = async (az: Az): Promise<void> => {
  await az`group create -n images -l eastus`
  await az`disk create -g images -n os --upload-type Upload --upload-size-bytes ${vhd.length} --os-type Linux --hyper-v-generation V1`
  const access = await az`disk grant-access -g images -n os --access-level Write --duration-in-seconds 600`
  await uploadPages(signedBlob(access), vhd)
  await az`disk revoke-access -g images -n os`
  await az`snapshot create -g images -n os --source os`
  await az`sig create -g images -r lent --permissions groups`
  await az`sig create -g images -r open --permissions Community --publisher-uri https://example.com --publisher-email images@example.com --eula https://example.com/eula --public-name-prefix pubname`
  for (const gallery of ['lent', 'open']) {
    await az`sig image-definition create -g images -r ${gallery} -i web --publisher acme --offer linux --sku ${gallery} --os-type Linux --os-state Specialized --hyper-v-generation V1`
    await az`sig image-version create -g images -r ${gallery} -i web -e 1.0.0 --os-snapshot os --target-regions eastus westus2`
  }
}

const makeDisk = (az: Az, name: string, image: string) =>
  az`disk create -g mine -n ${name} --gallery-image-reference ${image}`

const assertHasImage = async (az: Az, disk: string): Promise<void> => {
  assertVhdOf(
    await download(signedBlob(await az`disk grant-access -g mine -n ${disk} --duration-in-seconds 600`)),
    image,
  )
  await az`disk revoke-access -g mine -n ${disk}`
}

test('galleries shared directly and with the community', needsAz, async t => {
  let neighbours: Awaited<ReturnType<typeof addNeighbours>> | undefined
  const server: RunningServer = await startServer(t, {
    prepare: async dataFolder => {
      neighbours = await addNeighbours(dataFolder)
    },
  })
  assert.ok(neighbours)
  const command = async (...args: string[]) => {
    const told = await runCommand([...args, '--data', server.dataFolder, '--json'])
    assert.equal(told.exitCode, 0, told.stderr)
    return JSON.parse(told.stdout)
  }
  const az = await loggedIn(server, 'owner')
  const reader = await loggedIn({ ...server, admin: neighbours.reader }, 'reader')
  const stranger = await loggedIn({ ...server, admin: neighbours.stranger }, 'stranger')
  await publish(az)
  for (const other of [reader, stranger]) await other`group create -n mine -l eastus`
  const lent = (await az`sig show -g images -r lent`).id
  const uniqueName = `${server.admin.subscriptionId}-LENT`
  const shared = `/SharedGalleries/${uniqueName}/Images/web/Versions/1.0.0`
  const of = ['--gallery-unique-name', uniqueName] as const

  await t.test(
    'a subscription that a gallery is shared with lists, reads and deploys, and nobody else does',
    async () => {
      const { subscriptionId } = neighbours?.reader ?? assert.fail()
      assert.deepEqual(await reader`sig list-shared -l eastus`, [])
      await refused(makeDisk(reader, 'early', shared), /GalleryImageNotFound/)
      await refused(makeDisk(reader, 'early', `${lent}/images/web/versions/1.0.0`), /LinkedAuthorizationFailed/)
      await az`sig share add -g images -r lent --subscription-ids ${subscriptionId}`
      await az`sig share wait -g images -r lent --updated --interval 1 --timeout 60`
      const shown = await az`sig show -g images -r lent --sharing-groups`
      assert.deepEqual(shown.sharingProfile.groups, [{ type: 'Subscriptions', ids: [subscriptionId] }])
      assert.equal(shown.sharingStatus.aggregatedState, 'Succeeded')

      const [gallery] = await reader`sig list-shared -l eastus`
      assert.deepEqual(gallery, {
        location: 'eastus',
        name: uniqueName,
        uniqueId: `/SharedGalleries/${uniqueName}`,
      })
      await together(
        async () => assert.deepEqual(await reader`sig list-shared -l eastus --shared-to tenant`, []),
        async () => assert.deepEqual(await reader`sig list-shared -l westeurope`, []),
        async () => assert.equal((await reader`sig show-shared -l westus2 ${of[0]} ${of[1]}`).name, uniqueName),
        async () => {
          const [one] = await reader`sig image-definition list-shared -l eastus ${of[0]} ${of[1]}`
          assert.equal(one.osState, 'Specialized')
        },
        async () => {
          const [one] = await reader`sig image-version list-shared -l westus2 ${of[0]} ${of[1]} -i web`
          assert.equal(one.uniqueId, shared)
          assert.equal(one.storageProfile.osDiskImage.diskSizeGB, 1)
        },
        async () => await refused(stranger`sig show-shared -l eastus ${of[0]} ${of[1]}`, /ResourceNotFound/),
        async () => assert.deepEqual(await stranger`sig list-shared -l eastus`, []),
        async () => await refused(makeDisk(stranger, 'none', shared), /GalleryImageNotFound/),
      )
      const disk = await makeDisk(reader, 'theirs', shared)
      assert.equal(disk.creationData.galleryImageReference.sharedGalleryImageId, shared)
      await assertHasImage(reader, 'theirs')
      // To deploy is not to write.
      await refused(
        reader`sig image-definition delete --subscription ${server.admin.subscriptionId} -g images -r lent -i web`,
        /AuthorizationFailed|SubscriptionNotFound|subscription/i,
      )
    },
  )

  await t.test('when the sharing ends, so do deployments, and what was made goes on and is listed', async () => {
    const { subscriptionId } = neighbours?.reader ?? assert.fail()
    await refused(az`sig delete -g images -r lent`, /while it is shared|CannotDeleteResource/)
    await az`sig share remove -g images -r lent --subscription-ids ${subscriptionId}`
    await together(
      async () => await refused(makeDisk(reader, 'late', shared), /GalleryImageNotFound/),
      async () => assert.deepEqual(await reader`sig list-shared -l eastus`, []),
      async () => await assertHasImage(reader, 'theirs'),
    )
    const { consumers } = await command('consumers', 'images/lent')
    assert.equal(consumers.length, 1)
    assert.deepEqual(
      [consumers[0].subscriptionId, consumers[0].disks, consumers[0].isStillShared],
      [subscriptionId, 1, false],
    )
    await refused(az`sig share add -g images -r lent --subscription-ids nonsense`, /GUID/)
    await az`sig share reset -g images -r lent`
    assert.equal((await az`sig show -g images -r lent`).sharingProfile.permissions, 'Private')
  })

  await t.test('a tenant that a gallery is shared with, by the ids of its images too', async () => {
    const { tenantId } = neighbours?.stranger ?? assert.fail()
    await az`sig update -g images -r lent --permissions groups`
    await az`sig share add -g images -r lent --tenant-ids ${tenantId}`
    assert.deepEqual(await stranger`sig list-shared -l eastus`, [])
    assert.equal((await stranger`sig list-shared -l eastus --shared-to tenant`)[0].name, uniqueName)
    await makeDisk(stranger, 'theirs', `${lent}/images/web/versions/1.0.0`)
    await assertHasImage(stranger, 'theirs')
    await az`sig share reset -g images -r lent`
    await refused(makeDisk(stranger, 'late', `${lent}/images/web/versions/1.0.0`), /LinkedAuthorizationFailed/)
  })

  await t.test('the community finds what is published, and its operator has the last word', async () => {
    assert.deepEqual(await stranger`sig list-community -l eastus`, [])
    await az`sig share enable-community -g images -r open`
    const info = (await az`sig show -g images -r open`).sharingProfile.communityGalleryInfo
    assert.equal(info.communityGalleryEnabled, true)
    const [publicName] = info.publicNames
    const [gallery] = await stranger`sig list-community -l eastus`
    assert.equal(gallery.name, publicName)
    assert.equal(gallery.communityMetadata.publisherContact, 'images@example.com')
    const named = ['--public-gallery-name', publicName] as const
    const id = `/CommunityGalleries/${publicName}/Images/web/Versions/1.0.0`
    await together(
      async () => assert.equal((await stranger`sig show-community -l eastus ${named[0]} ${named[1]}`).name, publicName),
      async () => {
        const [one] = await stranger`sig image-definition list-community -l eastus ${named[0]} ${named[1]}`
        assert.equal(one.identifier.publisher, 'acme')
      },
      async () => {
        const [one] = await stranger`sig image-version list-community -l westus2 ${named[0]} ${named[1]} -i web`
        assert.equal(one.uniqueId, id)
      },
      async () => {
        const made = await makeDisk(stranger, 'open', id)
        assert.ok(!JSON.stringify(made).includes(server.admin.subscriptionId))
      },
    )
    await assertHasImage(stranger, 'open')

    await command('community', 'report', id, '--category', 'ImageFlaggedUnsafe', '--details', 'ships a miner')
    await together(
      async () => await refused(makeDisk(stranger, 'worse', id), /GalleryImageVersionReported.*ships a miner/s),
      async () => {
        const show = stranger`sig image-version show-community -l eastus ${named[0]} ${named[1]} -i web -e 1.0.0`
        await refused(show, /GalleryImageVersionReported/)
      },
      async () => {
        const { safetyProfile } = await az`sig image-version show -g images -r open -i web -e 1.0.0`
        assert.equal(safetyProfile.policyViolations[0].category, 'ImageFlaggedUnsafe')
      },
    )
    await command('community', 'withdraw', id)
    await makeDisk(stranger, 'better', id)
    await az`sig share reset -g images -r open`
    await refused(stranger`sig show-community -l eastus ${named[0]} ${named[1]}`, /ResourceNotFound/)
    assert.deepEqual(await stranger`sig list-community -l eastus`, [])
  })
})
