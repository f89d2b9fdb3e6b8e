import type { Json } from '#resources/resource-document.ts'
import { securityRule } from '../support/security-rule.ts'
import type { TestArm } from '../support/test-arm.ts'
import type { Sample } from './drive-resource-type.ts'

const GROUP = 'resourceGroups/conformance'
const COMPUTE = `${GROUP}/providers/Microsoft.Compute`
const common = { location: 'eastus', tags: { a: 'b' } }

const inGroup = (collection: string) => async (arm: TestArm) => {
  await arm.complete('PUT', GROUP, { location: 'eastus' })
  return `${GROUP}/providers/${collection}`
}

const inGallery = async (arm: TestArm): Promise<string> => {
  const galleries = await inGroup('Microsoft.Compute/galleries')(arm)
  await arm.complete('PUT', `${galleries}/g`, { location: 'eastus' })
  return `${galleries}/g/images`
}

/** A disk to make other things of; its id. */
const sourceDisk = async (arm: TestArm): Promise<string> => {
  const properties = { creationData: { createOption: 'Empty' }, diskSizeGB: 1 }
  await arm.complete('PUT', `${COMPUTE}/disks/source`, { location: 'eastus', properties })
  return (await arm.send('GET', `${COMPUTE}/disks/source`)).body.id
}

/** Publisher, offer and sku name one definition of a gallery each. */
let definitions = 0
const definition = (): Record<string, Json> => ({
  osType: 'Linux',
  osState: 'Generalized',
  hyperVGeneration: 'V2',
  identifier: { publisher: 'p', offer: 'o', sku: `s${++definitions}` },
})

const NETWORK = `${GROUP}/providers/Microsoft.Network`

/** A subnet for network interfaces; its id. */
const subnet = async (arm: TestArm): Promise<string> => {
  const subnets = [{ name: 'inner', properties: { addressPrefix: '10.9.0.0/24' } }]
  const properties = { addressSpace: { addressPrefixes: ['10.9.0.0/16'] }, subnets }
  await arm.complete('PUT', `${NETWORK}/virtualNetworks/outer`, { location: 'eastus', properties })
  return (await arm.send('GET', `${NETWORK}/virtualNetworks/outer/subnets/inner`)).body.id
}

/** A disk and a network interface can be one machine's only. */
let machines = 0
const machine = async (arm: TestArm): Promise<Record<string, Json>> => {
  const number = ++machines
  const properties = { creationData: { createOption: 'Empty' }, diskSizeGB: 1, osType: 'Linux' }
  await arm.complete('PUT', `${COMPUTE}/disks/os${number}`, { location: 'eastus', properties })
  const configuration = { name: 'main', properties: { subnet: { id: await subnet(arm) } } }
  const nic = await arm.complete('PUT', `${NETWORK}/networkInterfaces/nic${number}`, {
    location: 'eastus',
    properties: { ipConfigurations: [configuration] },
  })
  const { id } = (await arm.send('GET', `${COMPUTE}/disks/os${number}`)).body
  return {
    ...common,
    properties: {
      hardwareProfile: { vmSize: 'Standard_B1s' },
      storageProfile: { osDisk: { createOption: 'Attach', managedDisk: { id } } },
      networkProfile: { networkInterfaces: [{ id: nic.body.id }] },
    },
  }
}

