import * as os from 'node:os'
import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import { generousLimits, type RateLimits } from '#arm/rate-limit.ts'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { hasAddress, type Ipv4Range, ipv4Number, isWithin, parseIpv4Range } from '#foundation/ipv4.ts'
import { type Log, silentLog } from '#foundation/log.ts'
import { type OutsideIssuer, readIssuers } from '#identity/federation/outside-issuer.ts'
import { defaultMachineLimits, type MachineLimits } from '#providers/Microsoft.Compute/machine-hosting.ts'

export interface RegionSetting {
  /** Azure's short name, or one of your own. */
  readonly name: string
  /** Defaults to Azure's display name of a public region, else to the name. */
  readonly displayName?: string
  /** One replica in each at most: folders as `file:` URLs, on different disks, or `https:` URLs of stores in a region's own process. */
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
  /** The addresses of this host that public IP addresses are given: a range in CIDR notation, of the loopback network or the host's own. */
  readonly publicAddresses: string
  /** Hosts (exact, or `*.suffix`) from which a VHD may be imported. */
  readonly allowedVhdHosts: readonly string[]
  /** Whose tokens are taken beside the server's own. */
  readonly issuers: readonly OutsideIssuer[]
  readonly rateLimits: RateLimits
  /** How long the activity log keeps a record, in days. */
  readonly activityRetentionDays: number
  /** How long running requests and steps may take to end at shutdown, in ms. */
  readonly drainMs: number
  /** How often promises are compared with what the stores hold, in ms. */
  readonly reconcileIntervalMs: number
  /** How often regions are asked whether they are there, in ms: one that comes back is brought up to date at once. */
  readonly lookIntervalMs: number
  /** The most that copies to other stores may carry in a second, in bytes, all together; 0 for no limit. */
  readonly replicationBytesPerSecond: number
  /** Every region's copy has bytes of its own; else regions on one file system have finished packs in common, by hard links. */
  readonly separateCopies: boolean
  /** Every stored byte is read, and healed, once in this time, in ms; 0 for never. */
  readonly scrubIntervalMs: number
  /** The most that is read for that, in bytes per second, over all stores. */
  readonly scrubBytesPerSecond: number
  /** Of each store's disk this is kept free (5 % of a small disk): new bytes are refused before it is full. */
  readonly reserveBytes: number
  /** Stores whose disk is really new: an empty folder there is taken, once, where it would be told as a lost disk. */
  readonly adoptEmptyStores: readonly string[]
  /** Bytes of image versions without a signature are not used. */
  readonly requireSigned: boolean
  readonly machines: MachineSettings
  readonly clock: Clock
  readonly log: Log
}

/** What virtual machines may have of the host, and of what. */
export interface MachineSettings extends MachineLimits {
  /** Cores and memory of all machines that run: more than the host has, as guests idle most of the time and touch little. */
  readonly cores: number
  readonly memoryMiB: number
  /** Guests reach whatever the host reaches, its own services and networks included. */
  readonly outwardNetwork: boolean
  /** How often it is looked whether machines are as they should be, in ms; a change of a network is noticed at once. */
  readonly lookIntervalMs: number
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
export const DEFAULT_PUBLIC_ADDRESSES = '127.10.0.0/16'
/** As long as any server can be told to keep its activity log, in days. */
export const LONGEST_ACTIVITY_DAYS = 3650
export const DEFAULT_RESERVE_BYTES = 512 * 1024 * 1024

const MIB = 2 ** 20

/** Every core eight times, and half as much memory again as there is. */
export const defaultMachines = (): MachineSettings => ({
  ...defaultMachineLimits,
  cores: os.availableParallelism() * 8,
  memoryMiB: Math.floor((os.totalmem() / MIB) * 1.5),
  outwardNetwork: false,
  lookIntervalMs: 30_000,
})

/** A configuration with every default filled in. */
export const configOf = (given: Partial<Config> & { readonly dataFolder: string }): Config => {
  const dataFolder = path.resolve(given.dataFolder)
  const port = given.port ?? DEFAULT_PORT
  return {
    host: '127.0.0.1',
    blobPort: port === 0 ? 0 : port + 1,
    hostNames: [],
    regions: DEFAULT_REGIONS.map(name => ({ name, stores: [defaultStore(dataFolder, name)] })),
    publicAddresses: DEFAULT_PUBLIC_ADDRESSES,
    allowedVhdHosts: [],
    issuers: [],
    rateLimits: generousLimits,
    activityRetentionDays: 90,
    drainMs: 10_000,
    reconcileIntervalMs: 10 * 60_000,
    lookIntervalMs: 5000,
    reserveBytes: DEFAULT_RESERVE_BYTES,
    adoptEmptyStores: [],
    requireSigned: false,
    replicationBytesPerSecond: 0,
    separateCopies: false,
    scrubIntervalMs: 30 * 24 * 3600 * 1000,
    scrubBytesPerSecond: 20 * 1024 * 1024,
    machines: defaultMachines(),
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

/** Limits for so many reads a second, with five seconds' worth at once, as the usual ones are. */
export const rateLimitsOf = (readsPerSecond: number): RateLimits => {
  const reads = { burst: readsPerSecond * 5, perSecond: readsPerSecond }
  const writes = { burst: Math.max(1, readsPerSecond), perSecond: Math.max(1, readsPerSecond / 5) }
  return { ...generousLimits, reads, writes, deletes: writes }
}

/** The outside issuers of a settings file; throws an Error that says what is wrong. */
export const parseIssuers = (text: string): OutsideIssuer[] => readIssuers(text)

const LOOPBACK = parseIpv4Range('127.0.0.0/8') as Ipv4Range

/**
 * The range that public IP addresses come from. Every address must be one that this host answers at: of the loopback network, or
 * among those of its interfaces. Throws an Error that says what is wrong.
 */
export const publicAddressRange = (text: string, interfaces = os.networkInterfaces()): Ipv4Range => {
  const range = parseIpv4Range(text)
  if (!range) throw new Error(`'${text}' is no range of IPv4 addresses like ${DEFAULT_PUBLIC_ADDRESSES}.`)
  if (isWithin(LOOPBACK, range)) return range
  const own = Object.values(interfaces).flatMap(addresses => (addresses ?? []).map(({ address }) => address))
  const inRange = new Set(own.filter(address => hasAddress(range, ipv4Number(address) ?? -1)))
  const size = range.last - range.first + 1
  if (inRange.size === size) return range
  throw new Error(
    `This host has ${inRange.size} of the ${size} addresses of ${text}. Take a range of 127.0.0.0/8, or give the addresses to one of its interfaces first.`,
  )
}
