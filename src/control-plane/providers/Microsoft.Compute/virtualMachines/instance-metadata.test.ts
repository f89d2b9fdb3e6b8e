import assert from 'node:assert/strict'
import { test } from 'node:test'
import { managementMac } from '#data-plane/machines/network/management.ts'
import { attestedDocument } from './attested-document.ts'
import { type DescribedMachine, type DescribedNic, instanceMetadata } from './instance-metadata.ts'

const subscriptionId = '8d1c4a3e-0000-4000-8000-000000000001'
const vmId = '9d3b9a52-6f4b-4a36-9a2e-2f3d3b0f0a11'
const machine: DescribedMachine = {
  id: `/subscriptions/${subscriptionId}/resourceGroups/Web-RG/providers/Microsoft.Compute/virtualMachines/web`,
  name: 'web',
  location: 'westeurope',
  tags: { env: 'test', owner: 'a:b' },
  zones: ['2'],
  plan: { name: 'p', product: 'o', publisher: 'u' },
  properties: {
    vmId,
    hardwareProfile: { vmSize: 'Standard_B1s' },
    storageProfile: {
      imageReference: { publisher: 'debian', offer: 'debian-12', sku: '12', version: 'latest', exactVersion: '1.0.0' },
      osDisk: { name: 'os', osType: 'Linux', createOption: 'FromImage', diskSizeGB: 30, managedDisk: { id: '/d' } },
      dataDisks: [{ lun: 3, name: 'data', createOption: 'Empty', diskSizeGB: 4, caching: 'ReadOnly' }],
    },
    osProfile: {
      computerName: 'web-1',
      adminUsername: 'ann',
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        ssh: { publicKeys: [{ path: '~/.ssh/authorized_keys', keyData: 'ssh-ed25519 AAAA' }] },
      },
    },
  },
  userData: 'aGk=',
}
const nics: DescribedNic[] = [
  {
    mac: '00-0D-3A-12-34-56',
    addresses: [{ privateAddress: '10.0.0.4', publicAddress: '127.10.0.5' }, { privateAddress: '10.0.0.5' }],
    subnet: { address: '10.0.0.0', prefixLength: 24 },
  },
]
type Document = {
  compute: Record<string, never> & { [name: string]: unknown }
  network: { interface: { macAddress: string; ipv4: unknown }[] }
}
const at = (version: string, described = machine) => instanceMetadata(described, nics, version) as unknown as Document

test('the document of the newest version says what the machine is', () => {
  const { compute } = at('2021-12-13')
  const expected = {
    azEnvironment: 'AzurePublicCloud',
    customData: '',
    location: 'westeurope',
    name: 'web',
    offer: 'debian-12',
    osProfile: { adminUsername: 'ann', computerName: 'web-1', disablePasswordAuthentication: 'true' },
    osType: 'Linux',
    plan: { name: 'p', product: 'o', publisher: 'u' },
    publicKeys: [{ keyData: 'ssh-ed25519 AAAA', path: '~/.ssh/authorized_keys' }],
    publisher: 'debian',
    resourceGroupName: 'Web-RG',
    resourceId: machine.id,
    sku: '12',
    subscriptionId,
    tags: 'env:test;owner:a:b',
    tagsList: [
      { name: 'env', value: 'test' },
      { name: 'owner', value: 'a:b' },
    ],
    userData: 'aGk=',
    version: '1.0.0',
    vmId,
    vmSize: 'Standard_B1s',
    zone: '2',
  }
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(compute[name], value, name)
  assert.deepEqual(compute.securityProfile, {
    encryptionAtHost: 'false',
    secureBootEnabled: 'false',
    securityType: '',
    virtualTpmEnabled: 'false',
  })
  const storage = compute.storageProfile as unknown as { dataDisks: unknown[]; osDisk: { osType: string } }
  assert.equal(storage.osDisk.osType, 'Linux')
  assert.deepEqual(storage.dataDisks, [
    {
      caching: 'ReadOnly',
      createOption: 'Empty',
      diskCapacityBytes: '4294967296',
      diskSizeGB: '4',
      image: { uri: '' },
      isSharedDisk: 'false',
      isUltraDisk: 'false',
      lun: '3',
      managedDisk: { id: '', storageAccountType: '' },
      name: 'data',
      vhd: { uri: '' },
      writeAcceleratorEnabled: 'false',
    },
  ])
})

