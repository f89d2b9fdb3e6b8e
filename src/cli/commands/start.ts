import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { Command, Option } from 'commander'
import {
  type Config,
  configOf,
  DEFAULT_PORT,
  DEFAULT_PUBLIC_ADDRESSES,
  LONGEST_ACTIVITY_DAYS,
  publicAddressRange,
  rateLimitsOf,
} from '../../config.ts'
import type { RunningServer } from '../../main.ts'
import { dataFolderOf } from '../client/server-access.ts'
import { consoleLog, type LogLevel, logLevels } from '../console-log.ts'
import { usageError } from '../failure.ts'
import { dataOption, numberIn, sizeOf } from '../options.ts'
import { issuersIn } from '../server/issuer-settings.ts'
import { keepRegions, parseRegions, readRegions, storeUrl } from '../server/region-settings.ts'
import { portTaken, serveUntilInterrupted } from '../server/serve.ts'
import type { DataOption, Shell } from '../shell.ts'
import { shellWord } from '../shell-word.ts'
import { addMachineOptions, type MachineOptions, machineSettings } from './machine-options.ts'

interface StartOptions extends DataOption, MachineOptions {
  port: number
  blobPort?: number
  host: string
  hostName?: string[]
  region?: string[]
  allowVhdHost?: string[]
  issuers?: string
  publicAddresses?: string
  reserve?: number
  replicationRate?: number
  separateCopies?: true
  scrubDays?: number
  scrubRate?: number
  adoptEmptyStore?: string[]
  requireSigned?: true
  activityDays?: number
  rateLimit?: number
  log: LogLevel
}

const examples = `
Examples:
  $ opengallery start
  $ opengallery start --data /srv/gallery --port 443 --host 0.0.0.0 --host-name gallery.example.org
  $ opengallery start --region eastus=/disk1/eastus,/disk2/eastus --region westeurope=/mnt/europe

Regions are kept in the data folder: a later start needs no --region. Ctrl+C lets running work reach a safe point; what is
unfinished goes on at the next start. A second Ctrl+C leaves at once, which loses nothing either.`

/** `opengallery start`: a server in the foreground. */
export const startCommand = (shell: Shell): Command => addMachineOptions(serverOptions(shell))

const serverOptions = (shell: Shell): Command =>
  new Command('start')
    .summary('run a server')
    .description('Run a server in the foreground. The first start makes a tenant, a subscription and an administrator.')
    .addOption(dataOption())
    .option(
      '--port <number>',
      'port of the Resource Manager endpoint; 0 takes a free one',
      numberIn('--port', 0, 65535),
      DEFAULT_PORT,
    )
    .option(
      '--blob-port <number>',
      'port of the Blob endpoint (default: the next one)',
      numberIn('--blob-port', 0, 65535),
    )
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--host-name <name...>', 'more names and addresses for the server certificate')
    .option(
      '--region <name=folder,...>',
      'a region and its stores: folders on different disks, or https://host:port/main; may be repeated',
      collect,
    )
    .option(
      '--issuers <file>',
      'outside issuers whose tokens are taken (default: issuers.json in the data folder, if it is there; see docs/identity.md)',
    )
    .option('--allow-vhd-host <host...>', 'hosts from which a VHD may be imported (exact, or *.suffix)')
    .option(
      '--public-addresses <range>',
      `addresses of this host for public IP addresses, as CIDR (default: ${DEFAULT_PUBLIC_ADDRESSES})`,
    )
    .option(
      '--reserve <size>',
      'what stays free on each disk before new bytes are refused (default: 512M)',
      sizeOf('--reserve'),
    )
    .option(
      '--replication-rate <size>',
      'the most that copies to other stores carry in a second, all together (default: no limit)',
      sizeOf('--replication-rate'),
    )
    .option(
      '--separate-copies',
      'regions on one file system get bytes of their own, where they would have files in common',
    )
    .option(
      '--scrub-days <number>',
      'in how many days every stored byte is read, and healed, once; 0 for never (default: 30)',
      numberIn('--scrub-days', 0, 3650),
    )
    .option('--scrub-rate <size>', 'the most that is read for that in a second (default: 20M)', sizeOf('--scrub-rate'))
    .option(
      '--adopt-empty-store <folder...>',
      'an empty folder is a new disk, once: without this it is told as one that is not mounted',
    )
    .option('--require-signed', 'use no bytes of an image version that is not signed: see docs/provenance.md')
    .option(
      '--activity-days <number>',
      'how long the activity log keeps a record (default: 90)',
      numberIn('--activity-days', 1, LONGEST_ACTIVITY_DAYS),
    )
    .option(
      '--rate-limit <number>',
      'reads a second that one principal may send to one subscription; writes and deletes a fifth of it (default: 12000)',
      numberIn('--rate-limit', 1, 1_000_000),
    )
    .addOption(new Option('--log <level>', 'what to log to standard error').choices(logLevels).default('warn'))
    .addHelpText('after', examples)
    .action((options: StartOptions) => start(shell, options))

const DAY_MS = 24 * 3600 * 1000

const collect = (value: string, before: string[] = []): string[] => [...before, value]

