import type { ArmClient } from './arm-client.ts'

export interface RegionStatus {
  readonly name: string
  readonly stores: readonly {
    readonly url: string
    readonly state: 'ready' | 'full' | 'missing' | 'unreachable'
    readonly problem?: string
    readonly lastFault?: { readonly time: string; readonly message: string }
    readonly scrub?: {
      readonly startedAt: string
      readonly finishedAt?: string
      readonly bytes: number
      readonly corrupt: number
      readonly missing: number
      readonly healed: number
    }
    readonly repairs?: { readonly count: number; readonly last?: { readonly time: string; readonly was: string } }
    readonly freeBytes?: number
    readonly reserveBytes?: number
    readonly chunks: number
    readonly packs: number
    readonly storedBytes: number
    readonly manifests: number
  }[]
}

export interface ServerStatus {
  readonly version: string
  readonly startedAt: string
  readonly dataFolder: string
  readonly regions: readonly RegionStatus[]
  readonly resources: Readonly<Record<string, number>>
}

export interface RegionVerified {
  readonly region: string
  readonly chunks: number
  readonly bytes: number
  readonly corrupt: number
  readonly missing: number
  readonly healed: number
}

export interface RegionCollected {
  readonly region: string
  readonly manifests: number
  readonly chunks: number
  readonly freedBytes: number
}

/** What became of an uploaded disk's bytes: Azure's answers have no place for this. */
export interface UploadedBytes {
  /** What is neither a hole nor zeros. */
  readonly dataBytes: number
  /** Of those, what the region did not have before, and what they take on disk. */
  readonly newBytes: number
  readonly storedBytes: number
}

/** What each region of a version lacked of it, and what travelled to its stores. */
export interface VersionBytes {
  readonly regions: readonly { readonly name: string; readonly newBytes: number; readonly sentBytes: number }[]
}

/** A version that is served over NBD: the first line that the server says of it. */
export interface ServedVersion {
  readonly uri: string
  /** A folder of the server with the `ca-cert.pem` that an `nbds:` client needs. */
  readonly caFolder?: string
  readonly id: string
  readonly region: string
  readonly sizeBytes: number
  readonly manifest: string
}

/** The lines after it. */
export interface ServedSoFar {
  readonly connections: number
  readonly sentBytes: number
  readonly failures: number
}

/** The server's own endpoints, outside of Azure's API. */
export interface ServerAdmin {
  status(): Promise<ServerStatus>
  verify(region: string, isRepair: boolean): Promise<RegionVerified>
  collect(region: string, isDryRun: boolean): Promise<RegionCollected>
  bytesOfDisk(id: string): Promise<UploadedBytes>
  bytesOfVersion(id: string): Promise<VersionBytes>
  /** Serves a version for as long as somebody listens to what is said of it. */
  serveNbd(
    query: { id: string } & Record<string, string>,
    signal: AbortSignal,
  ): AsyncGenerator<ServedVersion | ServedSoFar>
}

// The server says something every ten seconds.
const silenceLimitMs = 60_000

// Reading every byte of a region takes as long as its disks need.
const patient = { silenceLimitMs: 0 }

export const serverAdmin = (arm: ArmClient): ServerAdmin => ({
  status: () => arm.get('/opengallery/status'),
  verify: (region, isRepair) =>
    arm.act('/opengallery/verify', undefined, { region, repair: String(isRepair) }, patient),
  collect: (region, isDryRun) => arm.act('/opengallery/gc', undefined, { region, dryRun: String(isDryRun) }, patient),
  bytesOfDisk: id => arm.get('/opengallery/bytes', { id }),
  bytesOfVersion: id => arm.get('/opengallery/bytes', { id }),
  serveNbd: (query, signal) => arm.follow('/opengallery/nbd', query, { signal, silenceLimitMs }),
})
