import { managementAddress, managementMac } from '#data-plane/machines/network/management.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { type DescribedStorage, describeStorage } from './instance-storage.ts'

/** A machine as its guest is told about it: of its document what a guest may know. */
export interface DescribedMachine {
  /** ARM's id of the machine. */
  readonly id: string
  readonly name: string
  readonly location?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly zones?: readonly string[]
  readonly plan?: { readonly name?: string; readonly product?: string; readonly publisher?: string }
  readonly properties: {
    /** Also the id of the machine on its host. */
    readonly vmId: string
    readonly hardwareProfile?: { readonly vmSize?: string }
    readonly storageProfile?: DescribedStorage
    readonly osProfile?: {
      readonly computerName?: string
      readonly adminUsername?: string
      readonly linuxConfiguration?: {
        readonly disablePasswordAuthentication?: boolean
        readonly ssh?: { readonly publicKeys?: readonly { readonly path?: string; readonly keyData?: string }[] }
      }
    }
    readonly licenseType?: string
    readonly priority?: string
    readonly evictionPolicy?: string
    readonly securityProfile?: {
      readonly securityType?: string
      readonly encryptionAtHost?: boolean
      readonly uefiSettings?: { readonly secureBootEnabled?: boolean; readonly vTpmEnabled?: boolean }
    }
    readonly virtualMachineScaleSet?: { readonly id?: string }
  }
  /** Base64, as it was sent. Meant for the guest: never a place for secrets. */
  readonly userData?: string | null
}

export interface DescribedNic {
  readonly mac: string
  /** The primary one first. */
  readonly addresses: readonly { readonly privateAddress: string; readonly publicAddress?: string }[]
  /** `10.0.0.0` and 24. */
  readonly subnet: { readonly address: string; readonly prefixLength: number }
}

/**
 * Which member came with which version of Azure's instance metadata, as its documentation lists them. What is not named here is
 * as old as the endpoint.
 */
const since: Readonly<Record<string, string>> = {
  placementGroupId: '2017-08-01',
  resourceGroupName: '2017-08-01',
  subscriptionId: '2017-08-01',
  tags: '2017-08-01',
  vmScaleSetName: '2017-12-01',
  zone: '2017-12-01',
  plan: '2018-04-02',
  publicKeys: '2018-04-02',
  azEnvironment: '2018-10-01',
  provider: '2018-10-01',
  customData: '2019-02-01',
  resourceId: '2019-03-11',
  storageProfile: '2019-06-01',
  tagsList: '2019-06-04',
  isHostCompatibilityLayerVm: '2020-06-01',
  securityProfile: '2020-06-01',
  osProfile: '2020-07-15',
  licenseType: '2020-09-01',
  evictionPolicy: '2020-12-01',
  priority: '2020-12-01',
  userData: '2021-01-01',
  extendedLocation: '2021-03-01',
  virtualMachineScaleSet: '2021-03-01',
  platformSubFaultDomain: '2021-10-01',
  additionalCapabilities: '2021-11-01',
  host: '2021-11-15',
  hostGroup: '2021-11-15',
}

/** Azure's document has text for all values, and an empty one for what there is not. */
const flag = (value: boolean | undefined) => String(value ?? false)

const osProfile = ({ osProfile: profile }: DescribedMachine['properties'], version: string): JsonObject | undefined => {
  // Without it the guest was not provisioned: cloud-init would make a user of an empty name.
  if (!profile) return undefined
  const { adminUsername = '', computerName = '', linuxConfiguration } = profile
  const isDisabled = flag(linuxConfiguration?.disablePasswordAuthentication)
  return {
    adminUsername,
    computerName,
    ...(version < '2020-10-01' ? {} : { disablePasswordAuthentication: isDisabled }),
  }
}

const securityProfile = (
  { securityProfile: profile = {} }: DescribedMachine['properties'],
  version: string,
): JsonObject => ({
  ...(version < '2021-11-01' ? {} : { encryptionAtHost: flag(profile.encryptionAtHost) }),
  secureBootEnabled: flag(profile.uefiSettings?.secureBootEnabled),
  ...(version < '2021-12-13' ? {} : { securityType: profile.securityType ?? '' }),
  virtualTpmEnabled: flag(profile.uefiSettings?.vTpmEnabled),
})

