import { Argument, Command, Option } from 'commander'
import { commandFor } from '#data-plane/catalog/catalog.ts'
import { catalogFile, offeredImages, readCatalog } from '#data-plane/catalog/catalog-file.ts'
import { type CatalogImage, fetchedOnUse, fileOf } from '#data-plane/catalog/catalog-image.ts'
import { urnOf } from '#data-plane/catalog/image-name.ts'
import { diskFormatNames } from '#data-plane/disks/inspect.ts'
import { nodeFiles } from '#foundation/files.ts'
import { type AddOptions, addImage } from '../catalog/add-image.ts'
import { builders, buildImage } from '../catalog/build-image.ts'
import { fetchNamed } from '../catalog/fetch-named.ts'
import { versionsOf } from '../catalog/find-image.ts'
import { removeImages } from '../catalog/remove-image.ts'
import { dataFolderOf } from '../client/server-access.ts'
import { Failure } from '../failure.ts'
import { sizeText } from '../figures.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, interruptible, type Shell } from '../shell.ts'
import { tableOf } from '../table.ts'

interface CommonOptions extends DataOption {
  json?: true
}

const examples = `
Examples:
  $ opengallery catalog build tiny                        a small Linux that boots in seconds, for trying things out
  $ opengallery catalog build debian                      a full Debian with cloud-init, in some minutes
  $ opengallery catalog fetch Ubuntu2204                  what its vendor has today, checked by the vendor's sums
  $ opengallery catalog add disk.qcow2 --urn Acme:linux:server:1.0.0 --alias Acme
  $ az vm create -g rg -n vm --image Tiny ...

Nothing is fetched unless you ask for it. A running server sees every change at once.`

