import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '#resources/resource-document.ts'
import { COMPUTE, definition, GALLERY, noise, ofDisk, regions, version } from '../galleries/test-gallery.ts'
import { joinNic } from './find-nics.ts'
import {
  keyFile,
  MACHINE,
  machineBody,
  NIC,
  nicBody,
  osProfile,
  publicKey,
  startTestMachines,
  storage,
  type TestMachines,
} from './test-machine.ts'

let arm: TestMachines
before(async () => {
  arm = await startTestMachines()
})
after(() => arm.close())

const refused = (more: JsonObject, top: JsonObject = {}) => arm.refused('PUT', MACHINE, machineBody(more, top))
const withImage = (reference: JsonObject, more: JsonObject = {}) =>
  refused({ storageProfile: storage({ imageReference: reference }), ...more })

test('an image must be there, and in the region', async () => {
  assert.match(
    await withImage({ id: version('9.9.9') }),
    /^404 GalleryImageNotFound: "The gallery image .*\/versions\/9\.9\.9 is not available in eastus region\. Please contact/,
  )
  const elsewhere = `${MACHINE}west`
  await arm.done('PUT', `${NIC}west`, nicBody({}, {}, 'westeurope'))
  const body = machineBody(
    { networkProfile: { networkInterfaces: [{ id: `${NIC}west` }] } },
    { location: 'westeurope' },
  )
  assert.match(
    await arm.refused('PUT', elsewhere, body),
    /^404 GalleryImageNotFound: ".*not available in westeurope region/,
  )
  assert.match(
    await withImage({ publisher: 'SUSE', offer: 'openSUSE-Leap', sku: '15-2', version: 'latest' }),
    /^404 PlatformImageNotFound: The platform image 'SUSE:openSUSE-Leap:15-2:latest' is not available\./,
  )
  assert.match(await withImage({ sharedGalleryImageId: '/SharedGalleries/x/Images/y' }), /^404 GalleryImageNotFound/)
  assert.match(await withImage({ id: `${COMPUTE}/images/none` }), /^404 NotFound/)
})

test('what is generalized needs an OS profile, what is specialized takes none', async () => {
  const { osProfile: _, ...without } = machineBody().properties as JsonObject
  assert.equal(
    await arm.refused('PUT', MACHINE, { location: 'eastus', properties: without }),
    "400 InvalidParameter: Required parameter 'osProfile' is missing (null).",
  )
  const specialized = `${GALLERY}/images/specialized`
  await arm.done(
    'PUT',
    specialized,
    definition({ osState: 'Specialized', identifier: { publisher: 'p', offer: 'o', sku: 's2' } }),
  )
  await arm.done(
    'PUT',
    `${specialized}/versions/1.0.0`,
    ofDisk(await arm.snapshot('specialized', noise(3)), regions('eastus')),
  )
  assert.equal(
    await withImage({ id: `${specialized}/versions/1.0.0` }),
    "400 InvalidParameter: Parameter 'osProfile' is not allowed.",
  )
})

test('a size must be there, and boot the image', async () => {
  assert.match(
    await refused({ hardwareProfile: { vmSize: 'Standard_Z9' } }),
    /^400 InvalidParameter: The value Standard_Z9 provided for the VM size is not valid\. The valid sizes in the current region are: Standard_B1ls,/,
  )
  const second = `${GALLERY}/images/second`
  await arm.done(
    'PUT',
    second,
    definition({ hyperVGeneration: 'V2', identifier: { publisher: 'p', offer: 'o', sku: 's3' } }),
  )
  await arm.done(
    'PUT',
    `${second}/versions/1.0.0`,
    ofDisk(await arm.snapshot('second', noise(4), { properties: { hyperVGeneration: 'V2' } }), regions('eastus')),
  )
  const reference = { id: second }
  assert.match(
    await withImage(reference, { hardwareProfile: { vmSize: 'Standard_D1_v2' } }),
    /^400 BadRequest: The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'\. If this was a Create/,
  )
  const arm64 = `${GALLERY}/images/arm64`
  await arm.done(
    'PUT',
    arm64,
    definition({
      architecture: 'Arm64',
      hyperVGeneration: 'V2',
      identifier: { publisher: 'p', offer: 'o', sku: 's4' },
    }),
  )
  await arm.done(
    'PUT',
    `${arm64}/versions/1.0.0`,
    ofDisk(await arm.snapshot('arm64', noise(5), { properties: { hyperVGeneration: 'V2' } }), regions('eastus')),
  )
  assert.match(await withImage({ id: arm64 }), /^400 BadRequest: Cannot create a VM of size .* 'Arm64' was given/)
})

