import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPUTE, definition, GALLERY, GROUP, IMAGE, noise, ofDisk, regions, version } from '../test-gallery.ts'
import {
  at,
  COLLEAGUE,
  COMMUNITY,
  communityInfo,
  FOREIGN_TENANT,
  startTestSharing,
  type TestSharing,
} from './test-neighbours.ts'

let arm: TestSharing
before(async () => {
  arm = await startTestSharing()
})
after(() => arm.close())

const guid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const subscriptions = (...ids: string[]) => [{ type: 'Subscriptions', ids }]
const refused = (operationType: string, groups?: object, path = GALLERY) =>
  arm.refused('POST', `${path}/share`, { operationType, ...(groups ? { groups } : {}) } as never)
const profile = async (path = GALLERY) =>
  (await arm.done('GET', path, undefined, { $expand: 'sharingProfile/Groups' })).properties.sharingProfile

test('subscriptions and tenants are added, removed and reset', async () => {
  const { status, headers, body } = await arm.send('POST', `${GALLERY}/share`, {
    operationType: 'add',
    groups: [
      { type: 'subscriptions', ids: [guid(2), guid(1)] },
      { type: 'AADTenants', ids: [FOREIGN_TENANT] },
    ],
  })
  assert.equal(status, 202)
  assert.equal(body, undefined)
  assert.match(headers['azure-asyncoperation'] ?? '', /\/locations\/eastus\/capsOperations\//)
  assert.match(headers.location ?? '', /monitor=true/)
  await arm.arm.settled(GALLERY.toLowerCase())

  const update = await arm.share(GALLERY, 'Add', subscriptions(guid(3), guid(1).toUpperCase(), guid(3)))
  assert.deepEqual(update, { operationType: 'Add', groups: subscriptions(guid(3), guid(1).toUpperCase(), guid(3)) })
  assert.deepEqual(await profile(), {
    permissions: 'Groups',
    groups: [
      { type: 'Subscriptions', ids: [guid(2), guid(1), guid(3)] },
      { type: 'AADTenants', ids: [FOREIGN_TENANT] },
    ],
  })
  await arm.share(GALLERY, 'Remove', subscriptions(guid(1), guid(9)))
  await arm.share(GALLERY, 'Remove', [{ type: 'AADTenants', ids: [FOREIGN_TENANT.toUpperCase()] }])
  assert.deepEqual((await profile()).groups, subscriptions(guid(2), guid(3)))
  assert.deepEqual(await arm.share(GALLERY, 'Reset', []), { operationType: 'Reset', groups: [] })
  assert.deepEqual(await profile(), { permissions: 'Private', groups: [] })
  assert.match(await refused('Add', subscriptions(guid(1))), /^409 OperationNotAllowed: .*'Groups'\. It is 'Private'/)
  // It was a gallery for groups, and may be one again.
  await arm.done('PATCH', GALLERY, { properties: { sharingProfile: { permissions: 'Groups' } } })
  assert.deepEqual(await profile(), { permissions: 'Groups', groups: [] })
})

test('what a gallery can not be shared with is refused, and nothing changes', async () => {
  await arm.share(GALLERY, 'Add', subscriptions(guid(1)))
  const before = await profile()
  const many = (count: number) => Array.from({ length: count }, (_, index) => guid(100 + index))
  for (const [operation, groups, message] of [
    ['Add', subscriptions(...many(30)), /^400 InvalidParameter: A gallery can be shared with at most 30 subscriptions/],
    ['Add', [{ type: 'AADTenants', ids: many(6) }], /^400 InvalidParameter: .* at most 5 tenants/],
    ['Add', subscriptions('my-subscription'), /^400 InvalidParameter: The id 'my-subscription' .*must be a GUID/],
    ['Add', subscriptions(), /^400 InvalidParameter: Required parameter 'parameters\.groups' is missing/],
    ['Add', undefined, /^400 InvalidParameter: Required parameter 'parameters\.groups'/],
    ['Add', [{ type: 'Users', ids: [guid(1)] }], /^400 InvalidParameter: The value 'Users'/],
    ['Remove', [], /^400 InvalidParameter: Required parameter/],
    [
      'Reset',
      subscriptions(guid(1)),
      /^400 InvalidParameter: Parameter 'groups' is not allowed when operationType is 'Reset'/,
    ],
    ['EnableCommunity', undefined, /^409 OperationNotAllowed: .*'Community'\. It is 'Groups'/],
    ['Publish', undefined, /^400 InvalidParameter: The value 'Publish'/],
  ] as const)
    assert.match(await refused(operation, groups), message)
  assert.match(await arm.refused('POST', `${GALLERY}/share`, {}), /operationType' is missing/)
  assert.match(await refused('Reset', undefined, `${GALLERY}none`), /^404 ResourceNotFound/)
  assert.deepEqual(await profile(), before)
})

test('a gallery that is shared is not deleted, and its group is not either', async () => {
  const path = `${COMPUTE}/galleries/kept`
  await arm.done('PUT', path, { location: 'eastus', properties: { sharingProfile: { permissions: 'Groups' } } })
  await arm.share(path, 'Add', subscriptions(guid(1)))
  assert.match(await arm.refused('DELETE', path), /^409 OperationNotAllowed: .*Reset its sharing profile first/)
  await arm.share(path, 'Reset')
  await arm.done('DELETE', path)

  const group = `${GROUP}shared`
  const inner = `${group}/providers/Microsoft.Compute/galleries/inner`
  await arm.done('PUT', group, { location: 'eastus' })
  await arm.done('PUT', inner, { location: 'eastus', properties: { sharingProfile: { permissions: 'Groups' } } })
  await arm.share(inner, 'Add', subscriptions(guid(1)))
  assert.match(await groupDeletion(group), /Reset its sharing profile first/)
  await arm.share(inner, 'Reset')
  assert.equal(await groupDeletion(group), '')
})

const groupDeletion = async (group: string) => {
  const { body } = await arm.complete('DELETE', group)
  return body?.error?.message ?? ''
}

test('a community gallery is public from its enabling to its reset', async () => {
  const info = async () => (await profile(COMMUNITY)).communityGalleryInfo
  assert.equal((await info()).communityGalleryEnabled, false)
  const seen = at(COLLEAGUE, `communityGalleries/${arm.publicName}`)
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', seen), /^404 ResourceNotFound/)
  await arm.share(COMMUNITY, 'EnableCommunity', [])
  assert.equal((await info()).communityGalleryEnabled, true)
  await arm.by(COLLEAGUE.caller).done('GET', seen)
  assert.match(await arm.refused('DELETE', COMMUNITY), /^409 (OperationNotAllowed|CannotDeleteResource)/)
  assert.match(await refused('Add', subscriptions(guid(1)), COMMUNITY), /^409 OperationNotAllowed/)
  await arm.share(COMMUNITY, 'Reset')
  assert.equal((await profile(COMMUNITY)).permissions, 'Private')
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', seen), /^404 ResourceNotFound/)

  // Whoever may write the gallery, but not share it, can't make it public again.
  const again = { properties: { sharingProfile: { permissions: 'Community' } } }
  await arm.done('PATCH', COMMUNITY, again)
  await arm.share(COMMUNITY, 'EnableCommunity')
  await arm.done('PATCH', COMMUNITY, { properties: { sharingProfile: { permissions: 'Private' } } })
  await arm.done('PATCH', COMMUNITY, again)
  assert.equal((await info()).communityGalleryEnabled, false)
  assert.match(await arm.by(COLLEAGUE.caller).refused('GET', seen), /^404 ResourceNotFound/)
  assert.deepEqual((await info()).publicNames, [arm.publicName])
  await arm.done('PATCH', COMMUNITY, { properties: { sharingProfile: null } })
  await arm.done('PATCH', COMMUNITY, again)
  assert.deepEqual((await info()).publicNames, [arm.publicName])
})

test('another prefix is another public name, and the former one stays good', async () => {
  const path = `${COMPUTE}/galleries/renamed`
  const put = async (publicNamePrefix: string) => {
    const sharingProfile = { permissions: 'Community', communityGalleryInfo: { ...communityInfo, publicNamePrefix } }
    const made = await arm.done('PUT', path, { location: 'eastus', properties: { sharingProfile } })
    return made.properties.sharingProfile.communityGalleryInfo.publicNames
  }
  const [first] = await put('first')
  await arm.share(path, 'EnableCommunity')
  const names = await put('second')
  assert.match(names[0], /^second-/)
  assert.equal(names[1], first)
  for (const name of names)
    assert.equal((await arm.by(COLLEAGUE.caller).done('GET', at(COLLEAGUE, `communityGalleries/${name}`))).name, name)
  assert.deepEqual(await put('first'), names.toReversed(), 'the first prefix again is the first name again')
})

test('what is shared is at home where its gallery is, and nobody else’s', async () => {
  const elsewhere = { ...definition({ identifier: { publisher: 'p', offer: 'o', sku: 'west' } }), location: 'westus2' }
  assert.match(
    await arm.refused('PUT', `${GALLERY}/images/west`, elsewhere),
    /^409 OperationNotAllowed: 'west' is located in 'westus2' and its gallery in 'eastus'/,
  )
  const version9 = { ...ofDisk(await arm.snapshot('west', noise(9), { location: 'westus2' }), regions('westus2')) }
  assert.match(
    await arm.refused('PUT', version('9.0.0'), { ...version9, location: 'westus2' }),
    /^409 OperationNotAllowed: '9\.0\.0' is located in 'westus2'/,
  )
  const planned = definition({
    identifier: { publisher: 'p', offer: 'o', sku: 'plan' },
    purchasePlan: { name: 'n', publisher: 'p', product: 'q' },
  })
  assert.match(
    await arm.refused('PUT', `${COMMUNITY}/images/plan`, planned),
    /^409 OperationNotAllowed: .*purchase plan/,
  )

  // What came into a gallery before it was to be shared is looked at when it is.
  const path = `${COMPUTE}/galleries/late`
  await arm.done('PUT', path, { location: 'eastus' })
  await arm.done('PUT', `${path}/images/plan`, planned)
  const sharingProfile = { permissions: 'Community', communityGalleryInfo: communityInfo }
  await arm.done('PATCH', path, { properties: { sharingProfile } })
  assert.match(await refused('EnableCommunity', undefined, path), /^409 OperationNotAllowed: .*purchase plan/)
})

test('a gallery’s name is unique in its subscription', async () => {
  await arm.done('PUT', `${GROUP}2`, { location: 'eastus' })
  assert.match(
    await arm.refused('PUT', `${GROUP}2/providers/Microsoft.Compute/galleries/G`, { location: 'eastus' }),
    /^409 Conflict: The gallery name 'G' is already used in the subscription/,
  )
})

test('sharingStatus tells what each region has of what is shared', async () => {
  await arm.share(GALLERY, 'Add', subscriptions(guid(1)))
  const status = async () => (await arm.done('GET', GALLERY)).properties.sharingStatus
  assert.deepEqual(await status(), {
    aggregatedState: 'Succeeded',
    summary: [
      { region: 'East US', state: 'Succeeded', details: '' },
      { region: 'West US 2', state: 'Succeeded', details: '' },
    ],
  })
  await arm.arm.resources.change(version('1.0.0').toLowerCase(), document => {
    const regions = document.hidden.regions as Record<string, object>
    const changed = { ...regions, westus2: { ...regions.westus2, state: 'Replicating' } }
    return { ...document, hidden: { ...document.hidden, regions: changed as never } }
  })
  const coming = await status()
  assert.equal(coming.aggregatedState, 'InProgress')
  assert.deepEqual(coming.summary[1], {
    region: 'West US 2',
    state: 'InProgress',
    details: 'On their way to the region: i/1.0.0.',
  })
  await arm.share(GALLERY, 'Reset')
  assert.equal(await status(), undefined)
  assert.equal((await arm.done('GET', IMAGE)).name, 'i')
})
