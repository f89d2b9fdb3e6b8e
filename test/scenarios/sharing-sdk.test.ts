import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ComputeManagementClient } from '@azure/arm-compute'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { startServer } from './running-server.ts'

const fast = { updateIntervalInMs: 200 }
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

test('the JavaScript SDK: a gallery is shared, its offer rejected and accepted, and another one published', async t => {
  const { url, admin } = await startServer(t)
  const { tenantId, subscriptionId } = admin
  const credential = new ClientSecretCredential(tenantId, admin.clientId, admin.clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
  })
  const options = { endpoint: url, credentials: { scopes: [`${url}/.default`] } }
  const compute = new ComputeManagementClient(credential, subscriptionId, options)
  const resources = new ResourceManagementClient(credential, subscriptionId, options)
  await resources.resourceGroups.createOrUpdate('images', { location: 'eastus' })
  await compute.galleries.createOrUpdate(
    'images',
    'lent',
    { location: 'eastus', sharingProfile: { permissions: 'Groups' } },
    fast,
  )
  const groups = [
    { type: 'Subscriptions', ids: [subscriptionId] },
    { type: 'AADTenants', ids: [tenantId] },
  ]
  const update = await compute.gallerySharingProfile.update('images', 'lent', { operationType: 'Add', groups }, fast)
  assert.deepEqual(update, { operationType: 'Add', groups })
  const shown = await compute.galleries.get('images', 'lent', { expand: 'SharingProfile/Groups' })
  assert.deepEqual(shown.sharingProfile?.groups, groups)
  assert.equal(shown.sharingStatus?.aggregatedState, 'Succeeded')

  const mine = async () => (await collect(compute.sharedGalleries.list('eastus'))).map(({ name }) => name)
  const ofTenant = async () =>
    (await collect(compute.sharedGalleries.list('eastus', { sharedTo: 'tenant' }))).map(({ name }) => name)
  const name = `${subscriptionId}-LENT`
  const { sharedGalleryInvites: invites, tenantLevelSharedGalleryInvites: ofAll } = compute
  assert.deepEqual([await mine(), await ofTenant()], [[name], [name]])
  await invites.gallerySharingReject('eastus', subscriptionId, 'lent', fast)
  assert.deepEqual([await mine(), await ofTenant()], [[], [name]])
  await ofAll.tenantLevelGallerySharingReject('eastus', subscriptionId, 'lent', fast)
  await assert.rejects(compute.sharedGalleries.get('eastus', name), { statusCode: 404 })
  await invites.gallerySharingAccept('eastus', subscriptionId, 'lent', fast)
  await ofAll.tenantLevelGallerySharingAccept('eastus', subscriptionId, 'lent', fast)
  assert.equal((await compute.sharedGalleries.get('eastus', name)).uniqueId, `/SharedGalleries/${name}`)
  assert.deepEqual(await ofTenant(), [name])
  await assert.rejects(compute.galleries.delete('images', 'lent', fast), { statusCode: 409 })
  await compute.gallerySharingProfile.update('images', 'lent', { operationType: 'Reset' }, fast)
  await compute.galleries.delete('images', 'lent', fast)

  const communityGalleryInfo = {
    publisherUri: 'https://example.com',
    publisherContact: 'images@example.com',
    eula: 'https://example.com/eula',
    publicNamePrefix: 'pubname',
  }
  const sharingProfile = { permissions: 'Community', communityGalleryInfo }
  const open = await compute.galleries.createOrUpdate('images', 'open', { location: 'eastus', sharingProfile }, fast)
  const [publicName = ''] = open.sharingProfile?.communityGalleryInfo?.publicNames ?? []
  await assert.rejects(compute.communityGalleries.get('eastus', publicName), { statusCode: 404 })
  await compute.gallerySharingProfile.update('images', 'open', { operationType: 'EnableCommunity' }, fast)
  const found = await compute.communityGalleries.get('eastus', publicName)
  assert.equal(found.communityMetadata?.publisherContact, 'images@example.com')
  assert.deepEqual(await collect(compute.communityGalleryImages.list('eastus', publicName)), [])
})
