import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SUBSCRIPTION, TENANT } from '../../../../../../test/support/test-arm.ts'
import { GALLERY, GROUP, IMAGE, noise, ofDisk, regions, version } from '../test-gallery.ts'
import {
  at,
  COLLEAGUE,
  COMMUNITY,
  communityInfo,
  FOREIGN_ADMIN,
  FOREIGNER,
  ofColleague,
  ofTenant,
  startTestSharing,
  type TestSharing,
  UNIQUE_NAME,
} from './test-neighbours.ts'

let arm: TestSharing
before(async () => {
  arm = await startTestSharing()
  await arm.share(COMMUNITY, 'EnableCommunity')
})
after(() => arm.close())

const names = (body: { value: { name: string }[] }) => body.value.map(({ name }) => name)
const shared = `sharedGalleries/${UNIQUE_NAME}`

/** What is allowed to be there, by its path; everything else that a body has is a leak. */
const allowed = {
  gallery: ['name', 'location', 'identifier.uniqueId'],
  community: [
    'type',
    'properties.disclaimer',
    'properties.communityMetadata.publisherUri',
    'properties.communityMetadata.publisherContact',
    'properties.communityMetadata.eula',
    'properties.communityMetadata.publicNames.0',
  ],
  image: [
    'osType',
    'osState',
    'hyperVGeneration',
    'architecture',
    'endOfLifeDate',
    'eula',
    'privacyStatementUri',
    'identifier.publisher',
    'identifier.offer',
    'identifier.sku',
    'recommended.vCPUs.min',
    'recommended.vCPUs.max',
    'recommended.memory.min',
    'recommended.memory.max',
    'disallowed.diskTypes.0',
    'features.0.name',
    'features.0.value',
  ].map(path => `properties.${path}`),
  version: [
    'publishedDate',
    'endOfLifeDate',
    'excludeFromLatest',
    'imageState',
    'consumptionEndTime',
    'storageProfile.osDiskImage.diskSizeGB',
    'storageProfile.osDiskImage.hostCaching',
    'storageProfile.dataDiskImages.0.lun',
    'storageProfile.dataDiskImages.0.diskSizeGB',
    'storageProfile.dataDiskImages.0.hostCaching',
  ].map(path => `properties.${path}`),
}

const leaves = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) => leaves(member, path === '' ? name : `${path}.${name}`))
    : [path]

const assertOnly = (body: unknown, ...lists: readonly (readonly string[])[]) => {
  const known = new Set(lists.flat())
  assert.deepEqual(
    leaves(body).filter(path => !known.has(path)),
    [],
  )
}

test('readers see of a community gallery what Azure shows, and nothing that leads to its owner', async () => {
  const base = `communityGalleries/${arm.publicName}`
  const bodies: unknown[] = []
  const get = async (rest: string) => {
    const answer = await arm.as(FOREIGNER.caller).send('GET', at(FOREIGNER, `${base}${rest}`))
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    bodies.push(answer)
    return answer.body
  }
  const gallery = await get('')
  assertOnly(gallery, allowed.gallery, allowed.community)
  assert.equal(gallery.identifier.uniqueId, `/CommunityGalleries/${arm.publicName}`)
  const { publicNamePrefix: _, ...metadata } = communityInfo
  assert.deepEqual(gallery.properties.communityMetadata, { ...metadata, publicNames: [arm.publicName] })

  const image = await get('/images/OPEN')
  assertOnly(image, allowed.gallery, ['type', 'properties.disclaimer'], allowed.image)
  assert.equal(image.identifier.uniqueId, `/CommunityGalleries/${arm.publicName}/Images/open`)
  // Every member of the list was there to be checked.
  assert.deepEqual(
    allowed.image.filter(path => !leaves(image).includes(path)),
    [],
  )

  const one = await get('/images/open/versions/2.0.0')
  assertOnly(one, allowed.gallery, ['type', 'properties.disclaimer'], allowed.version)
  assert.equal(one.identifier.uniqueId, `/CommunityGalleries/${arm.publicName}/Images/open/Versions/2.0.0`)
  assert.deepEqual(one.properties.storageProfile, { osDiskImage: { diskSizeGB: 1, hostCaching: 'ReadWrite' } })
  assert.equal(one.properties.endOfLifeDate, '2098-01-01T00:00:00.000Z')

  assert.deepEqual((await get('/images')).value, [image])
  assert.deepEqual((await get('/images/open/versions')).value, [one])
  const told = JSON.stringify(bodies)
  for (const secret of [SUBSCRIPTION, TENANT, 'secret', GROUP, 'resourceGroups', 'opengallery'])
    assert.ok(!told.toLowerCase().includes(secret.toLowerCase()), `${secret} is told: ${told}`)
})

