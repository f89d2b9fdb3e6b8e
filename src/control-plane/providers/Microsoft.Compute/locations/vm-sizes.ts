import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import type { Json, JsonObject } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { coresInUse } from '../virtualMachines/core-quota.ts'
import { type VmSize, vmSizes } from '../virtualMachines/vm-sizes.ts'

const apiVersions = ['2025-04-01', '2024-11-01', '2024-07-01', '2024-03-01', '2023-09-01', '2022-11-01', '2020-06-01']

/** What there is to choose from, and how much of it: sizes, as clients of several ages ask for them, and quotas. */
export const vmSizeTypes = ({ hosting }: ComputeParts): readonly ResourceType[] => [
  {
    type: 'Microsoft.Compute/locations/vmSizes',
    apiVersions,
    tracked: false,
    openTo: 'subscription',
    computed: {
      async list(parent, _request, arm) {
        requireLocation(parent, arm)
        return vmSizes.map(sizeBody)
      },
    },
  },
  {
    type: 'Microsoft.Compute/locations/usages',
    apiVersions,
    tracked: false,
    computed: {
      list: (parent, _request, arm) =>
        usages(parent.subscriptionId ?? '', requireLocation(parent, arm), hosting.limits.coresPerRegion, arm),
    },
  },
  {
    type: 'Microsoft.Compute/skus',
    apiVersions: ['2021-07-01', '2019-04-01'],
    tracked: false,
    openTo: 'subscription',
    computed: { list: async (_parent, request, arm) => skus(request, arm) },
  },
]

const requireLocation = (id: ResourceId, arm: Arm): string => {
  const asked = id.nameOf('locations') ?? ''
  const location = arm.findLocation(asked)
  const names = arm.locations.map(({ name }) => name)
  if (!location) throw armError.locationNotAvailable(asked.slice(0, 100), 'Microsoft.Compute/locations', names)
  return location.name
}

/** A size in the form of the older lists. Azure tells the largest OS disk that way, 1 TiB less a little. */
export const sizeBody = (size: VmSize): JsonObject => ({
  name: size.name,
  numberOfCores: size.cores,
  osDiskSizeInMB: 1_047_552,
  resourceDiskSizeInMB: 0, // there is no temporary disk
  memoryInMB: size.memoryMiB,
  maxDataDiskCount: size.maxDataDisks,
})

const usages = async (subscriptionId: string, location: string, limit: number, arm: Arm): Promise<readonly Json[]> => {
  const { machines, cores, byFamily } = await coresInUse(arm, subscriptionId, location)
  const families = [...new Set(vmSizes.map(({ family }) => family))]
  return [
    usage('cores', 'Total Regional vCPUs', cores, limit),
    usage('virtualMachines', 'Virtual Machines', machines, 25_000),
    ...families.map(family => usage(family, `${family} vCPUs`, byFamily.get(family) ?? 0, limit)),
  ]
}

const usage = (value: string, localizedValue: string, currentValue: number, limit: number): JsonObject => ({
  name: { value, localizedValue },
  currentValue,
  limit,
  unit: 'Count',
})

/** Azure takes one filter here, `location eq 'eastus'`, and lists every size once for each region. */
const skus = (request: ArmRequest, arm: Arm): readonly Json[] => {
  const filter = request.query.get('$filter')
  const [, named] = /^\s*location\s+eq\s+'([^']{1,100})'\s*$/i.exec(filter ?? '') ?? []
  if (filter && named === undefined) throw armError.invalidFilter(filter.slice(0, 200))
  const locations = arm.locations.filter(({ name }) => named === undefined || arm.findLocation(named)?.name === name)
  return locations.flatMap(({ name }) => vmSizes.map(size => sku(size, name)))
}

const sku = (size: VmSize, location: string): JsonObject => ({
  resourceType: 'virtualMachines',
  name: size.name,
  tier: 'Standard',
  size: size.name.replace(/^Standard_/, ''),
  family: size.family,
  locations: [location],
  locationInfo: [{ location, zones: [], zoneDetails: [] }],
  capabilities: [
    { name: 'vCPUs', value: String(size.cores) },
    { name: 'vCPUsAvailable', value: String(size.cores) },
    { name: 'MemoryGB', value: String(size.memoryMiB / 1024) },
    { name: 'MaxDataDiskCount', value: String(size.maxDataDisks) },
    { name: 'MaxNetworkInterfaces', value: String(size.maxNics) },
    { name: 'MaxResourceVolumeMB', value: '0' },
    { name: 'OSVhdSizeMB', value: '1047552' },
    { name: 'HyperVGenerations', value: size.generations.join(',') },
    { name: 'CpuArchitectureType', value: 'x64' },
    { name: 'PremiumIO', value: size.hasPremiumStorage ? 'True' : 'False' },
    { name: 'VMDeploymentTypes', value: 'IaaS' },
    { name: 'EncryptionAtHostSupported', value: 'False' },
    { name: 'UltraSSDAvailable', value: 'False' },
    { name: 'LowPriorityCapable', value: 'False' },
    { name: 'EphemeralOSDiskSupported', value: 'False' },
  ],
  restrictions: [],
})
