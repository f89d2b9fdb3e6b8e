import type { Hold } from '#data-plane/chunks/chunk-store.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import { type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { diskHold, holdPrefix } from '../../../disk-holds.ts'
import { disksOf } from '../../../stored-disk.ts'
import {
  deletedVersion,
  softDeletedVersionType,
} from '../../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { heldParts, provenanceOf } from './check-version.ts'
import { regionStates } from './region-states.ts'
import { imageVersionType } from './version-properties.ts'

/** Whether a hold's name is one of an image version's. */
export const isVersionHold = (hold: string): boolean => /\/galleries\/[^/]+\/images\/[^/]+\/versions\/[^/]+@/.test(hold)

/**
 * Every hold that stored versions, soft-deleted ones among them, answer for. A version under work whose bytes are still on their
 * way in, and a region that failed, answer for what they hold by now: reconciling takes nothing away from them.
 */
export async function* versionPromises(resources: Resources, regions: Regions): AsyncGenerator<HoldPromise> {
  const present = presentHolds(regions)
  // A restore moves a version out of the recycle bin, a delete into it: looked at before and behind, neither slips through.
  const inBin = new Map<string, ResourceDocument>()
  for await (const document of all(resources, softDeletedVersionType)) inBin.set(document.key, deletedVersion(document))
  for await (const version of allVersions(resources)) yield* promisesOf(version, present)
  for await (const document of all(resources, softDeletedVersionType)) inBin.set(document.key, deletedVersion(document))
  for (const version of inBin.values()) yield* promisesOf(version, present)
}

/** Every version that is not in the recycle bin. */
export const allVersions = (resources: Resources): AsyncGenerator<ResourceDocument> => all(resources, imageVersionType)

const all = (resources: Resources, type: string) => eachDocument(resources, { type, limit: 500 })

async function* promisesOf(version: ResourceDocument, present: PresentHolds): AsyncGenerator<HoldPromise> {
  const disks = disksOf(version)
  for (const [region, { state, copies }] of Object.entries(regionStates(version))) {
    if (disks && state !== 'Failed') {
      for (const { slot, disk } of heldParts(disks, provenanceOf(version)))
        yield { region, hold: diskHold(version, slot, disk), manifest: disk.manifest, copies }
      continue
    }
    const prefix = holdPrefix(version)
    for (const { name, manifest } of await present(region))
      if (name.startsWith(prefix)) yield { region, hold: name, manifest, copies }
  }
}

type PresentHolds = (region: string) => Promise<readonly Hold[]>

/** The holds of versions in a region, listed once and only when somebody asks; none where the region can't be reached. */
const presentHolds = (regions: Regions): PresentHolds => {
  const listed = new Map<string, Promise<readonly Hold[]>>()
  const list = async (region: string) => {
    const holds: Hold[] = []
    try {
      for await (const hold of regions.holds(region)) if (isVersionHold(hold.name)) holds.push(hold)
    } catch (error) {
      if (!(error instanceof RegionUnreachable)) throw error
    }
    return holds
  }
  return region => {
    const known = listed.get(region) ?? list(region)
    listed.set(region, known)
    return known
  }
}
