import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ArmRequest, ResourceType } from '#arm/resource-type.ts'
import { type CatalogImage, fileOf } from '#data-plane/catalog/catalog-image.ts'
import { byVersion } from '#data-plane/catalog/image-name.ts'
import type { Json } from '#resources/resource-document.ts'
import type { ComputeParts } from '../../compute-parts.ts'
import { sizeInGB } from '../../disk-size.ts'
import { platformImageError } from '../../platform-image-errors.ts'
import { platformImageId } from '../../platform-image-id.ts'

const publishers = 'Microsoft.Compute/locations/publishers'
const offers = `${publishers}/artifacttypes/offers`
const skus = `${offers}/skus`
const versions = `${skus}/versions`

const shared = {
  apiVersions: ['2024-11-01', '2024-07-01', '2023-09-01', '2022-11-01', '2020-06-01'],
  tracked: false,
  openTo: 'subscription',
} as const

type Level = 'publisher' | 'offer' | 'sku'
const levels: readonly (readonly [Level, string])[] = [
  ['publisher', 'publishers'],
  ['offer', 'offers'],
  ['sku', 'skus'],
]

/** Where clients look up what they can make virtual machines of: the catalogue as a tree, the same in every region. */
export const platformImageTypes = ({ catalog }: Pick<ComputeParts, 'catalog'>): readonly ResourceType[] => {
  /** The images below an id, checked level by level. */
  const below = async (id: ResourceId, arm: Arm) => {
    const location = requireLocation(id, arm)
    const artifact = id.nameOf('artifacttypes')
    if (artifact !== undefined && artifact.toLowerCase() !== 'vmimage') throw platformImageError.artifactNotFound()
    const images = (await catalog.images()).filter(image =>
      levels.every(([level, type]) => isNamed(image[level], id, type)),
    )
    return { images, location }
  }
  const listOf = (level: Level) => async (parent: ResourceId, request: ArmRequest, arm: Arm) => {
    const { images, location } = await below(parent, arm)
    if (images.length === 0) throw platformImageError.artifactNotFound()
    const byName = new Map(images.map(image => [image[level].toLowerCase(), image]))
    const sorted = [...byName.values()].sort((one, other) => one[level].localeCompare(other[level]))
    return ordered(sorted, request).map(image => ({
      location,
      name: image[level],
      id: platformImageId(image, level, { subscriptionId: parent.subscriptionId, location }),
    }))
  }
  return [
    { ...shared, type: publishers, computed: { bareList: true, list: listOf('publisher') } },
    { ...shared, type: offers, computed: { bareList: true, list: listOf('offer') } },
    { ...shared, type: skus, computed: { bareList: true, list: listOf('sku') } },
    {
      ...shared,
      type: versions,
      computed: {
        bareList: true,
        async list(parent, request, arm) {
          const { images, location } = await below(parent, arm)
          if (images.length === 0) throw platformImageError.artifactNotFound()
          const expanded = (request.query.get('$expand') ?? '').toLowerCase() === 'properties'
          return ordered(images.toSorted(byVersion), request).map(image => ({
            ...headOf(image, parent, location),
            ...(expanded ? { properties: propertiesOf(image) } : {}),
          }))
        },
        async get(id, _request, arm) {
          const { images, location } = await below(id, arm)
          const image = images.find(({ version }) => version === id.name)
          if (!image) throw platformImageError.artifactNotFound()
          return { ...headOf(image, id, location), properties: propertiesOf(image) }
        },
      },
    },
  ]
}

const requireLocation = (id: ResourceId, arm: Arm): string => {
  const name = id.nameOf('locations') ?? ''
  const location = arm.findLocation(name)
  if (location) return location.name
  const known = arm.locations.map(location => location.name)
  throw armError.locationNotAvailable(name.slice(0, 100), publishers, known)
}

const isNamed = (value: string, id: ResourceId, type: string): boolean => {
  const wanted = id.nameOf(type)
  return wanted === undefined || wanted.toLowerCase() === value.toLowerCase()
}

/** `$orderby=name desc`, as az sends it to find the newest version; `$top` is cut off behind it. */
const ordered = <T>(ascending: readonly T[], { query }: ArmRequest): readonly T[] => {
  const wish = query.get('$orderby') ?? 'name asc'
  const direction = /^name(?: (asc|desc))?$/i.exec(wish.trim())
  if (!direction) throw armError.invalidQueryParameter('$orderby', wish.slice(0, 50))
  return direction[1]?.toLowerCase() === 'desc' ? ascending.toReversed() : ascending
}

const headOf = (image: CatalogImage, id: ResourceId, location: string) => ({
  location,
  name: image.version,
  id: platformImageId(image, 'version', { subscriptionId: id.subscriptionId, location }),
})

const propertiesOf = (image: CatalogImage): { [name: string]: Json } => {
  const file = fileOf(image)
  return {
    hyperVGeneration: image.hyperVGeneration,
    architecture: image.architecture,
    features: (image.features ?? []).map(feature => ({ ...feature })),
    osDiskImage: { operatingSystem: image.osType, ...(file ? { sizeInGb: sizeInGB(file.diskBytes) } : {}) },
    dataDiskImages: [],
    automaticOSUpgradeProperties: { automaticOSUpgradeSupported: false },
    imageDeprecationStatus: { imageState: 'Active' },
  }
}
