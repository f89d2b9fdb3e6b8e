import type { ChangedBytes, SparseBytes } from '#foundation/sparse-bytes.ts'
import { ArmRefused, type Json } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import type { UploadedBytes, VersionBytes } from '../client/server-admin.ts'
import { LeftBehind } from '../failure.ts'
import type { Definition } from './ensure-definition.ts'
import { type DefinitionPlace, versionId } from './image-ids.ts'
import type { TargetRegion } from './target-regions.ts'
import { withTemporaryDisk } from './temporary-disk.ts'
import { type UploadStart, uploadChange, uploadDisk } from './upload-disk.ts'

/** Tags of a version by which `pull` checks what comes back. */
export const sizeTag = 'opengallery.sizeBytes'
export const sha256Tag = 'opengallery.sha256'

export interface PublishOrder {
  readonly place: DefinitionPlace
  readonly definition: Definition
  readonly version: string
  readonly location: string
  readonly regions: readonly TargetRegion[]
  /** More of the version's body: an end of life, a safety profile. */
  readonly publishingProfile?: Json
  readonly safetyProfile?: Json
  /** A version of which only the difference is sent; see `latestBase`. */
  readonly base?: UploadStart | undefined
}

export interface RegionProgress {
  readonly region: string
  readonly state: string
  readonly progress: number
  readonly details: string
}

/** What a publish tells while it works. */
export interface PublishWatch {
  uploading(doneBytes: number, sentBytes: number): void
  /** `since` where the upload started as the bytes of a version, by its name. */
  uploaded(sentBytes: number, since?: { readonly version: string; readonly differingBytes: number }): void
  replicating(regions: readonly RegionProgress[]): void
  readonly signal?: AbortSignal
}

export interface Published {
  readonly id: string
  readonly sizeBytes: number
  readonly sentBytes: number
  /** The version that the upload started as, by its id, and how much of the image is not that version's. */
  readonly base?: string
  readonly differingBytes?: number
  /** Undefined where only what has changed was read. */
  readonly sha256: string | undefined
  /** How every region ended; `details` says where replicas share a store. */
  readonly replication: readonly RegionProgress[]
  readonly bytes: UploadedBytes & VersionBytes
}

/** What is published: a whole image, or what has changed since the version with the id `base`. */
export type Content = SparseBytes | { readonly base: string; readonly change: ChangedBytes }

/** Uploads the image into a managed disk of its own, publishes a version from it, waits for every region, removes the disk. */
export const publishImage = (
  client: Client,
  order: PublishOrder,
  content: Content,
  watch: PublishWatch,
): Promise<Published> =>
  withTemporaryDisk(client, order.place, order.version, async disk => {
    const { arm } = client
    const id = versionId(order.place, order.version)
    const { osType, hyperVGeneration } = order.definition
    const wanted = { id: disk, location: order.location, osType, hyperVGeneration }
    const uploadWatch = { onProgress: watch.uploading, ...(watch.signal && { signal: watch.signal }) }
    const base = 'change' in content ? content.base : order.base?.id
    const { sentBytes, sha256, differingBytes } =
      'change' in content
        ? await uploadChange(client, wanted, content.base, content.change, uploadWatch)
        : await uploadDisk(client, wanted, content, uploadWatch, order.base)
    const { sizeBytes } = 'change' in content ? content.change : content
    const since = base !== undefined && differingBytes !== undefined && { base, differingBytes }
    const version = base?.slice(base.lastIndexOf('/') + 1) ?? ''
    watch.uploaded(sentBytes, since ? { version, differingBytes: since.differingBytes } : undefined)
    const uploaded = await client.admin.bytesOfDisk(disk)
    const tags = { [sizeTag]: String(sizeBytes), ...(sha256 !== undefined && { [sha256Tag]: sha256 }) }
    await arm
      .put(id, versionBody(order, disk, tags), {
        onPoll: async () => watch.replicating(await replicationOf(client, id)),
        ...(watch.signal && { signal: watch.signal }),
      })
      .catch(async error => {
        // Nobody waits for it any more, and it needs nothing of ours: it has the bytes.
        if (watch.signal?.aborted) throw new LeftBehind(error, `The server goes on with ${id} by itself.`)
        throw isUnfinished(error) ? await unfinished(error, client, id) : error
      })
    const replication = await replicationOf(client, id)
    watch.replicating(replication)
    return {
      id,
      sizeBytes,
      sentBytes,
      ...since,
      sha256,
      replication,
      bytes: { ...uploaded, ...(await client.admin.bytesOfVersion(id)) },
    }
  })

const isUnfinished = (error: unknown): boolean =>
  error instanceof ArmRefused && error.code === 'GalleryReplicationFailed'

/** The refusal names the regions that lack the version; it is told where the version is, if it is anywhere. */
const unfinished = async (refused: unknown, client: Client, id: string): Promise<unknown> => {
  const replication = await replicationOf(client, id).catch(() => [])
  const there = replication.filter(({ state }) => state === 'Completed').map(({ region }) => region)
  if (there.length === 0) return refused
  const rest = 'The server brings it by itself to regions that were away or full, once they are back.'
  return new LeftBehind(refused, `${id} is there in ${there.join(', ')}. ${rest}`)
}

const versionBody = (order: PublishOrder, disk: string, tags: Record<string, string>): Json => ({
  location: order.location,
  tags,
  properties: {
    publishingProfile: { targetRegions: order.regions, ...order.publishingProfile },
    storageProfile: { osDiskImage: { source: { id: disk } } },
    ...(order.safetyProfile !== undefined && { safetyProfile: order.safetyProfile }),
  },
})

const replicationOf = async ({ arm }: Client, id: string): Promise<RegionProgress[]> => {
  const version = await arm.find(id, { $expand: 'ReplicationStatus' })
  return version?.properties?.replicationStatus?.summary ?? []
}
