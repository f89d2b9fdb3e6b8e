import { Command, Option } from 'commander'
import type { Client } from '../client/open-client.ts'
import { durationText, rateText, sizeText } from '../figures.ts'
import { type DiskFormat, diskFormats, formatOfName, writeAs } from '../images/disk-file.ts'
import { parseVersion } from '../images/image-ids.ts'
import { pullImage, resolveVersion } from '../images/pull-image.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import { type DataOption, interruptible, type Shell, withClient } from '../shell.ts'

interface PullOptions extends DataOption {
  format?: DiskFormat
  region?: string
  force?: true
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
      new Option('--format <format>', 'format of the file (default: by its name, else raw)').choices(diskFormats),
    )
    .option('--region <name>', 'read from the replicas of this region (default: the first of the version)')
    .option('--force', 'replace a file that is there')
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
  const progress = showProgress(terminal, clock)
  const pulled = await writeAs(format, file, options.force === true, async rawFile => {
    const version = await resolveVersion(client, place, wanted, options.region)
    terminal.say(`${place.group}/${place.gallery}/${place.definition} ${version} → ${file} (${format})`)
    const bar = progress.bar('download')
    const order = { place, version, ...(options.region !== undefined && { region: options.region }) }
    const pulled = await pullImage(client, order, rawFile, {
      signal,
      onProgress: (doneBytes, totalBytes) => {
        const elapsedMs = clock.now().getTime() - startedMs
        bar.update(
          doneBytes / totalBytes,
          `${sizeText(doneBytes)} of ${sizeText(totalBytes)}, ${rateText(doneBytes, elapsedMs)}`,
        )
      },
    })
    bar.update(1)
    bar.end(`${sizeText(pulled.dataBytes)} of data, the rest is zeros`)
    return { version, ...pulled }
  })
  progress.close()
  const elapsedMs = clock.now().getTime() - startedMs
  if (options.json) return terminal.result(JSON.stringify({ ...pulled, file, format, elapsedMs }))
  const { region, sizeBytes, sha256, isAsPublished } = pulled
  const rate = rateText(sizeBytes, elapsedMs)
  terminal.say(
    `Pulled from ${region} in ${durationText(elapsedMs)}${rate && ` (${rate})`}: ${sizeBytes} bytes, ${isAsPublished ? 'as they were published' : 'nothing was noted to compare them with'}.`,
  )
  terminal.result(`sha256:${sha256}`)
}