/** One valid body of every type that can be written. */
export const samples: readonly Sample[] = [
  {
    type: 'Microsoft.Resources/subscriptions/resourceGroups',
    prepare: async () => 'resourceGroups',
    names: ['alpha', 'beta'],
    body: async () => ({ ...common, properties: {} }),
    tracked: true,
    deleteMissing: 404,
  },
  {
    type: 'Microsoft.Compute/galleries',
    prepare: inGroup('Microsoft.Compute/galleries'),
    names: ['alpha', 'beta'],
    body: async () => ({ ...common, properties: { description: 'd' } }),
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/galleries/images',
    prepare: inGallery,
    names: ['alpha', 'beta'],
    body: async () => ({ ...common, properties: definition() }),
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/galleries/images/versions',
    async prepare(arm) {
      const images = await inGallery(arm)
      await arm.complete('PUT', `${images}/i`, { location: 'eastus', properties: definition() })
      return `${images}/i/versions`
    },
    names: ['1.0.9', '1.0.10'],
    body: async arm => ({
      ...common,
      properties: { storageProfile: { osDiskImage: { source: { id: await sourceDisk(arm) } } } },
    }),
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/disks',
    prepare: inGroup('Microsoft.Compute/disks'),
    names: ['alpha', 'beta'],
    body: async () => ({ ...common, properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 1 } }),
    tracked: true,
    madeWith: 202,
    actions: ['beginGetAccess', 'endGetAccess'],
  },
  {
    type: 'Microsoft.Compute/snapshots',
    prepare: inGroup('Microsoft.Compute/snapshots'),
    names: ['alpha', 'beta'],
    body: async arm => ({
      ...common,
      properties: { creationData: { createOption: 'Copy', sourceResourceId: await sourceDisk(arm) } },
    }),
    tracked: true,
    madeWith: 202,
    actions: ['beginGetAccess', 'endGetAccess'],
  },
  {
    type: 'Microsoft.Compute/images',
    prepare: inGroup('Microsoft.Compute/images'),
    names: ['alpha', 'beta'],
    body: async arm => ({
      ...common,
      properties: {
        storageProfile: {
          osDisk: { osType: 'Linux', osState: 'Generalized', managedDisk: { id: await sourceDisk(arm) } },
        },
      },
    }),
    tracked: true,
  },
  {
    type: 'Microsoft.Compute/virtualMachines',
    prepare: inGroup('Microsoft.Compute/virtualMachines'),
    names: ['alpha', 'beta'],
    body: machine,
    tracked: true,
    actions: ['start', 'powerOff', 'deallocate', 'generalize'],
  },
  {
    type: 'Microsoft.Storage/storageAccounts',
    prepare: inGroup('Microsoft.Storage/storageAccounts'),
    names: ['alpha1', 'beta1'],
    body: async () => ({ ...common, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }),
    tracked: true,
    madeWith: 202,
    actions: ['listKeys', 'regenerateKey'],
  },
  {
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    prepare: inGroup('Microsoft.ManagedIdentity/userAssignedIdentities'),
    names: ['alpha', 'beta'],
    body: async () => ({ ...common, properties: {} }),
    tracked: true,
  },
  {
    type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
    async prepare(arm) {
      const identities = await inGroup('Microsoft.ManagedIdentity/userAssignedIdentities')(arm)
      await arm.complete('PUT', `${identities}/robot`, { location: 'eastus' })
      return `${identities}/robot/federatedIdentityCredentials`
    },
    names: ['alpha', 'beta'],
    body: async () => ({
      properties: { issuer: 'https://issuer.example', subject: 'job', audiences: ['api://exchange'] },
    }),
    tracked: false,
  },
  {
    type: 'Microsoft.Network/virtualNetworks',
    prepare: inGroup('Microsoft.Network/virtualNetworks'),
    names: ['alpha', 'beta'],
    body: async () => ({
      ...common,
      properties: {
        addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
        subnets: [{ name: 'default', properties: { addressPrefix: '10.0.0.0/24' } }],
      },
    }),
    tracked: true,
  },
  {
    type: 'Microsoft.Network/networkSecurityGroups',
    prepare: inGroup('Microsoft.Network/networkSecurityGroups'),
    names: ['alpha', 'beta'],
    body: async () => ({
      ...common,
      properties: {
        securityRules: [securityRule('ssh')],
      },
    }),
    tracked: true,
  },
  {
    type: 'Microsoft.Network/publicIPAddresses',
    prepare: inGroup('Microsoft.Network/publicIPAddresses'),
    names: ['alpha', 'beta'],
    body: async () => ({
      ...common,
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    }),
    tracked: true,
  },
  {
    type: 'Microsoft.Network/networkInterfaces',
    prepare: inGroup('Microsoft.Network/networkInterfaces'),
    names: ['alpha', 'beta'],
    body: async arm => ({
      ...common,
      properties: { ipConfigurations: [{ name: 'one', properties: { subnet: { id: await subnet(arm) } } }] },
    }),
    tracked: true,
    actions: ['effectiveNetworkSecurityGroups'],
  },
]
