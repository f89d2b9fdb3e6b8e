import type { Arm } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { shortName } from './target-regions.ts'
import { versionProperties } from './version-properties.ts'

/** How far a region is with its copies; `hidden.regions` of a version, by short name. */
export interface RegionState {
  readonly state: 'Replicating' | 'Completed' | 'Failed'
  /** 0 to 100. */
  readonly progress: number
  readonly details: string
  /** Replicas that were asked for. */
  readonly copies: number
  /** Of one that is to have more or fewer replicas, or failed to get them: it holds every byte all the same. */
  readonly isWhole?: true
  /** Of one that failed: it could not be reached or had no room, and may do so later. */
  readonly wasAway?: boolean
  /** Bytes of the image that the region's stores lacked, and what travelled to bring them. */
  readonly newBytes?: number
  readonly sentBytes?: number
}

export type RegionStates = Readonly<Record<string, RegionState>>

export const regionStates = (version: ResourceDocument): RegionStates =>
  (version.hidden as { regions?: RegionStates }).regions ?? {}
export const hiddenRegions = (states: RegionStates): JsonObject => ({ regions: states as unknown as JsonObject })

/** What became of a version's bytes, for whoever asks the installation. */
export const hiddenBytes = (states: RegionStates): JsonObject => ({
  bytes: {
    regions: Object.entries(states).map(([name, { newBytes = 0, sentBytes = 0 }]) => ({ name, newBytes, sentBytes })),
  },
})

/** Whether a region in that state holds every byte of the version. */
export const isWhole = (state: RegionState | undefined): boolean =>
  state?.state === 'Completed' || state?.isWhole === true

/** Whether the region holds every byte of the version: from then on machines and disks can be made of it there. */
export const isAvailableIn = (version: ResourceDocument, region: string): boolean =>
  isWhole(regionStates(version)[region])

/** What `$expand=ReplicationStatus` shows, a region each in the order of the target regions. */
export const replicationStatus = (version: ResourceDocument, arm: Pick<Arm, 'findLocation'>): JsonObject => {
  const states = regionStates(version)
  const summary = versionProperties(version).publishingProfile.targetRegions.map(region => {
    const { state, progress, details } = states[shortName(region, arm)] ?? {
      state: 'Unknown',
      progress: 0,
      details: '',
    }
    return { region: region.name, state, details, progress }
  })
  return { aggregatedState: aggregated(summary.map(({ state }) => state)), summary }
}

const aggregated = (states: readonly string[]): string => {
  if (states.includes('Replicating')) return 'InProgress'
  if (states.includes('Failed')) return 'Failed'
  return states.length > 0 && states.every(state => state === 'Completed') ? 'Completed' : 'Unknown'
}
