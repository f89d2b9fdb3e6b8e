import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { Network } from '#data-plane/disks/remote-file.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'

/** What the compute provider needs of the data plane. */
export interface ComputeParts {
  readonly regions: Regions
  readonly blobs: Blobs
  readonly log: Log
  /** Hosts (exact, or `*.suffix`) from which a VHD may be fetched; none by default. */
  readonly allowedVhdHosts: readonly string[]
  /** How those hosts are reached; the Internet unless a test says otherwise. */
  readonly network?: Network
}
