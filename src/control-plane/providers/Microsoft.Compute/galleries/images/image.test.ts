import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import { definition, GALLERY, IMAGE, startTestGallery, type TestGallery } from '../test-gallery.ts'

let arm: TestGallery
before(async () => {
  arm = await startTestGallery()
})
after(() => arm.close())

const at = (name: string) => `${GALLERY}/images/${name}`
const identifier = (sku: string) => ({ publisher: 'publisher', offer: 'offer', sku })
const make = (name: string, more: JsonObject = {}, apiVersion = '2022-03-03') =>
  arm.done('PUT', at(name), definition({ identifier: identifier(name), ...more }), { 'api-version': apiVersion })

test('bad definitions are refused with the sentences of Azure', async () => {
  const cases: readonly [JsonObject, RegExp][] = [
    [{ osType: 'BeOS' }, /^400 InvalidParameter: The value 'BeOS' of parameter 'galleryImage\.properties\.osType'/],
    [
      { osType: null },
      /^400 InvalidParameter: Required parameter 'galleryImage\.properties\.osType' is missing \(null\)/,
    ],
    [{ osState: null }, /Required parameter 'galleryImage\.properties\.osState' is missing/],
    [{ identifier: null }, /Required parameter 'galleryImage\.properties\.identifier' is missing/],
    [{ identifier: { publisher: 'p', offer: 'o' } }, /Required parameter 'galleryImage\.properties\.identifier\.sku'/],
    ...(['', 'ends.', 'sp ace', 'x'.repeat(65)] as const).map((sku): [JsonObject, RegExp] => [
      { identifier: identifier(sku) },
      /^400 InvalidParameter: Asset name galleryImage\.properties\.identifier\.sku is not valid\. It cannot be empty\. .* cannot exceed 64 characters\.$/,
    ]),
    [
      { identifier: { publisher: 'x'.repeat(129), offer: 'o', sku: 's' } },
      /identifier\.publisher is not valid.* 128 characters/,
    ],
    [{ endOfLifeDate: '2025-12-31T00:00:00Z' }, /^400 InvalidParameter: EndOfLifeDate must be set to a future date\.$/],
    [
      { endOfLifeDate: 'soon' },
      /^400 InvalidRequestContent: Could not convert string to DateTimeOffset: soon\. Path 'properties\.endOfLifeDate'/,
    ],
    [
      { recommended: { vCPUs: { min: 4, max: 2 } } },
      /^400 InvalidParameter: The minimum value of vCPUs must not be greater than the maximum value of vCPUs\.$/,
    ],
    [{ recommended: { memory: { min: 4, max: 2 } } }, /The minimum value of memory must not/],
    [{ hyperVGeneration: 'V3' }, /The value 'V3' of parameter/],
    [{ features: [{ name: 'Magic', value: 'True' }] }, /^400 InvalidParameter: The feature name 'Magic' is invalid/],
    [{ features: [{ name: 'SecurityType', value: 'Lax' }] }, /The value 'Lax' of feature 'SecurityType' is invalid/],
    [
      { features: [{ name: 'SecurityType', value: 'TrustedLaunch' }] },
      /The security type 'TrustedLaunch' is supported only by gallery images whose hyperVGeneration is 'V2'/,
    ],
    [
      {
        features: [
          { name: 'IsHibernateSupported', value: 'True' },
          { name: 'isHibernateSupported', value: 'False' },
        ],
      },
      /specified more than once/,
    ],
    [{ features: [{ name: 'IsHibernateSupported', value: 'True', startsAtVersion: '1' }] }, /startsAtVersion/],
    [
      { colour: 'red' },
      /^400 BadRequest: Could not find member 'colour' on object of type 'properties'\. Path 'properties\.colour'/,
    ],
  ]
  for (const [more, message] of cases)
    assert.match(await arm.refused('PUT', at('bad'), definition({ identifier: identifier('bad'), ...more })), message)
  assert.match(await arm.refused('PUT', at('bad-'), definition()), /^400 InvalidResourceName/)
  assert.match(
    await arm.refused('PUT', at('-bad'), definition()),
    /^400 InvalidParameter: The entity name 'galleryImageName'/,
  )
  await make('with-dash.and_more')
})

test('publisher, offer and sku name one definition of a gallery', async () => {
  await arm.done('PUT', at('before'), definition({ identifier: identifier('before') }))
  assert.equal(
    await arm.refused(
      'PUT',
      at('twin'),
      definition({ identifier: { publisher: 'PUBLISHER', offer: 'offer', sku: 'sku' } }),
    ),
    '409 Conflict: Gallery image: i identified by (publisher:PUBLISHER, offer:offer, sku:sku) already exists. Choose a different publisher, offer, sku combination.',
  )
  const both = definition({ identifier: identifier('both') })
  const answers = await Promise.all(['one', 'other'].map(name => arm.send('PUT', at(name), both)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409])
})

test('defaults depend on the api-version', async () => {
  const { hyperVGeneration: _left, ...bare } = definition({ identifier: identifier('old') }).properties as JsonObject
  const put = (name: string, more: JsonObject, apiVersion: string) =>
    arm.done(
      'PUT',
      at(name),
      { location: 'eastus', properties: { ...bare, identifier: identifier(name), ...more } },
      { 'api-version': apiVersion },
    )
  const old = await put('old', {}, '2024-03-03')
  assert.deepEqual(
    [old.properties.hyperVGeneration, old.properties.architecture, old.properties.features],
    ['V1', 'x64', undefined],
  )
  const modern = await put('modern', {}, '2025-03-03')
  assert.equal(modern.properties.hyperVGeneration, 'V2')
  assert.deepEqual(modern.properties.features, [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }])
  const first = await put('first', { hyperVGeneration: 'v1' }, '2025-03-03')
  assert.deepEqual([first.properties.hyperVGeneration, first.properties.features], ['V1', undefined])
  const standard = await put('standard', { features: [{ name: 'SecurityType', value: 'standard' }] }, '2025-03-03')
  assert.deepEqual(standard.properties.features, [{ name: 'SecurityType', value: 'Standard' }])
})

