import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import {
  COMPUTE,
  definition,
  GALLERY,
  GROUP,
  IMAGE,
  noise,
  ofDisk,
  regions,
  startTestGallery,
  type TestGallery,
  version,
} from '../../test-gallery.ts'

let arm: TestGallery
let disk: string
let other: string
let image: string
before(async () => {
  arm = await startTestGallery()
  disk = await arm.snapshot('disk', noise(1))
  other = await arm.snapshot('other', noise(2))
  image = await arm.managedImage(
    'image',
    noise(3),
    { 4: noise(4), 9: noise(5) },
    {
      hyperVGeneration: 'V1',
      storageProfile: {
        osDisk: { osType: 'Linux', osState: 'Generalized', caching: 'ReadOnly' },
        dataDisks: [{ lun: 4, caching: 'ReadWrite' }, { lun: 9 }],
      },
    },
  )
})
after(() => arm.close())

const bad = (body: JsonObject, apiVersion = '2024-03-03', path = version('9.9.9')) =>
  arm.refused('PUT', path, body, { 'api-version': apiVersion })
const ofWhole = (id: string) => ({ location: 'eastus', properties: { storageProfile: { source: { id } } } })
const ofDisks = (storageProfile: JsonObject) => ({ location: 'eastus', properties: { storageProfile } })
const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/acct`

test('names are three numbers', async () => {
  for (const name of ['1.0', 'latest', '1.0.0.0', '2147483648.0.0', '01.0.0'])
    assert.equal(
      await bad(ofDisk(disk), '2024-03-03', `${IMAGE}/versions/${name}`),
      '400 InvalidParameter: The image version name is invalid. The image version name should follow Major(int).Minor(int).Patch(int) format, for e.g: 1.0.0, 2018.12.1 etc.',
    )
})

test('target regions follow the rules', async () => {
  const cases: readonly [JsonObject, RegExp][] = [
    [
      regions('westus2'),
      /^400 InvalidParameter: Gallery image version publishing profile regions 'West US 2' must contain the location of image version 'East US'\.$/,
    ],
    [
      regions('eastus', 'West US 2', 'westus2'),
      /^400 InvalidParameter: Duplicate regions are not allowed in target publishing regions\.$/,
    ],
    [
      regions('eastus', 'atlantis'),
      /^400 LocationNotAvailableForResourceType: The provided location 'atlantis' is not available for resource type 'Microsoft\.Compute\/galleries'\. List of available regions/,
    ],
    [
      regions({ name: 'eastus', regionalReplicaCount: 0 }),
      /^400 InvalidParameter: The value 0 of parameter 'galleryArtifactVersion\.properties\.publishingProfile\.targetRegions\.regionalReplicaCount' is out of range\. The value must be between 1 and 100, inclusive\.$/,
    ],
    [regions({ name: 'eastus', regionalReplicaCount: 101 }), /The value 101 of parameter/],
    [
      { replicaCount: 0 },
      /The value 0 of parameter 'galleryArtifactVersion\.properties\.publishingProfile\.replicaCount'/,
    ],
    [
      regions({ name: 'eastus', regionalReplicaCount: 60 }, { name: 'westus2', regionalReplicaCount: 41 }),
      /101 replicas of the gallery image version/,
    ],
    [
      regions({ name: 'eastus', additionalReplicaSets: [{ regionalReplicaCount: 1 }] }),
      /additionalReplicaSets is not available in OpenGallery/,
    ],
    [
      { storageAccountType: 'Floppy' },
      /The value 'Floppy' of parameter 'galleryImageVersion\.properties\.publishingProfile\.storageAccountType'/,
    ],
    [
      { storageAccountType: 'Premium_LRS', storageAccountStrategy: 'DefaultStandard_LRS' },
      /cannot be specified along with storageAccountStrategy/,
    ],
    [
      { replicationMode: 'Shallow', ...regions('eastus', 'westus2') },
      /'Shallow' has one replica in its location 'East US'/,
    ],
    [{ replicationMode: 'Shallow', replicaCount: 2 }, /'Shallow' has one replica/],
    [{ endOfLifeDate: '2025-01-01' }, /^400 InvalidParameter: EndOfLifeDate must be set to a future date\.$/],
    [
      { endOfLifeDate: 'x' },
      /Could not convert string to DateTimeOffset: x\. Path 'properties\.publishingProfile\.endOfLifeDate'/,
    ],
    [{ targetExtendedLocations: [{ name: 'eastus' }] }, /edge zones\) is not available in OpenGallery/],
  ]
  for (const [profile, message] of cases) assert.match(await bad(ofDisk(disk, profile)), message)
})

test('encryption with own keys is refused with the first thing that is wrong', async () => {
  const set = (name: string, subscription = GROUP.split('/')[2]) =>
    `/subscriptions/${subscription}/resourceGroups/rg/providers/Microsoft.Compute/diskEncryptionSets/${name}`
  const encrypted = (encryption: JsonObject, more: readonly string[] = []) =>
    bad(ofDisk(disk, regions({ name: 'eastus', encryption }, ...more)))
  const os = (diskEncryptionSetId: string) => ({ osDiskImage: { diskEncryptionSetId } })
  assert.equal(await encrypted(os(set('s'))), `404 NotFound: The disk encryption set ${set('s')} was not found.`)
  assert.match(
    await encrypted(os('nonsense')),
    /^400 InvalidParameter: The value of parameter galleryArtifactVersion\.properties\.publishingProfile\.targetRegions\.encryption\.osDiskImage\.diskEncryptionSetId is invalid\.$/,
  )
  assert.match(await encrypted(os(set('s', 'other'))), /must be in the same subscription '1111/)
  assert.match(
    await encrypted(os(set('s')), ['westus2']),
    /A disk encryption set is required for disk 'osDiskImage' in target region 'westus2' since disk encryption set '.*' is used for the corresponding disk in region 'eastus'\.$/,
  )
  assert.match(
    await encrypted({ dataDiskImages: [{ lun: 3, diskEncryptionSetId: set('s') }] }),
    /An invalid lun \[3\] was specified in encryption\.dataDiskImages/,
  )
  assert.match(
    await encrypted({ osDiskImage: { securityProfile: { confidentialVMEncryptionType: 'EncryptedWithPmk' } } }),
    /confidential virtual machines is not available/,
  )
  const twice = { lun: 4, diskEncryptionSetId: set('s') }
  const whole = {
    ...ofWhole(image).properties,
    publishingProfile: regions({ name: 'eastus', encryption: { dataDiskImages: [twice, twice] } }),
  }
  assert.match(
    await bad({ location: 'eastus', properties: whole }),
    /Duplicate luns '4' were specified in target region 'eastus'/,
  )
})

test('there is one source, of a kind that has bytes', async () => {
  const one =
    /^400 InvalidParameter: The gallery artifact version source can only be specified either directly under storageProfile or within individual OS or data disks\. One and only one source type \(user image, snapshot, disk, virtual machine\) can be provided\. Seen in the request: /
  assert.match(await bad({ location: 'eastus', properties: {} }), /Seen in the request: none\.$/)
  assert.match(await bad(ofDisks({ source: { id: image }, osDiskImage: { source: { id: disk } } })), one)
  assert.match(await bad(ofDisks({ dataDiskImages: [{ lun: 0, source: { id: disk } }] })), one)
  assert.match(
    await bad(ofDisks({ source: { id: image }, dataDiskImages: [{ lun: 5, hostCaching: 'None' }] })),
    /lun 5\] without source/,
  )
  const machine = `${COMPUTE}/virtualMachines/vm`
  const missing = new RegExp(`^40\\d \\w+: Source was not found: ${machine}\\.`)
  assert.match(await bad(ofWhole(machine), '2023-07-03'), missing)
  assert.match(await bad(ofWhole(machine), '2022-03-03'), missing)
  assert.match(await bad(ofDisks({ source: { virtualMachineId: machine } })), missing)
  assert.match(await bad(ofDisks({ source: { virtualMachineId: machine, id: image } })), one)
  const { properties: ofImage } = ofWhole(image)
  const managedImage = { id: image.replace(/[^/]+$/, 'another') }
  const twoImages = { ...(ofImage as JsonObject), publishingProfile: { source: { managedImage } } }
  assert.match(await bad({ location: 'eastus', properties: twoImages }), one)
  const community = { source: { communityGalleryImageId: '/CommunityGalleries/g/Images/i' } }
  assert.match(await bad(ofDisks(community)), /^40\d \w+: Source was not found: \/CommunityGalleries\/g\/Images\/i\./)
  assert.equal(
    await bad(ofWhole(disk)),
    `400 InvalidParameter: The source id: ${disk} must either be a managed image, virtual machine or another gallery image version.`,
  )
  assert.equal(
    await bad(ofDisk(image)),
    `400 InvalidParameter: The source id: ${image} must be a managed disk or snapshot.`,
  )
  assert.equal(
    await bad(ofDisk('disk')),
    "400 InvalidParameter: Property id 'disk' at path 'properties.storageProfile.osDiskImage.source.id' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
  )
  assert.match(
    await bad(ofDisks({ osDiskImage: { source: disk } })),
    /^400 BadRequest: Error converting value ".*" to type 'Object'\. Path 'properties\.storageProfile\.osDiskImage\.source'/,
  )
  assert.equal(
    await bad(ofDisk(`${disk}x`)),
    `404 InvalidParameter: Source was not found: ${disk}x. Please make sure the source exists.`,
  )
  assert.match(await bad(ofWhole(`${image}x`)), /^404 InvalidParameter: Source was not found/)
  assert.match(await bad(ofWhole(version('9.9.9'))), /^404 InvalidParameter: Source was not found/)
})

test('each disk has a lun and a source of its own', async () => {
  const data = (...disks: readonly [number, string][]) => disks.map(([lun, id]) => ({ lun, source: { id } }))
  const os = { source: { id: disk } }
  const body = (...disks: readonly [number, string][]) => ofDisks({ osDiskImage: os, dataDiskImages: data(...disks) })
  assert.match(
    await bad(body([1, other], [1, image])),
    /^400 InvalidParameter: Duplicated lun numbers have been detected in the input data disks\. Lun number must be unique for each data disk\.$/,
  )
  assert.match(
    await bad(body([1, disk.toUpperCase()])),
    /^400 InvalidParameter: Duplicated source ids are found in the input disks\. Source id should be unique for each disk\.$/,
  )
  assert.match(await bad(body([64, other])), /dataDiskImages\[0\]\.lun' is out of range/)
  const uri = `${arm.blobs.endpoint('acct')}vhds/a.vhd`
  const vhd = { source: { uri, storageAccountId: account } }
  assert.equal(
    await bad(ofDisks({ osDiskImage: vhd, dataDiskImages: [{ lun: 0, ...vhd }] })),
    `400 InvalidParameter: OSDiskImage and DataDiskImage cannot point to same blob ${uri}`,
  )
})

test('a VHD must be where it may be fetched from', async () => {
  const vhd = (source: JsonObject) => bad(ofDisks({ osDiskImage: { source } }))
  const uri = `${arm.blobs.endpoint('acct')}vhds/a.vhd`
  assert.match(
    await vhd({ uri: 'a.vhd', storageAccountId: account }),
    /^400 InvalidParameter: Source uri: 'a\.vhd' at path '.*osDiskImage\.source\.uri' must be an absolute uri\.$/,
  )
  assert.match(
    await vhd({ uri: 'https://elsewhere.example/a.vhd', storageAccountId: account }),
    /^400 InvalidParameter: VHDs are fetched only .* 'elsewhere\.example' is not among them\.$/,
  )
  assert.match(await vhd({ uri: 'file:///etc/passwd' }), /must be an absolute uri/)
  assert.match(await vhd({ storageAccountId: account }), /Required parameter '.*osDiskImage\.source\.uri' is missing/)
  assert.match(await vhd({ uri }), /Required parameter '.*osDiskImage\.source\.storageAccountId' is missing/)
  assert.match(await vhd({ uri, storageAccountId: `${account}2` }), /is not the one that holds the blob/)
  assert.match(await vhd({ uri, storageAccountId: account }), /^404 InvalidParameter: Source was not found/)
  assert.match(await vhd({ uri, id: account, storageAccountId: account }), /One and only one source type/)
})

test('a source is what its definition promises, and where the version is', async () => {
  const properties = {
    osType: 'Windows',
    hyperVGeneration: 'V2',
    purchasePlan: { name: 'n', publisher: 'p', product: 'q' },
  }
  const windows = await arm.snapshot('windows', noise(6), { properties })
  assert.equal(
    await bad(ofDisk(windows)),
    `400 InvalidParameter: The resource with id '${windows}' has a different OS type ['Windows'] than the parent gallery image OS type generation ['Linux']`,
  )
  const second = await arm.snapshot('second', noise(7), { properties: { ...properties, osType: 'Linux' } })
  assert.equal(
    await bad(ofDisk(second)),
    `400 InvalidParameter: The resource with id '${second}' has a different Hypervisor generation ['V2'] than the parent gallery image Hypervisor generation ['V1']`,
  )
  const sold = await arm.snapshot('sold', noise(8), { properties: { purchasePlan: properties.purchasePlan } })
  assert.equal(
    await bad(ofDisk(sold)),
    `400 InvalidParameter: The resource with id ${sold} has a different plan ['{"name":"n","publisher":"p","product":"q"}'] than the parent gallery image plan ['null']`,
  )
  const specialized = `${GALLERY}/images/specialized`
  await arm.done(
    'PUT',
    specialized,
    definition({ osState: 'Specialized', identifier: { publisher: 'p', offer: 'o', sku: 'x' } }),
  )
  assert.equal(
    await bad(ofWhole(image), '2024-03-03', `${specialized}/versions/1.0.0`),
    `400 InvalidParameter: Cannot create Gallery Image Version from: ${image} since the OS State in the parent gallery image ('Specialized') is not 'Generalized'.`,
  )
  const far = await arm.snapshot('far', noise(9), { location: 'westus2' })
  assert.match(
    await bad(ofDisk(far)),
    /^400 InvalidParameter: Source .*far is not found\. Please check source exists, and is in the same region as gallery image version being created\.$/,
  )
})

test('what else Azure has and is not here is refused by name', async () => {
  const uefiSettings = { signatureTemplateNames: ['NoSignatureTemplate'] }
  assert.match(
    await bad(ofDisk(disk, {}, { securityProfile: { uefiSettings } })),
    /^400 OperationNotSupported: securityProfile\.uefiSettings is not available/,
  )
  assert.match(
    await bad(ofDisk(disk, {}, { restore: true })),
    /^404 ResourceNotFound: There is no soft-deleted gallery image version '9\.9\.9'/,
  )
})

test('a right to the gallery is none to the source', async () => {
  const foreign = (type: string) => `/subscriptions/other/resourceGroups/rg/providers/Microsoft.${type}/acct`
  const linked = (action: string, id: string) =>
    `does not have permission to perform action '${action}' on the linked scope(s) '${id}' or the linked scope(s) are invalid.`
  const cases = [
    ['Compute/snapshots', 'write', ofDisk(foreign('Compute/snapshots'))],
    ['Compute/disks', 'write', ofDisk(foreign('Compute/disks'))],
    ['Compute/images', 'read', ofWhole(foreign('Compute/images'))],
  ] as const
  for (const [type, verb, body] of cases) {
    const answer = await bad(body)
    assert.match(
      answer,
      /^403 LinkedAuthorizationFailed: The client '.*' with object id '.*' has permission to perform action 'Microsoft\.Compute\/galleries\/images\/versions\/write'/,
    )
    assert.ok(answer.endsWith(linked(`Microsoft.${type}/${verb}`, foreign(type))), answer)
  }
  const uri = `${arm.blobs.endpoint('acct')}vhds/a.vhd`
  const answer = await bad(
    ofDisks({ osDiskImage: { source: { uri, id: foreign('Storage/storageAccounts') } } }),
    '2020-09-30',
  )
  assert.ok(
    answer.endsWith(linked('Microsoft.Storage/storageAccounts/listKeys/action', foreign('Storage/storageAccounts'))),
    answer,
  )
})