const start = async (shell: Shell, options: StartOptions): Promise<void> => {
  const dataFolder = dataFolderOf(options, shell.env)
  const given = options.region && parseRegions(options.region, dataFolder)
  const regions = given ?? (await readRegions(dataFolder))
  const issuers = await issuersIn(options.issuers, dataFolder)
  const config = configOf({
    dataFolder,
    issuers,
    port: options.port,
    host: options.host,
    machines: machineSettings(options),
    clock: shell.clock,
    log: consoleLog(shell, options.log),
    ...(options.blobPort !== undefined && { blobPort: options.blobPort }),
    ...(options.hostName && { hostNames: options.hostName }),
    ...(options.allowVhdHost && { allowedVhdHosts: options.allowVhdHost }),
    ...(regions && { regions }),
    ...(options.publicAddresses !== undefined && { publicAddresses: options.publicAddresses }),
    ...(options.replicationRate !== undefined && { replicationBytesPerSecond: options.replicationRate }),
    ...(options.separateCopies && { separateCopies: true }),
    ...(options.scrubDays !== undefined && { scrubIntervalMs: options.scrubDays * DAY_MS }),
    ...(options.scrubRate && { scrubBytesPerSecond: options.scrubRate }),
    ...(options.activityDays !== undefined && { activityRetentionDays: options.activityDays }),
    ...(options.rateLimit !== undefined && { rateLimits: rateLimitsOf(options.rateLimit) }),
    ...(options.reserve !== undefined && { reserveBytes: options.reserve }),
    requireSigned: options.requireSigned === true,
    ...(options.adoptEmptyStore && { adoptEmptyStores: options.adoptEmptyStore.map(storeUrl) }),
  })
  requireConfigured(config)
  requireAddresses(config)
  if (config.blobPort > 65_535)
    throw usageError('There is no port behind --port for blobs.', 'Name one with --blob-port.')
  const { startServer } = await import('../../main.ts') // here, not above: the other commands need not load a server
  const server = await startServer(config).catch(error => {
    throw portTaken(error, 'Is that a server of yours? Else choose other ports with --port and --blob-port.')
  })
  if (given) await keepRegions(dataFolder, given)
  const names = config.regions.map(region => region.name)
  for (const line of banner(shell, server, names)) shell.terminal.result(line)
  await serveUntilInterrupted(shell, server)
}

/** A misspelt folder must not be taken for the one whose protection is to end. */
const requireConfigured = ({ adoptEmptyStores, regions }: Config): void => {
  const stores = regions.flatMap(region => region.stores)
  const stranger = adoptEmptyStores.find(url => !stores.includes(url))
  if (stranger === undefined) return
  throw usageError(`${stranger} is no store of any region.`, `The stores are: ${stores.join(', ')}`)
}

const requireAddresses = ({ publicAddresses }: Config): void => {
  try {
    publicAddressRange(publicAddresses)
  } catch (error) {
    throw usageError(`--public-addresses: ${(error as Error).message}`)
  }
}

const banner = ({ terminal, env }: Shell, server: RunningServer, regions: readonly string[]): string[] => {
  const { style } = terminal
  const field = (name: string, value: string) => `  ${style('dim', name.padEnd(13))} ${value}`
  const { admin, dataFolder } = server
  const data = dataFolder === dataFolderOf({}, env) ? '' : ` --data ${shellWord(dataFolder)}`
  const command = commandName(env)
  return [
    '',
    `  ${style(['bold', 'cyan'], 'OpenGallery')} is up.`,
    '',
    field('Resource Mgr', style('bold', server.url)),
    field('Blobs', server.blobUrl),
    field('Data folder', dataFolder),
    field('Regions', wrapped(regions)),
    field('Tenant', admin.tenantId),
    field('Subscription', admin.subscriptionId),
    field('Client id', admin.clientId),
    ...secretOf(server).map(([name, value]) => field(name, value)),
    '',
    '  Next, in another terminal:',
    `    ${style('cyan', `eval "$(${command} env --login${data})"`)}   then use az as ever`,
    `    ${style('cyan', `${command} publish disk.vhd --definition web${data}`)}`,
    '',
    style('dim', '  Ctrl+C stops the server.'),
    '',
  ]
}

/** The secret itself only once: what a terminal shows may be kept in logs. */
const secretOf = ({ admin: { clientSecret }, firstStart }: RunningServer): [name: string, value: string][] => {
  if (clientSecret === undefined) return []
  if (!firstStart) return [['Secret', 'in admin.json of the data folder']]
  return [
    ['Secret', clientSecret],
    ['', 'shown this once; admin.json in the data folder has it too'],
  ]
}

/** How this command is called by hand: by its name where it is on the path, in a checkout through npx. */
const commandName = ({ PATH = '' }: Shell['env']): string => {
  const folders = PATH.split(path.delimiter).filter(folder => !folder.includes('node_modules')) // npm adds those for its scripts
  return folders.some(folder => existsSync(path.join(folder, 'opengallery'))) ? 'opengallery' : 'npx opengallery'
}

const regionsPerLine = 5

const wrapped = (names: readonly string[]): string => {
  const lines: string[] = []
  for (let at = 0; at < names.length; at += regionsPerLine) lines.push(names.slice(at, at + regionsPerLine).join(', '))
  return lines.join(`,\n${' '.repeat(16)}`)
}