test('values are shown in the spelling of Azure, and empty ones not at all', async () => {
  const made = await make('spelt', {
    osType: 'LINUX',
    osState: 'generalized',
    hyperVGeneration: 'v2',
    architecture: 'arm64',
    description: '',
    privacyStatementUri: '',
    releaseNoteUri: '',
    disallowed: {},
    recommended: { vCPUs: {}, memory: {} },
    endOfLifeDate: '',
    features: [
      { name: 'securitytype', value: 'ConfidentialVm' },
      { name: 'DiskControllerTypes', value: 'scsi,nvme' },
    ],
  })
  assert.deepEqual(made.properties, {
    osType: 'Linux',
    osState: 'Generalized',
    hyperVGeneration: 'V2',
    architecture: 'Arm64',
    identifier: identifier('spelt'),
    features: [
      { name: 'SecurityType', value: 'ConfidentialVM' },
      { name: 'DiskControllerTypes', value: 'SCSI, NVMe' },
    ],
    provisioningState: 'Succeeded',
  })
})

test('what is decided at creation stays', async () => {
  const body = await make('fixed', { purchasePlan: { name: 'n', publisher: 'p', product: 'q' } })
  const changes: readonly [string, Json][] = [
    ['osType', 'Windows'],
    ['osState', 'Specialized'],
    ['hyperVGeneration', 'V2'],
    ['architecture', 'Arm64'],
    ['eula', 'something'],
    ['privacyStatementUri', 'https://example.com'],
  ]
  const refused = (properties: JsonObject, path: string) => async () =>
    assert.equal(
      await arm.refused('PUT', at('fixed'), { ...body, properties: { ...body.properties, ...properties } }),
      `409 PropertyChangeNotAllowed: Changing property 'galleryImage.properties.${path}' is not allowed.`,
    )
  for (const [member, value] of changes) await refused({ [member]: value }, member)()
  for (const member of ['publisher', 'offer', 'sku'])
    await refused({ identifier: { ...identifier('fixed'), [member]: 'other' } }, `identifier.${member}`)()
  await refused({ purchasePlan: { name: 'other', publisher: 'p', product: 'q' } }, 'purchasePlan.name')()
  await refused({ features: [{ name: 'IsHibernateSupported', value: 'True' }] }, 'features')()
})

test('the rest may change, and is cleared by a PUT without it', async () => {
  const more = {
    description: 'd',
    releaseNoteUri: 'https://example.com/notes',
    endOfLifeDate: '2030-05-05T12:59:59.000Z',
    recommended: { vCPUs: { min: 1, max: 4 }, memory: { min: 2, max: 8 } },
    disallowed: { diskTypes: ['Premium_LRS'] },
  }
  const made = await make('free', more)
  assert.deepEqual(await arm.done('PUT', at('free'), made).then(({ properties }) => properties), made.properties)
  const { tags } = await arm.done('PATCH', at('free'), { tags: { a: 'b' } })
  assert.deepEqual(tags, { a: 'b' })
  const cleared = await make('free')
  for (const member of Object.keys(more)) assert.equal(cleared.properties[member], undefined, member)
})

test('features change with allowUpdateImage only', async () => {
  const features = [{ name: 'DiskControllerTypes', value: 'SCSI, NVMe', startsAtVersion: '2.0.0' }]
  const path = at('updatable')
  const made = await make('updatable')
  const put = { ...made, properties: { ...made.properties, features, allowUpdateImage: true } }
  const updated = await arm.done('PUT', path, put)
  assert.deepEqual(updated.properties.features, features)
  assert.equal(updated.properties.allowUpdateImage, undefined)
  assert.deepEqual((await arm.done('PUT', path, made)).properties.features, features)
  await arm.done('PATCH', path, { properties: { features } })
})

test('some security types are for private galleries only', async () => {
  const community = `${GALLERY.replace(/g$/, 'open')}`
  const sharingProfile = {
    permissions: 'Community',
    communityGalleryInfo: { publisherUri: 'u', publisherContact: 'c', eula: 'e', publicNamePrefix: 'prefix' },
  }
  await arm.done('PUT', community, { location: 'eastus', properties: { sharingProfile } })
  const body = definition({ hyperVGeneration: 'V2', features: [{ name: 'SecurityType', value: 'ConfidentialVM' }] })
  assert.match(
    await arm.refused('PUT', `${community}/images/i`, body),
    /'ConfidentialVM' is supported only in galleries that are private/,
  )
})

test('an end of life that has passed since may be sent back', async () => {
  const made = await make('dated', { endOfLifeDate: '2026-01-02T00:00:00Z' })
  arm.clock.advance(48 * 3600 * 1000)
  await arm.done('PUT', at('dated'), made)
  assert.match(
    await arm.refused('PATCH', at('dated'), { properties: { endOfLifeDate: '2026-01-02T00:00:01Z' } }),
    /EndOfLifeDate must be set to a future date/,
  )
})

test('a definition lies in a gallery', async () => {
  assert.equal(
    await arm.refused('PUT', `${GALLERY}x/images/i`, definition()),
    "404 ParentResourceNotFound: Can not perform requested operation on nested resource. Parent resource 'gx' not found.",
  )
  assert.equal((await arm.done('GET', IMAGE)).name, 'i')
})