const named = (id: string) => {
  const [, , subscriptionId = '', , resourceGroupName = ''] = id.split('/')
  return { subscriptionId, resourceGroupName }
}

const compute = (machine: DescribedMachine, version: string): JsonObject => {
  const { properties, tags = {}, plan = {} } = machine
  const { storageProfile = {} } = properties
  const image = storageProfile.imageReference ?? {}
  const scaleSet = properties.virtualMachineScaleSet?.id ?? ''
  const all: JsonObject = {
    additionalCapabilities: { hibernationEnabled: 'false' },
    azEnvironment: 'AzurePublicCloud',
    customData: '', // Azure has switched it off: a guest finds its custom data on its disc
    evictionPolicy: properties.evictionPolicy ?? '',
    extendedLocation: { name: '', type: '' },
    host: { id: '' },
    hostGroup: { id: '' },
    isHostCompatibilityLayerVm: 'false',
    licenseType: properties.licenseType ?? '',
    location: machine.location ?? '',
    name: machine.name,
    offer: image.offer ?? '',
    osProfile: osProfile(properties, version),
    osType: storageProfile.osDisk?.osType ?? '',
    placementGroupId: '',
    plan: { name: plan.name ?? '', product: plan.product ?? '', publisher: plan.publisher ?? '' },
    platformFaultDomain: '0',
    platformSubFaultDomain: '',
    platformUpdateDomain: '0',
    priority: properties.priority ?? '',
    provider: 'Microsoft.Compute',
    publicKeys: (properties.osProfile?.linuxConfiguration?.ssh?.publicKeys ?? []).map(
      ({ keyData = '', path = '' }) => ({
        keyData,
        path,
      }),
    ),
    publisher: image.publisher ?? '',
    ...named(machine.id),
    resourceId: machine.id,
    securityProfile: securityProfile(properties, version),
    sku: image.sku ?? '',
    storageProfile: describeStorage(storageProfile),
    tags: Object.entries(tags)
      .map(([name, value]) => `${name}:${value}`)
      .join(';'),
    tagsList: Object.entries(tags).map(([name, value]) => ({ name, value })),
    userData: machine.userData ?? '',
    version: image.exactVersion ?? image.version ?? '',
    virtualMachineScaleSet: { id: scaleSet },
    vmId: properties.vmId,
    vmScaleSetName: scaleSet.split('/').at(-1) ?? '',
    vmSize: properties.hardwareProfile?.vmSize ?? '',
    zone: machine.zones?.[0] ?? '',
  }
  const told = Object.entries(all).filter(([name, value]) => value !== undefined && version >= (since[name] ?? ''))
  return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const nicDocument = ({ mac, addresses, subnet }: DescribedNic): JsonObject => ({
  ipv4: {
    ipAddress: addresses.map(({ privateAddress, publicAddress = '' }) => ({
      privateIpAddress: privateAddress,
      publicIpAddress: publicAddress,
    })),
    subnet: [{ address: subnet.address, prefix: String(subnet.prefixLength) }],
  },
  ipv6: { ipAddress: [] },
  macAddress: mac.replaceAll(/[:-]/g, '').toUpperCase(),
})

/** Where a guest is asked for and asks for its metadata. On Azure the first interface does that too; here it has its own. */
const managementNic = (machineId: string): DescribedNic => ({
  mac: managementMac(machineId),
  addresses: [{ privateAddress: managementAddress }],
  subnet: { address: '168.0.0.0', prefixLength: 7 },
})

/**
 * The document at 169.254.169.254/metadata/instance, as of an api-version (2017-03-01 and newer). Nothing secret is in it: no password,
 * no custom data. Behind the machine's own interfaces stands the one that it is managed by, because cloud-init configures those that it is
 * told of and no others.
 */
export const instanceMetadata = (
  machine: DescribedMachine,
  nics: readonly DescribedNic[],
  version: string,
): JsonObject => ({
  compute: compute(machine, version),
  network: { interface: [...nics, managementNic(machine.properties.vmId)].map(nicDocument) },
})
