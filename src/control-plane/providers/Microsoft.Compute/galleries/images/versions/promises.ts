import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import type { HoldPromise } from '#data-plane/replication/reconcile.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { disksOf, holdName } from '../../../stored-disk.ts'
import {
  deletedVersion,
  softDeletedVersionType,
} from '../../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { disksBySlot } from './disk-slots.ts'
import { regionStates } from './region-states.ts'
import { imageVersionType } from './version-properties.ts'

/** Whether a hold's name is one of an image version's. */
export const isVersionHold = (hold: string): boolean => /\/galleries\/[^/]+\/images\/[^/]+\/versions\/[^/]+@/.test(hold)

/**
 * Every hold that stored versions, soft-deleted ones among them, answer for. A version under work whose bytes are still on their
 * way in answers for what it holds by now, so that reconciling beside it takes nothing away.
 */
export async function* versionPromises(resources: Resources, regions: Regions): AsyncGenerator<HoldPromise> {
  for await (const version of all(resources, imageVersionType)) {
    if (disksOf(version)) yield* promisesOf(version)
    else if (version.provisioningState !== 'Failed') yield* holdsOf(version, regions)
  }
  for await (const document of all(resources, softDeletedVersionType)) yield* promisesOf(deletedVersion(document))
}

async function* all(resources: Resources, type: string): AsyncGenerator<ResourceDocument> {
  let after: string | undefined
  do {
    const page = await resources.list({ type, limit: 500, ...(after === undefined ? {} : { after }) })
    yield* page.documents
    after = page.next
  } while (after !== undefined)
}

// A region that failed promises nothing: an update that tries it again begins by saying so.
const promisesOf = (version: ResourceDocument): readonly HoldPromise[] =>
  Object.entries(regionStates(version))
    .filter(([, { state }]) => state !== 'Failed')
    .flatMap(([region, { copies }]) =>
      disksBySlot(disksOf(version) ?? { data: [] }).map(({ slot, disk }) => ({
        region,
        hold: holdName(version, slot),
        manifest: disk.manifest,
        copies,
      })),
    )

async function* holdsOf(version: ResourceDocument, regions: Regions): AsyncGenerator<HoldPromise> {
  const prefix = holdName(version, 'os').slice(0, -'os'.length)
  for (const region of Object.keys(regionStates(version)))
    for await (const { name, manifest } of regions.holds(region))
      if (name.startsWith(prefix)) yield { region, hold: name, manifest: manifest as ManifestId, copies: 1 }
}
