import { Command, Option } from 'commander'
import type { VersionReport } from '../client/server-admin.ts'
import { usageError } from '../failure.ts'
import { parseVersion, versionId } from '../images/image-ids.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface CommonOptions extends DataOption {
  json?: true
}

interface ReportOptions extends CommonOptions {
  category: string
  details?: string
}

const examples = `
Examples:
  $ opengallery community report /CommunityGalleries/acme-2f0c.../Images/web/Versions/1.0.0 \\
      --category ImageFlaggedUnsafe --details "ships a miner"
  $ opengallery community reports
  $ opengallery community withdraw images/gallery/web/1.0.0

What is made of a version goes on when it is reported. Its publisher reads the report in safetyProfile: az sig image-version show.`

const imageArgument = '<version>'
const imageWords = 'its community name, a resource id, or GROUP/GALLERY/DEFINITION/VERSION'

/** `opengallery community`: the operator's word on what publishers offer. */
export const communityCommand = (shell: Shell): Command =>
  new Command('community')
    .summary('report image versions that break the rules')
    .description(
      'For the operator of an installation: a version that is reported is no longer shown to those who read the galleries of others, and nothing new is made of it.',
    )
    .addHelpText('after', examples)
    .addCommand(
      new Command('report')
        .summary('report a version')
        .description('Report an image version for a policy violation.')
        .argument(imageArgument, imageWords)
        .addOption(
          new Option('--category <category>', 'what is wrong with it')
            .choices(['Other', 'ImageFlaggedUnsafe', 'CopyrightValidation', 'IpTheft'])
            .makeOptionMandatory(),
        )
        .option('--details <text>', 'in words, for the publisher and for whoever is refused')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((image: string, options: ReportOptions) => report(shell, image, options)),
    )
    .addCommand(
      new Command('withdraw')
        .summary('take reports back')
        .description('Take back all reports of an image version: it can be read and deployed again.')
        .argument(imageArgument, imageWords)
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((image: string, options: CommonOptions) => withdraw(shell, image, options)),
    )
    .addCommand(
      new Command('reports')
        .summary('all versions that are reported')
        .description('List the image versions that are reported, and why.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: CommonOptions) => list(shell, options)),
    )

const report = (shell: Shell, image: string, options: ReportOptions): Promise<void> =>
  withClient(shell, options, async ({ access, admin }) => {
    const { category, details } = options
    const violation = { category, ...(details === undefined ? {} : { details }) }
    const made = await admin.reportVersion(nameOf(image, access.subscriptionId), violation)
    if (options.json) return shell.terminal.result(JSON.stringify(made))
    shell.terminal.result(`Reported ${made.id}. Nothing new is made of it from now on.`)
  })

const withdraw = (shell: Shell, image: string, options: CommonOptions): Promise<void> =>
  withClient(shell, options, async ({ access, admin }) => {
    const freed = await admin.withdrawReports(nameOf(image, access.subscriptionId))
    if (options.json) return shell.terminal.result(JSON.stringify(freed))
    shell.terminal.result(`${freed.id} can be read and deployed again.`)
  })

const list = (shell: Shell, options: CommonOptions): Promise<void> =>
  withClient(shell, options, async ({ admin }) => {
    const reports = await admin.communityReports()
    if (options.json) return shell.terminal.result(JSON.stringify({ reports }))
    if (reports.length === 0) return shell.terminal.result('No version is reported.')
    for (const line of tableOf(['Version', 'Category', 'Details'], reports.flatMap(rowsOf), shell.terminal))
      shell.terminal.result(line)
  })

const rowsOf = ({ id, violations }: VersionReport): string[][] =>
  violations.map(({ category, details = '' }) => [id, category, details])

/** The community's names go to the server as they are. */
const nameOf = (text: string, subscriptionId: string): string => {
  if (/^\/CommunityGalleries\//i.test(text)) return text
  const { version, ...place } = parseVersion(text, subscriptionId)
  if (version === 'latest') throw usageError(`'${text}' names no version.`, 'Say which one is meant: .../1.0.0.')
  return versionId(place, version)
}