test('the administrator', async () => {
  const withProfile = (more: JsonObject) => refused({ osProfile: osProfile(more) })
  for (const adminUsername of ['root', 'Admin', 'user', '1', 'a b', '-x', 'x'.repeat(40), 'evil:x\n'])
    assert.equal(
      await withProfile({ adminUsername }),
      '400 InvalidParameter: The Admin Username specified is not allowed.',
      adminUsername,
    )
  assert.match(
    await withProfile({ computerName: 'under_score' }),
    /^400 InvalidParameter: Linux host name cannot exceed/,
  )
  assert.match(
    await withProfile({ linuxConfiguration: { disablePasswordAuthentication: true } }),
    /SSH or by user name/,
  )
  const passwords = { linuxConfiguration: { disablePasswordAuthentication: false } }
  assert.match(await withProfile(passwords), /'osProfile.adminPassword' is missing/)
  assert.match(
    await withProfile({ ...passwords, adminPassword: 'short' }),
    /^400 InvalidParameter: The supplied password must be/,
  )
  assert.match(await withProfile({ ...passwords, adminPassword: 'alllowercase' }), /complexity/)
  assert.match(await withProfile({ ...passwords, adminPassword: 'Password1' }), /not allowed/)
  const key = (keyData: string, path = keyFile('azureuser')) =>
    withProfile({
      linuxConfiguration: { disablePasswordAuthentication: true, ssh: { publicKeys: [{ keyData, path }] } },
    })
  assert.match(await key('ssh-rsa AAAA'), /publicKeys.keyData is invalid/)
  assert.match(await key(`${publicKey()}\nssh-ed25519 AAAA`), /publicKeys.keyData is invalid/)
  assert.match(await key(publicKey(), '/root/.ssh/authorized_keys'), /^400 InvalidParameter: Destination path for SSH/)
  assert.match(await withProfile({ customData: 'no base64!' }), /customData must be in Base64/)
  assert.match(await withProfile({ customData: Buffer.alloc(65_536).toString('base64') }), /65535 bytes at most/)
  assert.match(
    await withProfile({ windowsConfiguration: {}, secrets: [{ sourceVault: {} }] }),
    /^400 OperationNotSupported/,
  )
})

test('network interfaces', async () => {
  const withNics = (...networkInterfaces: JsonObject[]) => refused({ networkProfile: { networkInterfaces } })
  assert.match(await withNics(), /must have at least one network interface/)
  assert.match(
    await withNics({ id: `${NIC}none` }),
    /^400 InvalidResourceReference: Resource .*none referenced by resource/,
  )
  assert.match(await withNics({ id: `${NIC}west` }), /^400 InvalidResourceReference/)
  await arm.done('PUT', `${NIC}2`, nicBody())
  assert.match(
    await withNics({ id: NIC }, { id: `${NIC}2` }),
    /^400 VirtualMachineMustHaveOneNetworkInterfaceAsPrimary/,
  )
  await arm.done('PUT', `${NIC}taken`, nicBody())
  await joinNic(arm.arm, { id: `${NIC}taken` }, `${MACHINE}other`)
  assert.match(await withNics({ id: `${NIC}taken` }), /^400 NicInUse/)
})

test('data disks', async () => {
  const withDisks = (...dataDisks: JsonObject[]) => refused({ storageProfile: storage({ dataDisks }) })
  const empty = { createOption: 'Empty', diskSizeGB: 1 }
  assert.match(
    await withDisks({ ...empty, lun: 1 }, { ...empty, lun: 1 }),
    /^400 InvalidParameter: Cannot attach data disk at LUN 1/,
  )
  assert.match(await withDisks({ createOption: 'Empty', lun: 0 }), /'dataDisk.diskSizeGB' is missing/)
  assert.match(await withDisks({ createOption: 'FromImage', lun: 0 }), /has no data disk at LUN 0/)
  assert.match(await withDisks({ createOption: 'Attach', lun: 0 }), /'managedDisk.id' is missing/)
  const many = Array.from({ length: 5 }, (_, lun) => ({ ...empty, lun }))
  assert.match(await withDisks(...many), /^409 OperationNotAllowed: The maximum number of data disks .* is 4\./)
})

test('what is not served is refused by its name', async () => {
  for (const more of [
    { priority: 'Spot' },
    { availabilitySet: { id: `${COMPUTE}/availabilitySets/a` } },
    { securityProfile: { securityType: 'ConfidentialVM' } },
    { diagnosticsProfile: { bootDiagnostics: { enabled: true, storageUri: 'https://x.example' } } },
    { storageProfile: storage({ osDisk: { createOption: 'FromImage', diffDiskSettings: { option: 'Local' } } }) },
  ])
    assert.match(await refused(more), /^400 OperationNotSupported/)
  assert.match(await refused({}, { zones: ['1'] }), /^400 OperationNotSupported/)
  assert.match(await refused({ surprise: 1 }), /^400 BadRequest/)
})