test('what is not there is refused in the words of the one who asked', async () => {
  const base = `communityGalleries/${arm.publicName}`
  for (const rest of [
    'communityGalleries/x',
    `${base}/images/none`,
    `${base}/images/open/versions/9.9.9`,
    `${base}/images/none/versions`,
  ]) {
    const { status, headers, body } = await arm.as(FOREIGNER.caller).send('GET', at(FOREIGNER, rest))
    assert.equal(`${status} ${body.error.code}`, '404 ResourceNotFound', rest)
    assert.ok(!JSON.stringify([headers, body]).includes(SUBSCRIPTION))
  }
  assert.match(
    await arm.by(FOREIGNER.caller).refused('GET', at(FOREIGNER, base, 'mars')),
    /^400 LocationNotAvailableForResourceType/,
  )
  assert.match(await arm.by(FOREIGNER.caller).refused('GET', at(FOREIGNER, 'communityGalleries')), /^405 /)
  // A subscription of one's own is needed, as in Azure.
  assert.match(
    await arm.by(FOREIGNER.caller).refused('GET', at(COLLEAGUE, base)),
    /^401 InvalidAuthenticationTokenTenant/,
  )
})

test('a gallery that is shared with a subscription is there for it alone', async () => {
  const get = (who: typeof COLLEAGUE, rest: string, query = {}, location = 'eastus') =>
    arm.by(who.caller).done('GET', at(who, rest, location), undefined, query)
  const none = await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, shared))
  const other = await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, `sharedGalleries/${SUBSCRIPTION}-NONE`))
  assert.equal(none.replace(UNIQUE_NAME, 'X'), other.replace(`${SUBSCRIPTION}-NONE`, 'X'))
  await arm.share(GALLERY, 'Add', ofColleague)

  assert.deepEqual(names(await get(COLLEAGUE, 'sharedGalleries')), [UNIQUE_NAME])
  assert.deepEqual(names(await get(COLLEAGUE, 'sharedGalleries', { sharedTo: 'tenant' })), [])
  const gallery = await get(COLLEAGUE, shared.toLowerCase())
  assert.deepEqual(gallery, {
    name: UNIQUE_NAME,
    location: 'eastus',
    identifier: { uniqueId: `/SharedGalleries/${UNIQUE_NAME}` },
    properties: {},
  })
  const image = await get(COLLEAGUE, `${shared}/images/i`)
  assertOnly(image, allowed.gallery, allowed.image)
  const one = await get(COLLEAGUE, `${shared}/images/i/versions/1.0.0`)
  assertOnly(one, allowed.gallery, allowed.version)
  assert.equal(one.identifier.uniqueId, `/SharedGalleries/${UNIQUE_NAME}/Images/i/Versions/1.0.0`)
  assert.ok(!/secret/.test(JSON.stringify([gallery, image, one])))

  // A replica in the region, or it is not there.
  assert.deepEqual(names(await get(COLLEAGUE, `${shared}/images/i/versions`)), ['1.0.0', '1.1.0'])
  assert.deepEqual(names(await get(COLLEAGUE, `${shared}/images/i/versions`, {}, 'westus2')), ['1.0.0'])
  assert.deepEqual(names(await get(COLLEAGUE, 'sharedGalleries', {}, 'westus2')), [UNIQUE_NAME])
  assert.deepEqual(names(await get(COLLEAGUE, 'sharedGalleries', {}, 'westeurope')), [])
  const inEurope = arm.by(COLLEAGUE.caller)
  for (const rest of ['', '/images', '/images/i', '/images/i/versions', '/images/i/versions/1.0.0'])
    assert.match(await inEurope.refused('GET', at(COLLEAGUE, `${shared}${rest}`, 'westeurope')), /^404 /, rest)
  assert.match(await inEurope.refused('GET', at(COLLEAGUE, `${shared}/images/i/versions/1.1.0`, 'westus2')), /^404 /)

  // Neither a stranger nor the owner's own subscription, which is not among the groups.
  for (const rest of [shared, `${shared}/images`, `${shared}/images/i`, `${shared}/images/i/versions`])
    assert.match(await arm.by(FOREIGNER.caller).refused('GET', at(FOREIGNER, rest)), /^404 /)
  assert.deepEqual(names(await get(FOREIGNER, 'sharedGalleries')), [])
  assert.match(
    await arm.refused('GET', `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/${shared}`),
    /^404 /,
  )
  await arm.share(GALLERY, 'Remove', ofColleague)
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, shared)), /^404 /)
  assert.deepEqual(names(await get(COLLEAGUE, 'sharedGalleries')), [])
})

