import type { Arm, Caller, Outcome, ResourceOperation } from '#arm/resource-type.ts'
import { type Held, RegionFull, type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { diskHold, passingHold } from '../../../disk-holds.ts'
import { disksOf, hiddenDisks, type StoredDisks } from '../../../stored-disk.ts'
import { told } from '../../../told.ts'
import {
  heldParts,
  hiddenProvenance,
  type Provenance,
  provenanceOf,
  requireVouched,
  type SigningParts,
} from './check-version.ts'
import type { SourceDisk } from './find-sources.ts'
import { type IngestParts, ingestSources } from './ingest-sources.ts'
import {
  hiddenBytes,
  hiddenRegions,
  isWhole,
  type RegionState,
  type RegionStates,
  regionStates,
} from './region-states.ts'
import { ReplicationProgress } from './replication-progress.ts'
import { releaseIn } from './retract.ts'
import { signVersion } from './sign-version.ts'
import { withSizes } from './storage-profile.ts'
import { shortName } from './target-regions.ts'
import { versionError } from './version-errors.ts'
import { type TargetRegion, versionProperties } from './version-properties.ts'

export const PUBLISH = 'publish image version'

/** What a PUT or PATCH of a version leaves to be done. */
export interface PublishInput {
  /** Where the bytes are, for a version that has none of its own yet. */
  readonly sources?: readonly SourceDisk[]
  /** Who asked for those. */
  readonly publisher?: Caller
  /** Key of the soft-deleted version that this one was until now. */
  readonly restores?: string
}

type Work = Parameters<ResourceOperation['run']>[0]
type PublishParts = Omit<IngestParts, 'resources'> & { readonly log: Log; readonly signing: SigningParts }

const REGIONS_AT_ONCE = 4

/**
 * Makes the world what a version's document says: its bytes taken in once, then held in every target region with as many
 * replicas as were asked for, and no longer in others. Each region is `Completed` on its own; one that fails fails the version,
 * but not the others. The same work creates, updates, mends and restores.
 */
export const publish = (parts: PublishParts): ResourceOperation => ({
  kind: PUBLISH,
  async run(work, arm) {
    const { document, step } = work
    const input = work.input as PublishInput
    const wanted = versionProperties(document).publishingProfile.targetRegions
    // A version may be called back in the moment in which its bytes are given up: every region is asked again.
    const before = input.restores === undefined ? regionStates(document) : {}
    const progress = new ReplicationProgress(work, arm.clock, beginning(before, wanted, arm))
    try {
      await progress.save()
      const disks =
        disksOf(document) ??
        (await step('ingest', () =>
          ingest(work, input.sources ?? [], progress, { ...parts, resources: arm.resources }),
        ))
      const provenance = await vouch(work, disks, input, arm, parts)
      // One commit: there is no moment in which a version has bytes that nobody vouches for.
      await work.note(hidden => ({ ...hidden, ...hiddenDisks(disks), ...(provenance && hiddenProvenance(provenance)) }))
      const held = heldParts(disks, provenance)

      const lacking = wanted.filter(region => progress.states[shortName(region, arm)]?.state !== 'Completed')
      await inParallel(REGIONS_AT_ONCE, lacking, region =>
        replicate(work, held, region, shortName(region, arm), progress, parts),
      )
      const left = Object.keys(regionStates(document)).filter(name => !(name in progress.states))
      await step('release', () => releaseAll(left, document, parts))

      requireCompleted(progress.states)
      return conclusion(document, disks, progress.states, input, arm)
    } finally {
      await progress.idle()
    }
  },
  explain: told,
  failed: (fault, document) => ({ hidden: hiddenRegions(failedStates(document, told(fault).message)) }),
})

/** Bytes that were just taken in are signed; those that were there are only used when they are what was signed. */
const vouch = async (
  { document, step }: Work,
  disks: StoredDisks,
  { sources, publisher }: PublishInput,
  arm: Arm,
  { signing, regions }: PublishParts,
): Promise<Provenance | undefined> => {
  const former = provenanceOf(document)
  if (sources === undefined || former) {
    requireVouched(document, signing)
    return former
  }
  return await step('sign', async () => {
    const definition = await arm.resources.find(document.parentKey)
    invariant(definition, `${document.id} has no definition.`)
    const told = { definition, sources, ...(publisher ? { publisher } : {}), finishedOn: arm.clock.now().toISOString() }
    return await keepStatement(document, signVersion(document, disks, told, signing), regions)
  })
}

/** Held in the home region like a disk, so that it goes wherever the disks go, and is given up with them. */
const keepStatement = async (
  version: ResourceDocument,
  provenance: Provenance,
  regions: Regions,
): Promise<Provenance> => {
  const home = version.location ?? ''
  const bytes = Buffer.from(JSON.stringify(provenance.envelope))
  const passing = passingHold(version, 'taken', `signed-${version.etag}`)
  try {
    const { manifest } = await regions.ingest(home, bytesOf(bytes), passing)
    const stored = { manifest, sizeBytes: bytes.length }
    await regions.hold(home, manifest, diskHold(version, 'signed', stored), 1)
    return { ...provenance, stored }
  } finally {
    await regions.release(home, passing)
  }
}

const conclusion = (
  document: ResourceDocument,
  disks: StoredDisks,
  states: RegionStates,
  { restores }: PublishInput,
  arm: Arm,
): Outcome => ({
  properties: {
    storageProfile: withSizes(versionProperties(document).storageProfile, disks) as unknown as JsonObject,
  },
  hidden: { ...hiddenRegions(states), ...hiddenBytes(states) },
  conclude: async transaction => {
    if (restores !== undefined) await arm.resources.remove(transaction, restores)
  },
})

/**
 * Finished regions that are to stay as they are stay `Completed`: whether they keep their word is for reconciling to see. Where only
 * the number of replicas changes, the version can be used all the while.
 */
const beginning = (before: RegionStates, wanted: readonly TargetRegion[], arm: Arm): RegionStates =>
  Object.fromEntries(
    wanted.map(region => {
      const name = shortName(region, arm)
      const copies = region.regionalReplicaCount
      const former = before[name]
      return former?.state === 'Completed' && former.copies === copies
        ? [name, former]
        : [name, { state: 'Replicating', progress: 0, details: '', copies, ...wholeAsBefore(former) } as const]
    }),
  )

const wholeAsBefore = (former: RegionState | undefined): Pick<RegionState, 'isWhole'> =>
  isWhole(former) ? { isWhole: true } : {}

const ingest = (
  { document, signal }: Work,
  sources: readonly SourceDisk[],
  progress: ReplicationProgress,
  parts: IngestParts,
): Promise<StoredDisks> => {
  invariant(sources.length > 0, `${document.id} has neither bytes nor sources.`)
  const { replicationMode } = versionProperties(document).publishingProfile
  // Taking the bytes in is most of the work of the home region; copies within it are the rest.
  const onProgress = (done: number, total: number) => progress.progress(document.location ?? '', (90 * done) / total)
  return ingestSources(document, sources, replicationMode, { onProgress, signal }, parts)
}

const replicate = async (
  { document, step, signal }: Work,
  held: ReturnType<typeof heldParts>,
  { regionalReplicaCount: copies }: TargetRegion,
  region: string,
  progress: ReplicationProgress,
  parts: PublishParts,
): Promise<void> => {
  const work = () => holdAll(document, held, region, copies, signal, progress, parts)
  try {
    const { copies: kept, newBytes, sentBytes } = await step(`replicate to ${region}`, work)
    const details = shortfall(kept, copies)
    await progress.settle(region, { state: 'Completed', progress: 100, details, copies, newBytes, sentBytes })
  } catch (fault) {
    if (signal.aborted) throw fault
    parts.log.warn('An image version could not be replicated.', { version: document.id, region, fault })
    const former = progress.states[region]
    const failed = { state: 'Failed', progress: former?.progress ?? 0, details: told(fault).message, copies } as const
    await progress.settle(region, { ...failed, wasAway: isAway(fault), ...wholeAsBefore(former) })
  }
}

const isAway = (fault: unknown): boolean => fault instanceof RegionUnreachable || fault instanceof RegionFull

/** Returns how many replicas are really kept apart (the least of all disks), and what had to travel. */
const holdAll = async (
  document: ResourceDocument,
  disks: ReturnType<typeof heldParts>,
  region: string,
  copies: number,
  signal: AbortSignal,
  progress: ReplicationProgress,
  { regions }: PublishParts,
): Promise<Held> => {
  const totalBytes = disks.reduce((sum, { disk }) => sum + disk.sizeBytes, 0)
  let beforeBytes = 0
  let all: Held = { copies, newBytes: 0, sentBytes: 0 }
  for (const { slot, disk } of disks) {
    const onProgress = (done: number, total: number) =>
      progress.progress(region, (100 * (beforeBytes + (done / Math.max(1, total)) * disk.sizeBytes)) / totalBytes)
    const held = await regions.hold(region, disk.manifest, diskHold(document, slot, disk), copies, {
      onProgress,
      signal,
    })
    all = {
      copies: Math.min(all.copies, held.copies),
      // Of the image: the statement about it is none of its bytes.
      newBytes: all.newBytes + (slot === 'signed' ? 0 : held.newBytes),
      sentBytes: all.sentBytes + (slot === 'signed' ? 0 : held.sentBytes),
    }
    beforeBytes += disk.sizeBytes
  }
  return all
}

/** Two replicas on one store die together, so they are not counted twice. */
const shortfall = (kept: number, copies: number): string =>
  kept < copies
    ? `${kept} of ${copies} replicas ${kept === 1 ? 'is' : 'are'} kept apart: the region has ${kept} ${kept === 1 ? 'store' : 'stores'}.`
    : ''

const releaseAll = async (names: readonly string[], document: ResourceDocument, { regions, log }: PublishParts) => {
  for (const region of names) await releaseIn(region, document, regions, log)
}

const requireCompleted = (states: RegionStates): void => {
  const failed = Object.entries(states).filter(([, { state }]) => state === 'Failed')
  if (failed.length === 0) return
  throw versionError.replicationFailed(failed.map(([region, { details }]) => ({ region, detail: details })))
}

/** When the work ended before a region's turn came, the region failed with it. */
const failedStates = (document: ResourceDocument, message: string): RegionStates =>
  Object.fromEntries(
    Object.entries(regionStates(document)).map(([name, state]): [string, RegionState] => [
      name,
      state.state === 'Replicating' ? { ...state, state: 'Failed', details: message } : state,
    ]),
  )

/** Works through the items, a few at a time. */
const inParallel = async <T>(atOnce: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}
