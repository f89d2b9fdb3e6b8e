import type { Machines } from '#data-plane/machines/machines.ts'

/** What virtual machines run on, and how many there may be. */
export interface MachineHosting {
  readonly machines: Machines
  /** Names the host's present boot: processes of an earlier one are gone. */
  hostBoot(): Promise<string>
  /** A URL, good until a time, of what a machine shows; `origin` is where clients reach the server. */
  diagnosticsUrl(origin: string, vmId: string, kind: 'serialconsole.log' | 'screenshot.png', expires: Date): string
  readonly limits: MachineLimits
}

export interface MachineLimits {
  /** Cores of all machines of a subscription in one region, and of one family of sizes in it: Azure's quota. */
  readonly coresPerRegion: number
  /** Machines that one replica of an image serves at a time while they are made; more wait. */
  readonly deploymentsPerReplica: number
  /** How long a guest may take to report that it is provisioned, in ms. */
  readonly provisioningTimeoutMs: number
  /** How long a guest may take to switch itself off, in ms. */
  readonly stopGraceMs: number
}

export const defaultMachineLimits: MachineLimits = {
  coresPerRegion: 100,
  // Azure advises one replica for every 20 machines that are made at a time.
  deploymentsPerReplica: 20,
  // What Azure waits for a guest; emulated ones boot in a few minutes.
  provisioningTimeoutMs: 40 * 60_000,
  stopGraceMs: 90_000,
}
