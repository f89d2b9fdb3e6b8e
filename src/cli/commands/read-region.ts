import * as fs from 'node:fs/promises'
import { Command, Option } from 'commander'
import { type WritableFormat, writableFormats, writeDisk } from '#data-plane/disks/write-disk.ts'
import { durationText, partText, rateText, sizeText } from '../figures.ts'
import { formatOfName } from '../images/disk-file.ts'
import { findImage, imagesIn, type RegionImage, withReader } from '../images/region-images.ts'
import { requireSigned } from '../images/signed-image.ts'
import { requireTarget } from '../images/target-file.ts'
import { jsonOption, numberIn } from '../options.ts'
import { showProgress } from '../progress.ts'
import { interruptible, type Shell } from '../shell.ts'
import { tableOf } from '../table.ts'

interface ReadOptions {
  with: string
  json?: true
}

interface PullOptions extends ReadOptions {
  format?: WritableFormat
  lun?: number
  force?: true
  unsigned?: true
}

const withOption = () => new Option('--with <file>', 'what `region reader` wrote').makeOptionMandatory()

/** `opengallery region images`: what a region holds, asked of the region itself. */
export const regionImagesCommand = (shell: Shell): Command =>
  new Command('images')
    .summary('list the image versions that a region holds')
    .description('List the image versions that a region holds. It is asked itself: no server needs to run.')
    .addOption(withOption())
    .addOption(jsonOption())
    .action((options: ReadOptions) =>
      withReader(options.with, shell.clock, async store => {
        const images: RegionImage[] = []
        for await (const image of imagesIn(store)) images.push(image)
        const { terminal } = shell
        if (options.json) return terminal.result(JSON.stringify({ images }))
        if (images.length === 0) return terminal.result('It holds no image version.')
        const rows = images.map(({ version, slot, sizeBytes, dataBytes, manifest }) => [
          version,
          slot,
          sizeText(sizeBytes),
          sizeText(dataBytes),
          manifest.slice(0, 16),
        ])
        for (const line of tableOf(['Version', 'Disk', 'Size', 'Data', 'Manifest'], rows, terminal))
          terminal.result(line)
      }),
    )

/** `opengallery region pull`: a version becomes a disk image, read from a region itself. */
export const regionPullCommand = (shell: Shell): Command =>
  new Command('pull')
    .summary('write an image version to a disk image, from the region itself')
    .description(
      'Write an image version to a disk image. The bytes come from the region itself, each chunk checked against its SHA-256 on this side: no server needs to run.',
    )
    .argument('<version>', 'GROUP/GALLERY/DEFINITION[/VERSION]; without a version the highest')
    .argument('<file>', 'where to write; it appears only once it is whole')
    .addOption(withOption())
    .addOption(
      new Option('--format <format>', 'format of the file (default: by its name, else raw)').choices(writableFormats),
    )
    .option('--lun <number>', 'a data disk instead of the system disk', numberIn('--lun', 0, 63))
    .option('--force', 'replace a file that is there')
    .option('--unsigned', 'take a version that nobody has signed, too')
    .addOption(jsonOption())
    .action((version: string, file: string, options: PullOptions) =>
      interruptible(shell, signal => pull(shell, version, file, options, signal)),
    )

const pull = async (
  { terminal, clock }: Shell,
  wanted: string,
  file: string,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> => {
  await requireTarget(file, options.force === true)
  const format = options.format ?? formatOfName(file)
  await withReader(options.with, clock, async (store, { region, signers }) => {
    const startedMs = clock.now().getTime()
    const image = await findImage(store, wanted, options.lun === undefined ? undefined : `lun${options.lun}`)
    const signedBy = await requireSigned(store, image, signers, options.unsigned === true)
    terminal.say(`${image.version} ${image.slot} → ${file} (${format})`)
    using progress = showProgress(terminal, clock)
    const bar = progress.bar('download')
    const onProgress = (doneBytes: number, totalBytes: number) =>
      bar.update(doneBytes / totalBytes, partText(doneBytes, totalBytes))
    const unfinished = `${file}.unfinished-${process.pid}`
    const bytes = await store.open(image.manifest)
    try {
      await writeDisk(bytes, unfinished, format, { signal, onProgress })
      await fs.rename(unfinished, file)
    } finally {
      await bytes.close()
      await fs.rm(unfinished, { force: true })
    }
    bar.update(1)
    progress.close()
    const elapsedMs = clock.now().getTime() - startedMs
    const { version, slot, sizeBytes, manifest } = image
    if (options.json)
      return terminal.result(
        JSON.stringify({ version, slot, sizeBytes, manifest, signedBy, region, file, format, elapsedMs }),
      )
    const rate = rateText(sizeBytes, elapsedMs)
    terminal.result(
      `Pulled from ${region} in ${durationText(elapsedMs)}${rate && ` (${rate})`}: ${sizeBytes} bytes, each chunk checked${signedBy ? `, signed by ${signedBy.slice(0, 16)}` : ', not signed'}.`,
    )
  })
}
