import { Command, Option } from 'commander'
import { diskFormatNames } from '#data-plane/disks/inspect.ts'
import type { Client } from '../client/open-client.ts'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { openDiskFile } from '../images/disk-file.ts'
import { publishBars } from '../images/publish-bars.ts'
import { type Published, publishImage } from '../images/publish-image.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import { interruptible, type Shell, withClient } from '../shell.ts'
import { type PublishOptions, publishOrder } from './publish-order.ts'

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
  const { bytes: image, format } = await openDiskFile(file, options.format)
  try {
    const order = await publishOrder(client, image, options, what => terminal.say(`Made ${what}.`))
    const { place } = order
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
  for (const { region, details } of published.replication)
    if (details) terminal.say(`${terminal.style('yellow', 'note:')} ${region}: ${details}`)
  terminal.result(id)
}
