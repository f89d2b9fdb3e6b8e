import { Command, Option } from 'commander'
import { type WritableFormat, writableFormats } from '#data-plane/disks/write-disk.ts'
import type { Client } from '../client/open-client.ts'
import { durationText, partText, rateText } from '../figures.ts'
import { formatOfName } from '../images/disk-file.ts'
import { parseVersion } from '../images/image-ids.ts'
import { type Pulled, pullImage, resolveVersion } from '../images/pull-image.ts'
import { requireTarget } from '../images/target-file.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import { type DataOption, interruptible, type Shell, withClient } from '../shell.ts'
import type { Terminal } from '../terminal.ts'

interface PullOptions extends DataOption {
  format?: WritableFormat
  region?: string
  force?: true
  flush: boolean
  json?: true
}

const examples = `
Examples:
  $ opengallery pull images/gallery/web web.raw                    the latest version
  $ opengallery pull images/gallery/web/1.0.0 web.qcow2 --region westeurope
  $ opengallery pull /subscriptions/.../versions/1.0.0 web.img --format vhd`

/** `opengallery pull VERSION FILE`: a version becomes a local disk image again. */
export const pullCommand = (shell: Shell): Command =>
  new Command('pull')
    .summary('write an image version to a disk image')
    .description('Write an image version to a disk image, and check its size and SHA-256.')
    .argument('<version>', 'a resource id, or GROUP/GALLERY/DEFINITION[/VERSION]; without a version the latest')
    .argument('<file>', 'where to write; it appears only once it is whole')
    .addOption(
      new Option('--format <format>', 'format of the file (default: by its name, else raw)').choices(writableFormats),
    )
    .option('--region <name>', 'read from the replicas of this region (default: the first of the version)')
    .option('--force', 'replace a file that is there')
    .option(
      '--no-flush',
      'let the system write to the disk when it likes, as cp does: quicker, lost if the power fails',
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText('after', examples)
    .action((version: string, file: string, options: PullOptions) =>
      withClient(shell, options, client =>
        interruptible(shell, signal => pull(shell, client, version, file, options, signal)),
      ),
    )

const pull = async (
  { terminal, clock }: Shell,
  client: Client,
  text: string,
  file: string,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> => {
  const startedMs = clock.now().getTime()
  const format = options.format ?? formatOfName(file)
  const { version: wanted, ...place } = parseVersion(text, client.access.subscriptionId)
  await requireTarget(file, options.force === true)
  const version = await resolveVersion(client, place, wanted, options.region)
  terminal.say(`${place.group}/${place.gallery}/${place.definition} ${version} → ${file} (${format})`)
  using progress = showProgress(terminal, clock)
  const bar = progress.bar('download')
  const order = { place, version, ...(options.region !== undefined && { region: options.region }) }
  const onProgress = (doneBytes: number, totalBytes: number) => {
    const rate = rateText(doneBytes, clock.now().getTime() - startedMs)
    bar.update(doneBytes / totalBytes, `${partText(doneBytes, totalBytes)}, ${rate}`)
  }
  const pulled = await pullImage(client, order, { file, format, flushes: options.flush }, { signal, onProgress })
  bar.update(1)
  bar.end(`${partText(pulled.dataBytes, pulled.sizeBytes)} are data, the rest is zeros`)
  progress.close()
  const elapsedMs = clock.now().getTime() - startedMs
  if (options.json) terminal.result(JSON.stringify({ version, ...pulled, file, format, elapsedMs }))
  else tell(terminal, pulled, elapsedMs)
}

const tell = (terminal: Terminal, { region, sizeBytes, sha256, isChecked }: Pulled, elapsedMs: number): void => {
  const rate = rateText(sizeBytes, elapsedMs)
  const check = isChecked ? 'exactly as published' : 'no digest was noted when it was published'
  terminal.say(
    `Pulled from ${region} in ${durationText(elapsedMs)}${rate && ` (${rate})`}: ${sizeBytes} bytes, ${check}.`,
  )
  terminal.result(`sha256:${sha256}`)
}
