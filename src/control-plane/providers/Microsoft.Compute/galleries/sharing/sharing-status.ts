import type { Arm } from '#arm/resource-type.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { regionStates } from '../images/versions/region-states.ts'
import { imageVersionType } from '../images/versions/version-properties.ts'

type State = 'Succeeded' | 'InProgress' | 'Failed' | 'Unknown'

interface RegionalStatus {
  readonly state: State
  readonly details: string
}

/**
 * Where those whom the gallery is shared with can use it: at its home, and in each region of one of its versions. A region knows what
 * it has, what is still on its way to it, and what it failed to get; one whose stores can't be reached gives nothing to anybody.
 */
export const sharingStatus = async (gallery: ResourceDocument, arm: Arm, regions: Regions): Promise<JsonObject> => {
  const versions = await versionsOf(gallery, arm)
  const names = new Set([gallery.location ?? '', ...versions.flatMap(version => Object.keys(regionStates(version)))])
  const summary = await Promise.all(
    [...names].map(async name => ({
      region: arm.findLocation(name)?.displayName ?? name,
      ...((await unreachable(name, regions)) ?? statusIn(name, versions)),
    })),
  )
  return { aggregatedState: aggregated(summary.map(({ state }) => state)), summary }
}

const versionsOf = async (gallery: ResourceDocument, { resources }: Arm): Promise<readonly ResourceDocument[]> => {
  const images = await listAll(resources, { type: 'Microsoft.Compute/galleries/images', parentKey: gallery.key })
  const lists = images.map(image => listAll(resources, { type: imageVersionType, parentKey: image.key }))
  return (await Promise.all(lists)).flat()
}

const unreachable = async (region: string, regions: Regions): Promise<RegionalStatus | undefined> => {
  if (!regions.names.includes(region)) return { state: 'Unknown', details: 'The region is no longer configured.' }
  const stores = await regions.health(region)
  if (stores.some(({ state }) => state === 'ready' || state === 'full')) return undefined
  return { state: 'Unknown', details: 'No store of the region can be reached.' }
}

const statusIn = (region: string, versions: readonly ResourceDocument[]): RegionalStatus => {
  const those = (wanted: string) =>
    versions
      .filter(version => regionStates(version)[region]?.state === wanted)
      .map(({ id }) => id.split('/images/')[1]?.replace('/versions/', '/'))
  const failed = those('Failed')
  if (failed.length > 0) return { state: 'Failed', details: `The region failed to get: ${failed.join(', ')}.` }
  const coming = those('Replicating')
  if (coming.length > 0) return { state: 'InProgress', details: `On their way to the region: ${coming.join(', ')}.` }
  return { state: 'Succeeded', details: '' }
}

const aggregated = (states: readonly State[]): State =>
  (['Failed', 'InProgress', 'Unknown'] as const).find(state => states.includes(state)) ?? 'Succeeded'
