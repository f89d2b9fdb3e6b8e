import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { Catalog } from '#data-plane/catalog/catalog.ts'
import type { Network } from '#data-plane/disks/remote-file.ts'
import type { Regions } from '#data-plane/replication/regions.ts'
import type { Log } from '#foundation/log.ts'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import type { FormerStatement } from '#provenance/statement.ts'
import type { SigningParts } from './galleries/images/versions/check-version.ts'
import type { MachineHosting } from './machine-hosting.ts'
import type { StoredDisk } from './stored-disk.ts'

/** What the compute provider needs of the data plane. */
export interface ComputeParts {
  readonly regions: Regions
  readonly blobs: Blobs
  /** The platform images. */
  readonly catalog: Catalog
  readonly log: Log
  readonly hosting: MachineHosting
  /** Principals of machines. */
  readonly identities: ManagedIdentities
  /** Hosts (exact, or `*.suffix`) from which a VHD may be fetched; none by default. */
  readonly allowedVhdHosts: readonly string[]
  /** An image of a bundle that is being imported, by the URI that names it as a version's source. */
  readonly bundledDisk?: (uri: string) => BundledDisk | undefined
  /** Who vouches for what image versions are. */
  readonly signing: SigningParts
  /** How those hosts are reached; the Internet unless a test says otherwise. */
  readonly network?: Network
}

/** A disk that a bundle brought, with what the installation that it comes from said of it. */
export interface BundledDisk extends StoredDisk {
  readonly region: string
  readonly former?: FormerStatement
}
