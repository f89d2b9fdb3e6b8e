import type { ActivityLine } from '../activity/activity-lines.ts'
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
    /** Of `storedBytes`, what other stores have as well, in the same files. */
    readonly sharedBytes: number
    readonly manifests: number
    /** Chunks that were found damaged and not healed. */
    readonly damaged: number
  }[]
}

export interface MachinesStatus {
  readonly accelerator: 'kvm' | 'tcg' | 'none'
  readonly qemuVersion?: string
  /** Why none can run, and what to do about it. */
  readonly problem?: string
  readonly running: number
  /** Of all that run together. */
  readonly usedCores: number
  readonly cores: number
  readonly usedMemoryMiB: number
  readonly memoryMiB: number
}

export interface ServerStatus {
  readonly version: string
  readonly startedAt: string
  readonly dataFolder: string
  /** Which kernel does the arithmetic of chunks, in words. */
  readonly kernel: string
  readonly machines: MachinesStatus
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
  /** What leaves the disk with the last region that has it in common with this one. */
  readonly sharedBytes: number
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

/** Some of what a version's bytes consist of. */
export interface VersionRanges {
  /** Equal ones mean equal bytes. */
  readonly manifest: string
  readonly sizeBytes: number
  /** Offset, length, and the SHA-256 by which the bytes are known, if they can be. */
  readonly ranges: readonly (readonly [number, number, string | null])[]
  /** Where to go on; undefined at the end. */
  readonly next?: number
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

/** Whether the versions that have bytes are what was signed. */
export interface SignatureCounts {
  readonly signed: number
  readonly unsigned: number
  readonly broken: number
  /** The first of them. */
  readonly brokenIds: readonly string[]
}

/** A version, and what the installation's operator holds against it. */
export interface VersionReport {
  readonly id: string
  readonly violations: readonly { readonly category: string; readonly details?: string }[]
}

export interface ServerTenant {
  readonly tenantId: string
  readonly displayName: string
  readonly domains: readonly string[]
  readonly subscriptions: number
  readonly principals: number
}

/** Who was made an administrator, with what it signs in by: a program has a client id and a secret, a person a name and a password. */
export interface NewAdministrator {
  readonly objectId: string
  readonly clientId?: string
  readonly clientSecret?: string
  readonly userPrincipalName?: string
  readonly password?: string
}

export interface ServerSubscription {
  readonly subscriptionId: string
  readonly displayName: string
  readonly tenantId: string
  readonly state: string
  readonly resourceGroups: number
}

/** Whom to make an administrator: a person, or a program where nobody is named. */
export type WantedAdministrator = { readonly userPrincipalName: string; readonly displayName?: string } | undefined

/** The server's own endpoints, outside of Azure's API. */
export interface ServerAdmin {
  status(): Promise<ServerStatus>
  verify(region: string, wish: { readonly heals: boolean; readonly deep?: boolean }): Promise<RegionVerified>
  signatures(): Promise<SignatureCounts>
  collect(region: string, isDryRun: boolean): Promise<RegionCollected>
  communityReports(): Promise<readonly VersionReport[]>
  /** `image` is a version's id, or the name by which the community knows it. */
  reportVersion(image: string, violation: { category: string; details?: string }): Promise<VersionReport>
  withdrawReports(image: string): Promise<VersionReport>
  bytesOfDisk(id: string): Promise<UploadedBytes>
  bytesOfVersion(id: string): Promise<VersionBytes>
  /** Has an upload that nobody has written to start as the bytes of a version; answers with their size. */
  startUploadFrom(disk: string, version: string): Promise<{ readonly sizeBytes: number; readonly manifest: string }>
  /** What a version's bytes consist of, from the beginning or a former answer's `next`. */
  rangesOfVersion(id: string, from?: number): Promise<VersionRanges>
  tenants(): Promise<ServerTenant[]>
  addTenant(
    wanted: { displayName: string; domain?: string },
    administrator: WantedAdministrator,
  ): Promise<ServerTenant & { administrator: NewAdministrator }>
  addAdministrator(tenantId: string, administrator: WantedAdministrator): Promise<NewAdministrator>
  addDomain(tenantId: string, domain: string): Promise<void>
  removeTenant(tenantId: string): Promise<void>
  /** Those of all tenants. */
  subscriptions(): Promise<ServerSubscription[]>
  /** An empty one only. */
  removeSubscription(subscriptionId: string): Promise<void>
  /** A new key signs tokens from now on; answers since when. */
  rotateKeys(): Promise<{ readonly rotatedAt: string }>
  /** The whole activity log: a line with its beginning, its records, a line with its end. */
  activityLog(): AsyncGenerator<ActivityLine>
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
  verify: (region, { heals, deep = false }) =>
    arm.act('/opengallery/verify', undefined, { region, repair: String(heals), deep: String(deep) }, patient),
  collect: (region, isDryRun) => arm.act('/opengallery/gc', undefined, { region, dryRun: String(isDryRun) }, patient),
  signatures: () => arm.get('/opengallery/signatures'),
  communityReports: async () => (await arm.get('/opengallery/community/reports')).value,
  reportVersion: (image, violation) => arm.act('/opengallery/community/report', violation, { image }),
  withdrawReports: image => arm.act('/opengallery/community/withdraw', undefined, { image }),
  bytesOfDisk: id => arm.get('/opengallery/bytes', { id }),
  bytesOfVersion: id => arm.get('/opengallery/bytes', { id }),
  startUploadFrom: (disk, version) => arm.act('/opengallery/upload-base', undefined, { disk, id: version }),
  rangesOfVersion: (id, from = 0) => arm.get('/opengallery/ranges', { id, from: String(from) }),
  tenants: async () => (await arm.get('/opengallery/tenants')).tenants,
  addTenant: (wanted, administrator) => arm.act('/opengallery/tenants', { ...wanted, administrator }),
  addAdministrator: async (tenantId, administrator) =>
    (await arm.act(`/opengallery/tenants/${tenantId}/administrators`, { administrator })).administrator,
  addDomain: async (tenantId, domain) => void (await arm.act(`/opengallery/tenants/${tenantId}/domains`, { domain })),
  removeTenant: tenantId => arm.remove(`/opengallery/tenants/${tenantId}`),
  subscriptions: async () => (await arm.get('/opengallery/subscriptions')).subscriptions,
  removeSubscription: subscriptionId => arm.remove(`/opengallery/subscriptions/${subscriptionId}`),
  rotateKeys: () => arm.act('/opengallery/keys/rotate'),
  activityLog: () => arm.follow('/opengallery/activity-log', {}, { method: 'GET' }),
  serveNbd: (query, signal) => arm.follow('/opengallery/nbd', query, { signal, silenceLimitMs }),
})
