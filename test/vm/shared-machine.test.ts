import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../../src/cli/test-shell.ts'
import { loggedIn, refused } from '../scenarios/az.ts'
import { tinyImage } from '../support/tiny-image.ts'
import { addressOf, inGuest, machinesServer, withAzAndTinyImage } from './machines-server.ts'

test(
  'another tenant’s machine boots from a gallery that is shared with it and from the community, and goes on when that ends',
  withAzAndTinyImage,
  async t => {
    const { server, az } = await machinesServer(t)
    const opengallery = async (...words: string[]) => {
      const told = await runCommand([...words, '--data', server.dataFolder, '--json'])
      assert.equal(told.exitCode, 0, told.stderr)
      return JSON.parse(told.stdout)
    }
    await az`group create -n images -l eastus`
    await az`sig create -g images -r lent --permissions groups`
    await az`sig create -g images -r open --permissions Community --publisher-uri https://example.com --publisher-email images@example.com --eula https://example.com/eula --public-name-prefix pubname`
    await az`sig share enable-community -g images -r open`
    for (const gallery of ['lent', 'open'])
      await opengallery(
        ...['publish', await tinyImage(), '--gallery', gallery, '--definition', 'tiny', '--regions', 'eastus,westus2'],
      )

    const { tenantId, administrator } = await opengallery('tenant', 'add', 'Elsewhere')
    const { clientId, clientSecret, objectId } = administrator
    const lab = await opengallery('subscription', 'add', 'lab', '--tenant', tenantId, '--owner', objectId)
    const { subscriptionId } = lab
    await az`sig share add -g images -r lent --subscription-ids ${subscriptionId}`
    const stranger = await loggedIn({ ...server, admin: { tenantId, subscriptionId, clientId, clientSecret } }, 'other')
    await stranger`group create -n mine -l westus2`
    const make = async (name: string, image: string) =>
      await stranger`vm create -g mine -n ${name} --image ${image} --accept-term --size Standard_D2s_v5 --admin-username azureuser --generate-ssh-keys`
    const guest = async (name: string) => await inGuest(server, await addressOf(stranger, 'mine', name), 'hostname')

    const shared = `/SharedGalleries/${server.admin.subscriptionId}-LENT/Images/tiny/Versions/latest`
    await make('lent', shared)
    assert.equal(await guest('lent'), 'lent')
    const { imageReference } = (await stranger`vm show -g mine -n lent`).storageProfile
    assert.deepEqual([imageReference.sharedGalleryImageId, imageReference.exactVersion], [shared, '1.0.0'])

    const [publicName] = (await az`sig show -g images -r open`).sharingProfile.communityGalleryInfo.publicNames
    await make('open', `/CommunityGalleries/${publicName}/Images/tiny/Versions/1.0.0`)
    assert.equal(await guest('open'), 'open')

    await az`sig share remove -g images -r lent --subscription-ids ${subscriptionId}`
    await refused(make('late', shared), /GalleryImageNotFound|not found/)
    assert.equal(await guest('lent'), 'lent')
    const [consumer, ...others] = (await opengallery('consumers', 'images/lent')).consumers
    assert.deepEqual(
      [consumer.subscriptionId, consumer.isStillShared, consumer.virtualMachines],
      [subscriptionId, false, 1],
    )
    assert.deepEqual(others, [])
  },
)