test('an older version has what it had', () => {
  const old =
    'location name offer osType placementGroupId platformFaultDomain platformUpdateDomain publisher resourceGroupName sku subscriptionId tags version vmId vmSize'
  assert.deepEqual(Object.keys(at('2017-08-01').compute), old.split(' '))
  assert.equal(at('2018-02-01').compute.zone, '2')
  assert.equal(at('2019-06-01').compute.tagsList, undefined)
  assert.deepEqual(at('2020-09-01').compute.osProfile, { adminUsername: 'ann', computerName: 'web-1' })
  assert.ok(!('userData' in at('2020-12-01').compute) && 'userData' in at('2021-01-01').compute)
})

test('each interface with its addresses, and the one for management behind them', () => {
  const { network } = at('2017-08-01')
  assert.equal(network.interface.length, 2)
  assert.deepEqual(network.interface[0], {
    ipv4: {
      ipAddress: [
        { privateIpAddress: '10.0.0.4', publicIpAddress: '127.10.0.5' },
        { privateIpAddress: '10.0.0.5', publicIpAddress: '' },
      ],
      subnet: [{ address: '10.0.0.0', prefix: '24' }],
    },
    ipv6: { ipAddress: [] },
    macAddress: '000D3A123456',
  })
  assert.equal(network.interface[1]?.macAddress, managementMac(vmId).replaceAll(':', '').toUpperCase())
})

test('secrets that come with a profile do not get in, and a machine that was not provisioned has no profile', () => {
  const withSecrets = structuredClone(machine) as unknown as { properties: { osProfile: Record<string, unknown> } }
  Object.assign(withSecrets.properties.osProfile, { adminPassword: 'Secret 1', customData: 'Y3VzdG9t' })
  assert.doesNotMatch(JSON.stringify(at('2021-12-13', withSecrets as unknown as DescribedMachine)), /Secret 1|Y3VzdG9t/)
  const { osProfile: _, ...properties } = machine.properties
  assert.ok(!('osProfile' in at('2021-12-13', { ...machine, properties }).compute))
})

test('the attested document names the machine, for six hours and with the guest’s nonce', () => {
  const now = new Date('2026-11-28T00:16:17.500Z')
  assert.deepEqual(JSON.parse(attestedDocument(machine, '1234567890', now)), {
    licenseType: '',
    nonce: '1234567890',
    plan: { name: 'p', product: 'o', publisher: 'u' },
    sku: '12',
    subscriptionId,
    timeStamp: { createdOn: '11/28/26 00:16:17 -0000', expiresOn: '11/28/26 06:16:17 -0000' },
    vmId,
  })
  for (const nonce of [null, 'x', '1'.repeat(33), '1"'])
    assert.equal(JSON.parse(attestedDocument(machine, nonce, now)).nonce, '20261128-001617')
})

test('a guest is told which image of whose gallery it was made of, as its owner called it', () => {
  const shared = { communityGalleryImageId: '/CommunityGalleries/name-guid/Images/web', exactVersion: '1.0.1' }
  const storageProfile = { ...machine.properties.storageProfile, imageReference: shared }
  const { compute } = at('2021-12-13', { ...machine, properties: { ...machine.properties, storageProfile } })
  const { imageReference } = compute.storageProfile as unknown as { imageReference: object }
  const nothing = { id: '', offer: '', publisher: '', sku: '', version: '', sharedGalleryImageId: '' }
  assert.deepEqual(imageReference, { ...nothing, ...shared })
})
