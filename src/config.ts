import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { generousLimits, type RateLimits } from '#arm/rate-limit.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { type Log, silentLog } from '#foundation/log.ts'

export interface RegionSetting {
  /** Azure's short name, or one of your own. */
  readonly name: string
  /** Defaults to Azure's display name of a public region, else to the name. */
  readonly displayName?: string
  /** Folders as `file:` URLs, one replica in each at most; put them on different disks. */
  readonly stores: readonly string[]
}

/** Every setting of a server. */
export interface Config {
  /** Holds everything: database, keys, and the regions' stores unless they are placed elsewhere. */
  readonly dataFolder: string
  /** Address to listen at; beyond loopback every client must reach it by one of `hostNames`. */
  readonly host: string
  /** Port of the ARM endpoint; 0 takes a free one. */
  readonly port: number
  /** Port of the Blob endpoint; 0 takes a free one. */
  readonly blobPort: number
  /** More names and addresses for the server certificate. */
  readonly hostNames: readonly string[]
  readonly regions: readonly RegionSetting[]
  /** Hosts (exact, or `*.suffix`) from which a VHD may be imported. */
  readonly allowedVhdHosts: readonly string[]
  readonly rateLimits: RateLimits
  /** How long running requests and steps may take to end at shutdown, in ms. */
  readonly drainMs: number
  /** How often promises are compared with what the stores hold, in ms. */
  readonly reconcileIntervalMs: number
  /** The most that copies to other stores may carry in a second, in bytes, all together; 0 for no limit. */
  readonly replicationBytesPerSecond: number
  /** Every stored byte is read, and healed, once in this time, in ms; 0 for never. */
  readonly scrubIntervalMs: number
  /** The most that is read for that, in bytes per second, over all stores. */
  readonly scrubBytesPerSecond: number
  /** Of each store's disk this is kept free (5 % of a small disk): new bytes are refused before it is full. */
  readonly reserveBytes: number
  /** Stores whose disk is really new: an empty folder there is taken, once, where it would be told as a lost disk. */
  readonly adoptEmptyStores: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

/** The regions that Azure's guides use. */
export const DEFAULT_REGIONS = [
  'eastus',
  'eastus2',
  'westus',
  'westus2',
  'westus3',
  'centralus',
  'southcentralus',
  'northeurope',
  'westeurope',
  'southeastasia',
] as const

export const DEFAULT_PORT = 9443
export const DEFAULT_RESERVE_BYTES = 512 * 1024 * 1024

/** A configuration with every default filled in. */
export const configOf = (given: Partial<Config> & { readonly dataFolder: string }): Config => {
  const dataFolder = path.resolve(given.dataFolder)
  const port = given.port ?? DEFAULT_PORT
  return {
    host: '127.0.0.1',
    blobPort: port === 0 ? 0 : port + 1,
    hostNames: [],
    regions: DEFAULT_REGIONS.map(name => ({ name, stores: [defaultStore(dataFolder, name)] })),
    allowedVhdHosts: [],
    rateLimits: generousLimits,
    drainMs: 10_000,
    reconcileIntervalMs: 10 * 60_000,
    reserveBytes: DEFAULT_RESERVE_BYTES,
    adoptEmptyStores: [],
    replicationBytesPerSecond: 0,
    scrubIntervalMs: 30 * 24 * 3600 * 1000,
    scrubBytesPerSecond: 20 * 1024 * 1024,
    clock: systemClock,
    log: silentLog,
    ...given,
    dataFolder,
    port,
  }
}

/** Which stores the regions had when they were last used: on the disk of the data folder, apart from theirs. */
export const knownStoresFile = (dataFolder: string): string => path.join(dataFolder, 'stores.json')

/** Where a region's bytes lie unless configured otherwise. */
export const defaultStore = (dataFolder: string, region: string): string =>
  pathToFileURL(path.join(dataFolder, 'regions', region)).href
