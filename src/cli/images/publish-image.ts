import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { Json } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import type { UploadedBytes, VersionBytes } from '../client/server-admin.ts'
import type { Definition } from './ensure-definition.ts'
import { type DefinitionPlace, versionId } from './image-ids.ts'
import type { TargetRegion } from './target-regions.ts'
import { withTemporaryDisk } from './temporary-disk.ts'
import { uploadDisk } from './upload-disk.ts'

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
  uploaded(sentBytes: number): void
  replicating(regions: readonly RegionProgress[]): void
  readonly signal?: AbortSignal
}

export interface Published {
  readonly id: string
  readonly sizeBytes: number
  readonly sentBytes: number
  readonly sha256: string
  /** How every region ended; `details` says where replicas share a store. */
  readonly replication: readonly RegionProgress[]
  readonly bytes: UploadedBytes & VersionBytes
}

/** Uploads the image into a managed disk of its own, publishes a version from it, waits for every region, removes the disk. */
export const publishImage = (
  client: Client,
  order: PublishOrder,
  image: SparseBytes,
  watch: PublishWatch,
): Promise<Published> =>
  withTemporaryDisk(client, order.place, order.version, async disk => {
    const { arm } = client
    const id = versionId(order.place, order.version)
    const { osType, hyperVGeneration } = order.definition
    const wanted = { id: disk, location: order.location, osType, hyperVGeneration }
    const { sentBytes, sha256 } = await uploadDisk(client, wanted, image, {
      onProgress: watch.uploading,
      ...(watch.signal && { signal: watch.signal }),
    })
    watch.uploaded(sentBytes)
    const uploaded = await client.admin.bytesOfDisk(disk)
    const tags = { [sizeTag]: String(image.sizeBytes), [sha256Tag]: sha256 }
    await arm.put(id, versionBody(order, disk, tags), {
      onPoll: async () => watch.replicating(await replicationOf(client, id)),
      ...(watch.signal && { signal: watch.signal }),
    })
    const replication = await replicationOf(client, id)
    watch.replicating(replication)
    return {
      id,
      sizeBytes: image.sizeBytes,
      sentBytes,
      sha256,
      replication,
      bytes: { ...uploaded, ...(await client.admin.bytesOfVersion(id)) },
    }
  })

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
