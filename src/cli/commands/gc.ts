import { Command } from 'commander'
import type { RegionCollected } from '../client/server-admin.ts'
import { sizeText } from '../figures.ts'
import { withMaintenance } from '../maintenance/with-maintenance.ts'
import { dataOption, jsonOption } from '../options.ts'
import type { DataOption, Shell } from '../shell.ts'
import { tableOf } from '../table.ts'

interface GcOptions extends DataOption {
  region?: string[]
  dryRun?: true
  json?: true
}

/** `opengallery gc`: frees what no image reaches any more. */
export const gcCommand = (shell: Shell): Command =>
  new Command('gc')
    .summary('free the bytes that no image reaches any more')
    .description(
      'Free the chunks that no version, disk, snapshot or upload reaches any more. Safe beside everything else; works through the running server, or on the data folder itself when none runs.',
    )
    .option('--region <name...>', 'only these regions')
    .option('--dry-run', 'only tell what would be freed')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: GcOptions) => collect(shell, options))

const collect = (shell: Shell, options: GcOptions): Promise<void> =>
  withMaintenance(shell, options, async maintenance => {
    const { terminal } = shell
    const isDryRun = options.dryRun === true
    const reports: RegionCollected[] = []
    for (const region of options.region ?? (await maintenance.regions()))
      reports.push(await maintenance.collect(region, isDryRun))
    if (options.json) return terminal.result(JSON.stringify({ dryRun: isDryRun, regions: reports }))
    const found = reports.filter(report => report.manifests + report.chunks > 0)
    if (found.length === 0) return terminal.result('Nothing to free.')
    const head = ['Region', 'Images', 'Chunks', isDryRun ? 'Would free' : 'Freed']
    for (const line of tableOf(head, found.map(rowOf), terminal)) terminal.result(line)
    if (found.some(report => report.sharedBytes > 0))
      terminal.result('What regions share leaves the disk when the last of them has freed it.')
  })

const rowOf = (report: RegionCollected): string[] => [
  report.region,
  String(report.manifests),
  report.chunks.toLocaleString('en-US'),
  sizeText(report.freedBytes) + (report.sharedBytes > 0 ? ` (and ${sizeText(report.sharedBytes)} shared)` : ''),
]