test('whoever has a role anywhere in the subscription may read what is shared with it, and nobody without one', async () => {
  await arm.share(GALLERY, 'Add', ofColleague)
  const somebody = { ...COLLEAGUE.caller, objectId: 'dddddddd-3333-4333-8333-333333333333' }
  const paths = [shared, `communityGalleries/${arm.publicName}/images/open`].map(path => at(COLLEAGUE, path))
  for (const path of paths) assert.match(await arm.by(somebody).refused('GET', path), /^403 AuthorizationFailed/)
  await arm.arm.transact(transaction =>
    arm.access.seedOwner(transaction, { ...somebody, principalType: 'ServicePrincipal' }, arm.groupOf(COLLEAGUE)),
  )
  for (const path of paths) await arm.by(somebody).done('GET', path)
  assert.deepEqual(names(await arm.by(somebody).done('GET', at(COLLEAGUE, 'sharedGalleries'))), [UNIQUE_NAME])
  await arm.share(GALLERY, 'Remove', ofColleague)
})

test('a gallery that is shared with a tenant is there for all of it, when it is asked for', async () => {
  const get = (rest: string, query = {}) => arm.by(FOREIGNER.caller).done('GET', at(FOREIGNER, rest), undefined, query)
  const tenant = { sharedTo: 'tenant' }
  await arm.share(GALLERY, 'Add', ofTenant)
  assert.deepEqual(names(await get('sharedGalleries')), [])
  assert.deepEqual(names(await get('sharedGalleries', tenant)), [UNIQUE_NAME])
  assert.deepEqual(names(await get(`${shared}/images`, tenant)), ['i'])
  assert.deepEqual(names(await get(`${shared}/images/i/versions`, tenant)), ['1.0.0', '1.1.0'])
  assert.equal((await get(shared)).name, UNIQUE_NAME)
  assert.match(
    await arm.by(FOREIGNER.caller).refused('GET', at(FOREIGNER, 'sharedGalleries'), undefined, { sharedTo: 'world' }),
    /^400 InvalidQueryParameterValue/,
  )
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, shared)), /^404 /)
  await arm.share(GALLERY, 'Remove', ofTenant)
})

