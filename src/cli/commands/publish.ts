import { Command, Option } from 'commander'
import { diskFormatNames } from '#data-plane/disks/inspect.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Client } from '../client/open-client.ts'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { openDiskFile, openOverlayFile } from '../images/disk-file.ts'
import { firmwareOf } from '../images/firmware.ts'
import { publishBars } from '../images/publish-bars.ts'
import { type Content, type Published, publishImage } from '../images/publish-image.ts'
import type { UploadStart } from '../images/upload-disk.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import { interruptible, type Shell, withClient } from '../shell.ts'
import { type PublishOptions, publishBase, publishOrder } from './publish-order.ts'

const examples = `
Examples:
  $ opengallery publish disk.vhd --definition web
  $ opengallery publish server.qcow2 --definition web --version 1.2.0 --regions eastus=2,westeurope
  $ opengallery publish disk.raw --definition web                       sends what differs from the latest version of web
  $ opengallery publish overlay.qcow2 --definition web --base 1.2.0     what a machine changed of a version that it started from
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
    .option(
      '--base <version>',
      'send only what differs from this version: a number, latest, a resource id or GROUP/GALLERY/DEFINITION/VERSION; what a qcow2 overlay lies on (default: the latest version there)',
    )
    .option('--no-base', 'send all of the image')
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
  const { content, base, sizeBytes, format, firmware, close } = await contentOf(client, file, options)
  try {
    const found = await publishOrder(client, firmware, options, what => terminal.say(`Made ${what}.`))
    const order = base ? { ...found, base } : found
    const { place } = order
    terminal.say(
      `${file}: ${sizeText(sizeBytes)} (${format}) → ${place.group}/${place.gallery}/${place.definition} ${order.version}`,
    )
    using progress = showProgress(terminal, clock)
    const watch = publishBars(progress, order, sizeBytes, clock)
    const published = await publishImage(client, order, content, { ...watch, signal })
    watch.done(published.bytes)
    progress.close()
    tell(shell, published, clock.now().getTime() - startedMs, options.json === true)
  } finally {
    await close()
  }
}

interface Opened {
  readonly content: Content
  readonly base?: UploadStart | undefined
  readonly sizeBytes: number
  readonly format: string
  firmware(): Promise<string>
  close(): Promise<void>
}

const contentOf = async (client: Client, file: string, options: PublishOptions): Promise<Opened> => {
  const { base: named, format: given } = options
  const overlay = named ? await openOverlayFile(file, given) : undefined
  const { bytes, format } = overlay ? { bytes: overlay, format: 'overlay' } : await openDiskFile(file, given)
  const close = () => bytes.close()
  try {
    const base = named ? await publishBase(client, named, options) : undefined
    const { sizeBytes } = bytes
    if (!('changes' in bytes)) {
      const wished = base && { id: base.id, isWished: true }
      return { content: bytes, base: wished, sizeBytes, format, firmware: () => firmwareOf(bytes), close }
    }
    invariant(base, 'An overlay is only looked for on top of a base')
    const content = { base: base.id, change: bytes }
    return { content, sizeBytes, format, firmware: async () => base.firmware, close }
  } catch (error) {
    await close()
    throw error
  }
}

const tell = ({ terminal }: Shell, published: Published, elapsedMs: number, isJson: boolean): void => {
  const { id, sizeBytes, sentBytes, base, differingBytes, sha256, bytes } = published
  if (isJson) {
    terminal.result(JSON.stringify({ id, sizeBytes, sentBytes, base, differingBytes, sha256, elapsedMs, ...bytes }))
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