/** `opengallery catalog`: the platform images of an installation. */
export const catalogCommand = (shell: Shell): Command =>
  new Command('catalog')
    .summary('platform images: what virtual machines are made of')
    .description(
      'The platform images that an installation offers. Run it on the machine of the server, whether that runs or not.',
    )
    .addHelpText('after', examples)
    .addCommand(
      new Command('list')
        .summary('all images')
        .description('List all images, and what is still to be done for those that are not here.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: CommonOptions) => list(shell, options)),
    )
    .addCommand(addCommand(shell))
    .addCommand(
      new Command('remove')
        .summary('take an image out')
        .description(
          'Take an image out of the catalogue, and delete the file that was fetched or built for it. What was made of it keeps its bytes.',
        )
        .argument('<image>', 'URN, PUBLISHER:OFFER:SKU for all its versions, or alias')
        .addOption(dataOption())
        .action((called: string, options: CommonOptions) => remove(shell, called, options)),
    )
    .addCommand(
      new Command('fetch')
        .summary('fetch an image from its vendor')
        .description(
          "Fetch the file of an image. It is used only if it has the sum in the catalogue or in its vendor's list. Run it again to go on where it was broken off, and to get what is newer.",
        )
        .argument('<image>', 'URN or alias: Ubuntu2204')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((called: string, options: CommonOptions) => fetch(shell, called, options)),
    )
    .addCommand(
      new Command('build')
        .summary('build an image here')
        .description(
          "Build an image of this machine's own Debian packages, which apt-get downloads where it needs them, and put it into the catalogue.",
        )
        .addArgument(new Argument('<kind>', 'what to build').choices(Object.keys(builders)))
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((kind: string, options: CommonOptions) => build(shell, kind, options)),
    )

const addCommand = (shell: Shell): Command =>
  new Command('add')
    .summary('offer an image of your own')
    .description('Offer a disk file, or one at an https address. A file stays where it is and must stay as it is.')
    .argument('<source>', 'raw, VHD, VHDX, qcow2 or VMDK file, or an https address')
    .requiredOption('--urn <urn>', 'PUBLISHER:OFFER:SKU:VERSION')
    .addOption(new Option('--os-type <type>', 'its system').choices(['Linux', 'Windows']).default('Linux'))
    .addOption(
      new Option('--generation <v>', 'V1 boots by BIOS, V2 by UEFI (default: by the partition table)').choices([
        'V1',
        'V2',
      ]),
    )
    .addOption(new Option('--architecture <name>', 'its processor').choices(['x64', 'Arm64']).default('x64'))
    .addOption(
      new Option('--format <format>', 'of the file (default: its content decides)').choices([...diskFormatNames]),
    )
    .option('--alias <name...>', 'short names for az vm create --image')
    .option('--feature <name=value...>', 'such as SecurityType=TrustedLaunchSupported')
    .option('--sha256 <hex>', 'what the file has to be')
    .option('--checksums <url>', "for an address: the vendor's list of sums")
    .option('--fetch-on-use', 'for an address: the server fetches it when the first disk is made of it')
    .option('--force', 'replace an image of that version')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((source: string, options: AddOptions & CommonOptions) => add(shell, source, options))

const folderOf = (shell: Shell, options: DataOption): string => {
  if (shell.env.OPENGALLERY_URL)
    throw new Failure('The catalogue lies on the machine of the server.', {
      advice: 'Run it there, without OPENGALLERY_URL. From elsewhere, az vm image list --all shows it.',
    })
  return dataFolderOf(options, shell.env)
}

const list = async (shell: Shell, options: CommonOptions): Promise<void> => {
  const images = offeredImages(await readCatalog(nodeFiles, folderOf(shell, options)))
  const sorted = images.toSorted((one, other) => urnOf(one).localeCompare(urnOf(other)))
  if (options.json) return shell.terminal.result(JSON.stringify({ images: sorted }))
  const rows = sorted.map(image => [
    urnOf(image),
    (image.aliases ?? []).join(', '),
    image.hyperVGeneration,
    fileOf(image) ? sizeText(fileOf(image)?.diskBytes ?? 0) : '',
    stateOf(image),
  ])
  for (const line of tableOf(['Image', 'Alias', 'Gen', 'Disk', 'State'], rows, shell.terminal))
    shell.terminal.result(line)
  const absent = sorted.find(image => !fileOf(image) && !fetchedOnUse(image))
  if (absent) shell.terminal.result(`What is not here comes with a command such as: ${commandFor(absent)}`)
}

const stateOf = (image: CatalogImage): string => {
  if (fileOf(image)) return 'ready'
  if (fetchedOnUse(image)) return 'fetched when it is used'
  return 'build' in image.source ? 'to be built' : 'to be fetched'
}

const add = async (shell: Shell, source: string, options: AddOptions & CommonOptions): Promise<void> => {
  const dataFolder = folderOf(shell, options)
  const image = await interruptible(shell, signal => addImage(dataFolder, shell.clock, source, options, signal))
  if (options.json) return shell.terminal.result(JSON.stringify({ image }))
  shell.terminal.result(`${urnOf(image)} is in ${catalogFile(dataFolder)}, generation ${image.hyperVGeneration}.`)
  if (!fileOf(image) && !fetchedOnUse(image)) shell.terminal.result(`Its bytes come with: ${commandFor(image)}`)
}

const remove = async (shell: Shell, called: string, options: CommonOptions): Promise<void> => {
  const dataFolder = folderOf(shell, options)
  const gone = await versionsOf(dataFolder, called)
  await removeImages(dataFolder, shell.clock, gone)
  for (const image of gone) shell.terminal.result(`Removed ${urnOf(image)}.`)
}

const fetch = async (shell: Shell, called: string, options: CommonOptions): Promise<void> => {
  const dataFolder = folderOf(shell, options)
  const fetched = await interruptible(shell, signal => fetchNamed(shell, dataFolder, called, signal))
  tellReady(shell, fetched, options)
}

const build = async (shell: Shell, kind: string, options: CommonOptions): Promise<void> => {
  const dataFolder = folderOf(shell, options)
  const say = (what: string) => shell.terminal.say(`${kind}: ${what}`)
  const built = await interruptible(shell, signal => buildImage(dataFolder, shell.clock, kind, { say, signal }))
  tellReady(shell, built, options)
}

const tellReady = (
  shell: Shell,
  { images, isNew }: { readonly images: readonly CatalogImage[]; readonly isNew: boolean },
  options: CommonOptions,
): void => {
  if (options.json) shell.terminal.result(JSON.stringify({ images, isNew }))
  else
    for (const image of images) {
      const alias = image.aliases?.[0]
      const called = alias === undefined ? '' : `, as ${alias}`
      shell.terminal.result(`${urnOf(image)} ${isNew ? 'is ready' : 'was ready already'}${called}.`)
    }
}
