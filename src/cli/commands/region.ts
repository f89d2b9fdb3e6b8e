import { Command, Option } from 'commander'
import { DEFAULT_RESERVE_BYTES } from '../../config.ts'
import { dataFolderOf } from '../client/server-access.ts'
import { consoleLog, type LogLevel, logLevels } from '../console-log.ts'
import { usageError } from '../failure.ts'
import { dataOption, sizeOf } from '../options.ts'
import { keepJoin, openJoin, writeJoin, writeReader } from '../server/join-file.ts'
import { regionName } from '../server/region-settings.ts'
import { portTaken, untilInterrupted } from '../server/serve.ts'
import type { DataOption, Shell } from '../shell.ts'
import { regionImagesCommand, regionPullCommand } from './read-region.ts'

interface RegionOptions extends DataOption {
  name?: string
  listen: string
  join?: string
  store?: string[]
  reserve?: number
  adoptEmptyStore?: string[]
  log: LogLevel
}

interface JoinOptions extends DataOption {
  name: string
  address: string
  out?: string
}

const examples = `
Examples, first on the gallery's machine, then on the region's, then again on the gallery's:
  $ opengallery region join --name westeurope --address eu.example.org:9500
  $ opengallery region --name westeurope --data /srv/region --listen 0.0.0.0:9500 --join westeurope.join
  $ opengallery start --region eastus --region westeurope=https://eu.example.org:9500/main

A region keeps its bytes and gives them to readers also while no gallery runs:
  $ opengallery region reader --name westeurope
  $ opengallery region pull images/gallery/web/1.0.0 web.raw --with westeurope.reader

The join file is kept in the data folder: later
starts need no --join.`

/** `opengallery region`: a region in a process of its own, in the foreground; `region join` lets it in. */
export const regionCommand = (shell: Shell): Command =>
  new Command('region')
    .summary('run a region on a machine of its own')
    .description('Run a region in a process of its own. A gallery elsewhere names its stores by their https URLs.')
    .enablePositionalOptions()
    .option('--name <region>', 'name of the region') // demanded below: commander would demand it of `join` as well
    .option('--data <folder>', "the region's own data folder (default: $OPENGALLERY_DATA or ./opengallery-data)")
    .option('--listen <host:port>', 'address to listen at; port 0 takes a free one', '127.0.0.1:9500')
    .option('--join <file>', 'what `region join` wrote; needed at the first start, and after a new join')
    .option(
      '--store <name=folder>',
      'a store on a disk of its own; may be repeated (default: main, in --data)',
      collect,
    )
    .option(
      '--reserve <size>',
      "keep so much free on each store's disk, 5 % of a small one: new data is refused before it is full (default: 512M)",
      sizeOf('--reserve'),
    )
    .option(
      '--adopt-empty-store <name...>',
      'take an empty folder of a store as new, where it held images before: the disk is gone for good',
    )
    .addOption(new Option('--log <level>', 'what to log to standard error').choices(logLevels).default('warn'))
    .addHelpText('after', examples)
    .action((options: RegionOptions) => run(shell, options))
    .addCommand(
      new Command('join')
        .summary('let a region in')
        .description("Make the file that a region starts with. Run it where the gallery's data folder is.")
        .requiredOption('--name <region>', 'name of the region')
        .requiredOption('--address <host:port>', 'where the gallery reaches the region')
        .option('--out <file>', 'the file to write (default: NAME.join); it must not exist')
        .addOption(dataOption())
        .action((options: JoinOptions) => join(shell, options)),
    )
    .addCommand(
      new Command('reader')
        .summary('let somebody read a region')
        .description(
          "Make the file with which a region's images are read, whether the gallery runs or not. Run it where the gallery's data folder is.",
        )
        .requiredOption('--name <region>', 'name of the region')
        .option('--out <file>', 'the file to write (default: NAME.reader); it must not exist')
        .addOption(dataOption())
        .action((options: ReaderOptions) => reader(shell, options)),
    )
    .addCommand(regionImagesCommand(shell))
    .addCommand(regionPullCommand(shell))

interface ReaderOptions extends DataOption {
  name: string
  out?: string
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]

const requireName = (name: string): void => {
  if (!regionName.test(name))
    throw usageError(`'${name}' is not a name of a region.`, 'Lower-case letters and digits, as in westeurope.')
}

/** `host:port`, an IPv6 address in brackets. */
const addressOf = (text: string): { host: string; port: number } => {
  const [, host = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text) ?? []
  if (host === '' || Number(digits) > 65_535) throw usageError(`'${text}' is not an address of the form host:port.`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(digits) }
}

const storesOf = (texts: readonly string[]): ReadonlyMap<string, string> => {
  const stores = new Map<string, string>()
  for (const text of texts) {
    const [, name = '', folder = ''] = /^([a-z0-9-]{1,40})=(.+)$/.exec(text) ?? []
    if (name === '' || stores.has(name))
      throw usageError(`'${text}' is not a store of its own.`, 'Write --store disk1=/disk1/westeurope.')
    stores.set(name, folder)
  }
  return stores
}

const join = async (shell: Shell, options: JoinOptions): Promise<void> => {
  requireName(options.name)
  const { host, port } = addressOf(options.address)
  const file = options.out ?? `${options.name}.join`
  await writeJoin(dataFolderOf(options, shell.env), options.name, host, file)
  const { result } = shell.terminal
  const brackets = host.includes(':') ? `[${host}]` : host
  result(`Wrote ${file}. It is a secret: carry it to the region's machine, and delete it here.`)
  result('')
  result('  There:')
  result(`    opengallery region --name ${options.name} --data FOLDER --listen 0.0.0.0:${port} --join ${file}`)
  result('  Then here, beside the other regions:')
  result(`    opengallery start --region ${options.name}=https://${brackets}:${port}/main`)
}

const reader = async (shell: Shell, options: ReaderOptions): Promise<void> => {
  requireName(options.name)
  const file = options.out ?? `${options.name}.reader`
  await writeReader(dataFolderOf(options, shell.env), options.name, file)
  shell.terminal.result(
    `Wrote ${file}. It is a secret; it lets who has it read images in ${options.name}, and do nothing else:`,
  )
  shell.terminal.result(`    opengallery region images --with ${file}`)
  shell.terminal.result(`    opengallery region pull GROUP/GALLERY/DEFINITION/VERSION disk.raw --with ${file}`)
}

const run = async (shell: Shell, options: RegionOptions): Promise<void> => {
  const { name } = options
  if (name === undefined) throw usageError('--name is missing.', 'Write opengallery region --name westeurope.')
  requireName(name)
  const { host, port } = addressOf(options.listen)
  const dataFolder = dataFolderOf(options, shell.env)
  const joined = await openJoin(dataFolder, name, options.join)
  const { startRegion } = await import('../../region.ts')
  const region = await startRegion({
    dataFolder,
    join: joined,
    host,
    port,
    ...(options.store && { stores: storesOf(options.store) }),
    reserveBytes: options.reserve ?? DEFAULT_RESERVE_BYTES,
    ...(options.adoptEmptyStore && { adoptEmptyStores: options.adoptEmptyStore }),
    clock: shell.clock,
    log: consoleLog(shell, options.log),
  }).catch(error => {
    throw portTaken(error, 'Choose another one with --listen.')
  })
  if (options.join !== undefined) await keepJoin(dataFolder, joined)
  for (const store of region.stores)
    shell.terminal.result(`Region ${region.region} listens at port ${region.port}, store ${store}.`)
  await untilInterrupted(shell, () => region.stop())
}
