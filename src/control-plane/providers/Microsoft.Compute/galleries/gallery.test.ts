import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { COMPUTE, GALLERY, GROUP, startTestGallery, type TestGallery } from './test-gallery.ts'

let arm: TestGallery
before(async () => {
  arm = await startTestGallery()
})
after(() => arm.close())

const info = {
  publisherUri: 'https://example.com',
  publisherContact: 'a@example.com',
  eula: 'https://example.com/eula',
  publicNamePrefix: 'pubname',
}
const sharing = (permissions: string, communityGalleryInfo?: JsonObject) => ({
  location: 'eastus',
  properties: { sharingProfile: { permissions, ...(communityGalleryInfo ? { communityGalleryInfo } : {}) } },
})

test('of two galleries of one name, in two groups at once, one is made; the same one twice is one', async () => {
  const other = GROUP.replace(/rg$/, 'other')
  await arm.done('PUT', other, { location: 'eastus' })
  const put = (paths: readonly string[]) =>
    Promise.all(paths.map(path => arm.send('PUT', path, { location: 'eastus' })))
  const twins = [COMPUTE, COMPUTE.replace('/rg/', '/other/')].map(scope => `${scope}/galleries/twin`)
  const answers = await put(twins)
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409])
  assert.deepEqual(
    (await put([`${COMPUTE}/galleries/same`, `${COMPUTE}/galleries/same`])).map(({ status }) => status).toSorted(),
    [200, 201],
  )
})

test('names follow the rules of galleries', async () => {
  const put = (name: string) => arm.refused('PUT', `${COMPUTE}/galleries/${name}`, { location: 'eastus' })
  assert.match(
    await put('my-gallery'),
    /^400 InvalidParameter: Gallery name is invalid\. Allowed characters are English/,
  )
  assert.match(
    await put('_g'),
    /^400 InvalidParameter: The entity name 'galleryName' is invalid according to its validation rule: \^\[\^\\_\\W\]/,
  )
  assert.match(await put('g'.repeat(81)), /^400 InvalidParameter: The entity name/)
  assert.match(await put('ünal'), /^400 InvalidParameter: The entity name/)
  assert.equal(
    await put('g.'),
    "400 InvalidResourceName: The provided resource name 'g.' has these invalid trailing characters: '.'. The name can not end with characters: '-._'.",
  )
  for (const good of ['a', 'A1', 'a.b_c', 'g'.repeat(80)])
    await arm.done('PUT', `${COMPUTE}/galleries/${good}`, { location: 'East US' })
})

test('a gallery shows its unique name, and a PUT clears what it leaves out but the policy', async () => {
  const body = {
    location: 'eastus',
    properties: { description: 'one', softDeletePolicy: { isSoftDeleteEnabled: true } },
  }
  const made = await arm.done('PUT', `${COMPUTE}/galleries/Shown`, body)
  assert.equal(made.properties.identifier.uniqueName, `${GROUP.split('/')[2]}-SHOWN`)
  assert.deepEqual(made.properties.softDeletePolicy, {
    isSoftDeleteEnabled: true,
    retentionPeriodInDays: 7,
    gracePeriodInDays: 0,
  })
  assert.equal(made.properties.sharingProfile, undefined)
  const again = await arm.done('PUT', `${COMPUTE}/galleries/Shown`, {
    location: 'eastus',
    properties: { identifier: {} },
  })
  assert.equal(again.properties.description, undefined)
  assert.equal(again.properties.identifier.uniqueName, made.properties.identifier.uniqueName)
  assert.equal(again.properties.softDeletePolicy.isSoftDeleteEnabled, true)
  const patched = await arm.done('PATCH', `${COMPUTE}/galleries/Shown`, { properties: { description: 'two' } })
  assert.equal(patched.properties.description, 'two')
  const off = { softDeletePolicy: { isSoftDeleteEnabled: false } }
  const disabled = await arm.done('PATCH', `${COMPUTE}/galleries/Shown`, { properties: off })
  assert.equal(disabled.properties.softDeletePolicy.isSoftDeleteEnabled, false)
})

test('retention and grace are days in bounds', async () => {
  const put = (softDeletePolicy: JsonObject) =>
    arm.refused('PUT', GALLERY, { location: 'eastus', properties: { softDeletePolicy } })
  assert.match(
    await put({ retentionPeriodInDays: 0 }),
    /^400 InvalidParameter: The value 0 .*retentionPeriodInDays' is out of range/,
  )
  assert.match(await put({ gracePeriodInDays: 366 }), /^400 InvalidParameter: The value 366 .*gracePeriodInDays/)
})

