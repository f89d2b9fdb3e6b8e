import { Command, Option } from 'commander'
import { type DiskFormatName, diskFormatNames } from '#data-plane/disks/inspect.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { Client } from '../client/open-client.ts'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { openDiskFile } from '../images/disk-file.ts'
import { ensureDefinition } from '../images/ensure-definition.ts'
import { firmwareOf } from '../images/firmware.ts'
import { type DefinitionPlace, definitionId, parseDefinition } from '../images/image-ids.ts'
import { publishBars } from '../images/publish-bars.ts'
import { type Published, type PublishOrder, publishImage } from '../images/publish-image.ts'
import { byNumbers } from '../images/pull-image.ts'
import { parseRegions, shortName, type TargetRegion } from '../images/target-regions.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import { type DataOption, interruptible, type Shell, withClient } from '../shell.ts'

interface PublishOptions extends DataOption {
  definition: string
  group: string
  gallery: string
  version?: string
  format?: DiskFormatName
  regions?: string
  location?: string
  osType: string
  osState: string
  hyperVGeneration?: string
  publisher?: string
  offer?: string
  sku?: string
  endOfLife?: string
  excludeFromLatest?: true
  json?: true
}

const examples = `
Examples:
  $ opengallery publish disk.vhd --definition web
  $ opengallery publish server.qcow2 --definition web --version 1.2.0 --regions eastus=2,westeurope
  $ opengallery publish win.vhdx --definition win --os-type Windows --group images --gallery corp

Resource group, gallery and definition are made where they are missing.`

/** `opengallery publish FILE`: a local disk image becomes a version. */
export const publishCommand = (shell: Shell): Command =>
  new Command('publish')
    .summary('publish a disk image as an image version')
    .description('Publish a disk image (raw, VHD, VHDX, qcow2, VMDK) as a version of an image definition.')
    .argument('<file>', 'the disk image')
    .requiredOption('--definition <id|name>', 'image definition, by resource id or by name')
    .option('--group <name>', 'resource group of a definition given by name', 'images')
    .option('--gallery <name>', 'gallery of a definition given by name', 'gallery')
    .option('--version <x.y.z>', 'version to publish (default: one patch above the highest)')
    .addOption(new Option('--format <format>', 'format of the file (default: by its content)').choices(diskFormatNames))
    .option('--regions <list>', 'target regions with replicas: eastus=2,westeurope (default: the location)')
    .option('--location <region>', 'where the version lives (default: the first of --regions)')
    .option('--os-type <type>', 'of a new definition: Linux or Windows', 'Linux')
    .option('--os-state <state>', 'of a new definition: Generalized or Specialized', 'Generalized')
    .option('--hyper-v-generation <V1|V2>', 'of a new definition (default: V2 if the disk has a GUID partition table)')
    .option('--publisher <name>', 'of a new definition (default: the gallery)')
    .option('--offer <name>', 'of a new definition (default: the definition)')
    .option('--sku <name>', 'of a new definition (default: the definition)')
    .option('--end-of-life <date>', 'end-of-life date of the version')
    .option('--exclude-from-latest', 'keep the version out of "latest"')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText('after', examples)
    .action((file: string, options: PublishOptions) =>
      withClient(shell, options, client =>
        interruptible(shell, signal => publish(shell, client, file, options, signal)),
      ),
    )

const publish = async (
  shell: Shell,
  client: Client,
  file: string,
  options: PublishOptions,
  signal: AbortSignal,
): Promise<void> => {
  const { terminal, clock } = shell
  const startedMs = clock.now().getTime()
  const { subscriptionId } = client.access
  const place = parseDefinition(options.definition, { subscriptionId, group: options.group, gallery: options.gallery })
  const { bytes: image, format } = await openDiskFile(file, options.format)
  try {
    const order = await orderOf(shell, client, place, image, options)
    terminal.say(
      `${file}: ${sizeText(image.sizeBytes)} (${format}) → ${place.group}/${place.gallery}/${place.definition} ${order.version}`,
    )
    using progress = showProgress(terminal, clock)
    const watch = publishBars(progress, order, image.sizeBytes, clock)
    const published = await publishImage(client, order, image, { ...watch, signal })
    watch.done(published.bytes)
    progress.close()
    tell(shell, published, clock.now().getTime() - startedMs, options.json === true)
  } finally {
    await image.close()
  }
}

const orderOf = async (
  { terminal }: Shell,
  client: Client,
  place: DefinitionPlace,
  image: SparseBytes,
  options: PublishOptions,
): Promise<PublishOrder> => {
  const named = options.regions === undefined ? [] : parseRegions(options.regions)
  const location = shortName(options.location ?? named[0]?.name ?? (await firstLocation(client)))
  const definition = await ensureDefinition(
    client.arm,
    place,
    {
      location,
      osType: options.osType,
      osState: options.osState,
      hyperVGeneration: options.hyperVGeneration ?? (await firmwareOf(image)),
      publisher: options.publisher ?? place.gallery,
      offer: options.offer ?? place.definition,
      sku: options.sku ?? place.definition,
    },
    what => terminal.say(`Made ${what}.`),
  )
  const regions: TargetRegion[] = named.length > 0 ? named : [{ name: location, regionalReplicaCount: 1 }]
  return {
    place,
    definition,
    location,
    regions,
    version: options.version ?? (await nextVersion(client, place)),
    publishingProfile: {
      ...(options.endOfLife !== undefined && { endOfLifeDate: options.endOfLife }),
      ...(options.excludeFromLatest && { excludeFromLatest: true }),
    },
  }
}

const firstLocation = async ({ arm, access }: Client): Promise<string> =>
  (await arm.list(`/subscriptions/${access.subscriptionId}/locations`))[0].name

const nextVersion = async ({ arm }: Client, place: DefinitionPlace): Promise<string> => {
  const versions = await arm.list(`${definitionId(place)}/versions`)
  const highest: string | undefined = versions
    .map(({ name }) => name)
    .sort(byNumbers)
    .at(-1)
  const [major, minor, patch] = highest?.split('.').map(Number) ?? []
  return patch === undefined ? '1.0.0' : `${major}.${minor}.${patch + 1}`
}

const tell = ({ terminal }: Shell, published: Published, elapsedMs: number, isJson: boolean): void => {
  const { id, sizeBytes, sentBytes, sha256, bytes } = published
  if (isJson) {
    terminal.result(JSON.stringify({ id, sizeBytes, sentBytes, sha256, elapsedMs, ...bytes }))
    return
  }
  const rate = rateText(sizeBytes, elapsedMs)
  terminal.say(
    `Published in ${durationText(elapsedMs)}${rate && ` (${rate})`}: ${partText(bytes.newBytes, sizeBytes)} were new.`,
  )
  terminal.result(id)
}