test('an offer that was rejected is as if it were not there, until it is accepted or made again', async () => {
  await arm.share(GALLERY, 'Add', [...ofColleague, ...ofTenant])
  const answer = (verb: string, name = 'g') =>
    arm
      .as(COLLEAGUE.caller)
      .send('POST', at(COLLEAGUE, `sharedGallerySubscriptions/${SUBSCRIPTION}/sharedGalleries/${name}/${verb}`))
  const seen = async () => names(await arm.by(COLLEAGUE.caller).done('GET', at(COLLEAGUE, 'sharedGalleries')))
  assert.deepEqual(await seen(), [UNIQUE_NAME])
  assert.equal((await answer('reject')).status, 204)
  assert.deepEqual(await seen(), [])
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, shared)), /^404 /)
  assert.equal((await answer('accept', UNIQUE_NAME)).status, 204)
  assert.deepEqual(await seen(), [UNIQUE_NAME])
  await answer('reject')
  await arm.share(GALLERY, 'Add', ofColleague)
  assert.deepEqual(await seen(), [], 'what was there before is no new offer')
  await arm.share(GALLERY, 'Remove', ofColleague)
  assert.equal((await answer('accept')).body.error.code, 'GalleryInvitationNotFound')
  await arm.share(GALLERY, 'Add', ofColleague)
  assert.deepEqual(await seen(), [UNIQUE_NAME])
  assert.equal((await answer('reject', 'none')).body.error.code, 'GalleryInvitationNotFound')

  const forTenant = (verb: string) =>
    `/providers/Microsoft.Compute/locations/eastus/tenantLevelSharedGallerySubscriptions/${SUBSCRIPTION}/sharedGalleries/g/${verb}`
  assert.match(await arm.by(FOREIGNER.caller).refused('POST', forTenant('reject')), /^403 AuthorizationFailed/)
  const ofForeigners = async () =>
    names(
      await arm.by(FOREIGNER.caller).done('GET', at(FOREIGNER, 'sharedGalleries'), undefined, { sharedTo: 'tenant' }),
    )
  assert.deepEqual(await ofForeigners(), [UNIQUE_NAME])
  await arm.by(FOREIGN_ADMIN.caller).done('POST', forTenant('reject'))
  assert.deepEqual(await ofForeigners(), [])
  await arm.by(FOREIGN_ADMIN.caller).done('POST', forTenant('accept'))
  assert.deepEqual(await ofForeigners(), [UNIQUE_NAME])
  await arm.share(GALLERY, 'Remove', [...ofColleague, ...ofTenant])
})

test('what is excluded says so, and what was deleted softly is there until its retention ends', async () => {
  await arm.share(GALLERY, 'Add', ofColleague)
  await arm.done('PATCH', GALLERY, { properties: { softDeletePolicy: { isSoftDeleteEnabled: true } } })
  const source = await arm.snapshot('excluded', noise(2))
  const targets = regions('eastus', { name: 'westus2', excludeFromLatest: false })
  await arm.done('PUT', version('3.0.0'), ofDisk(source, { ...targets, excludeFromLatest: true }))
  const get = (number: string, location = 'eastus') =>
    arm.by(COLLEAGUE.caller).done('GET', at(COLLEAGUE, `${shared}/images/i/versions/${number}`, location))
  assert.equal((await get('3.0.0')).properties.excludeFromLatest, true)
  assert.equal((await get('3.0.0', 'westus2')).properties.excludeFromLatest, false)
  assert.equal((await get('3.0.0')).properties.imageState, 'Active')

  const deletedAt = arm.clock.now().getTime()
  await arm.done('DELETE', version('3.0.0'))
  const { imageState, consumptionEndTime } = (await get('3.0.0')).properties
  assert.equal(imageState, 'SoftDeleted')
  const day = 24 * 3600 * 1000
  assert.equal(Math.round((Date.parse(consumptionEndTime) - deletedAt) / day), 7)
  arm.clock.advance(8 * day)
  assert.match(
    await arm.by(COLLEAGUE.caller).refused('GET', at(COLLEAGUE, `${shared}/images/i/versions/3.0.0`)),
    /^404 /,
  )
  assert.equal((await arm.done('GET', IMAGE)).name, 'i')
})