test('a community gallery needs all four parts of its information and gets a public name', async () => {
  const path = `${COMPUTE}/galleries/community`
  const put = (one: JsonObject) => arm.refused('PUT', path, one)
  for (const member of Object.keys(info)) {
    const { [member as keyof typeof info]: _left, ...rest } = info
    assert.match(
      await put(sharing('Community', rest)),
      new RegExp(
        `^400 InvalidParameter: Required parameter 'gallery\\.properties\\.sharingProfile\\.communityGalleryInfo\\.${member}' is missing`,
      ),
    )
  }
  for (const publicNamePrefix of ['abcd', 'a'.repeat(17), 'with-dash'])
    assert.match(
      await put(sharing('Community', { ...info, publicNamePrefix })),
      /^400 InvalidParameter: The public name prefix/,
    )
  assert.match(
    await put(sharing('Private', info)),
    /communityGalleryInfo' is not allowed when permissions is 'Private'/,
  )

  const made = await arm.done('PUT', path, sharing('community', info))
  const { communityGalleryEnabled, publicNames } = made.properties.sharingProfile.communityGalleryInfo
  assert.equal(made.properties.sharingProfile.permissions, 'Community')
  assert.equal(communityGalleryEnabled, false)
  assert.match(publicNames[0], /^pubname-[0-9a-f]{8}-[0-9a-f-]{27}$/)
  const again = await arm.done('PUT', path, made)
  assert.deepEqual(again.properties.sharingProfile.communityGalleryInfo.publicNames, publicNames)
  const without = await arm.done('PUT', path, sharing('Community'))
  assert.deepEqual(without.properties.sharingProfile, again.properties.sharingProfile)
  const back = await arm.done('PUT', path, sharing('Private'))
  assert.equal(back.properties.sharingProfile.permissions, 'Private')
  await arm.done('PUT', path, sharing('Community'))
})

test('Groups is decided once', async () => {
  const path = `${COMPUTE}/galleries/groups`
  await arm.done('PUT', path, sharing('groups'))
  const message =
    "409 PropertyChangeNotAllowed: Changing property 'gallery.properties.sharingProfile.permissions' is not allowed."
  assert.equal(await arm.refused('PUT', path, sharing('Private')), message)
  assert.equal(await arm.refused('PUT', path, sharing('Community', info)), message)
  assert.equal(await arm.refused('PUT', GALLERY, sharing('Groups')), message)
  assert.match(await arm.refused('PUT', path, sharing('Everybody')), /^400 InvalidParameter: The value 'Everybody'/)

  const plain = await arm.done('GET', path)
  assert.deepEqual(plain.properties.sharingProfile, { permissions: 'Groups' })
  for (const query of [{ $expand: 'sharingProfile/Groups' }, { $select: 'Permissions' }])
    assert.deepEqual((await arm.done('GET', path, undefined, query)).properties.sharingProfile, {
      permissions: 'Groups',
      groups: [],
    })
  assert.match(await arm.refused('GET', path, undefined, { $select: 'Everything' }), /^400 InvalidQueryParameterValue/)
  assert.match(await arm.refused('GET', path, undefined, { $expand: 'Everything' }), /^400 InvalidQueryParameterValue/)
})

test('a gallery stays where it is', async () => {
  assert.equal(
    await arm.refused('PUT', GALLERY, { location: 'westus2' }),
    "409 InvalidResourceLocation: The resource 'g' already exists in location 'eastus' in resource group 'rg'. A resource with the same name cannot be created in location 'westus2'. Please select a new resource name.",
  )
})

test('a gallery with a definition is not deleted', async () => {
  assert.match(
    await arm.refused('DELETE', GALLERY),
    /^409 CannotDeleteResource: .*Microsoft\.Compute\/galleries\/g\/images\/i/,
  )
})

test('a subscription has at most 100 galleries in a region', async context => {
  const arm = await startTestGallery()
  context.after(() => arm.close())
  for (let count = 1; count < 100; count++)
    await arm.done('PUT', `${COMPUTE}/galleries/g${count}`, { location: 'eastus' })
  assert.match(
    await arm.refused('PUT', `${COMPUTE}/galleries/more`, { location: 'eastus' }),
    /^409 QuotaExceeded: The subscription has reached the limit of 100 galleries in location 'eastus'/,
  )
  await arm.done('PUT', `${COMPUTE}/galleries/more`, { location: 'westus2' })
  await arm.done('PUT', `${COMPUTE}/galleries/g1`, { location: 'eastus' })
})
