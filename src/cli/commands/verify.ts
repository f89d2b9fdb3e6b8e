import { Command } from 'commander'
import type { RegionVerified } from '../client/server-admin.ts'
import { Failure } from '../failure.ts'
import { countText, durationText, rateText, sizeText } from '../figures.ts'
import { withMaintenance } from '../maintenance/with-maintenance.ts'
import { dataOption, jsonOption } from '../options.ts'
import { showProgress } from '../progress.ts'
import type { DataOption, Shell } from '../shell.ts'
import { tableOf } from '../table.ts'
import type { Terminal } from '../terminal.ts'

interface VerifyOptions extends DataOption {
  region?: string[]
  repair?: true
  json?: true
}

/** `opengallery verify`: reads and checks every stored byte; `--repair` heals what a replica elsewhere still has. */
export const verifyCommand = (shell: Shell): Command =>
  new Command('verify')
    .summary('read and check every stored byte')
    .description(
      'Read every chunk of every region and check it against its SHA-256. With --repair, what is damaged is healed from another replica; without it nothing is changed. Works through the running server, or on the data folder itself when none runs.',
    )
    .option('--region <name...>', 'only these regions')
    .option('--repair', 'heal what is damaged from other replicas')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: VerifyOptions) => verify(shell, options))

const verify = (shell: Shell, options: VerifyOptions): Promise<void> =>
  withMaintenance(shell, options, async maintenance => {
    const { terminal, clock } = shell
    using progress = showProgress(terminal, clock)
    const bar = progress.bar('verify')
    const reports: RegionVerified[] = []
    const startedMs = clock.now().getTime()
    const names = options.region ?? (await maintenance.regions())
    for (const [done, region] of names.entries()) {
      const onProgress = (doneBytes: number, totalBytes: number) =>
        bar.update((done + doneBytes / Math.max(1, totalBytes)) / names.length, region)
      onProgress(0, 1)
      reports.push(await maintenance.verify(region, options.repair === true, onProgress))
    }
    const bytes = reports.reduce((sum, report) => sum + report.bytes, 0)
    const elapsedMs = clock.now().getTime() - startedMs
    bar.update(1)
    bar.end(`${sizeText(bytes)} read in ${durationText(elapsedMs)}, ${rateText(bytes, elapsedMs)}`)
    progress.close()
    if (options.json) terminal.result(JSON.stringify({ regions: reports }))
    else for (const line of summaryOf(reports, terminal)) terminal.result(line)
    const lost = reports.reduce((sum, report) => sum + report.corrupt + report.missing - report.healed, 0)
    if (lost > 0 && !options.repair)
      throw new Failure(`${countText(lost, 'chunk')} ${lost === 1 ? 'is' : 'are'} damaged or missing.`, {
        advice: 'Run it with --repair: what another replica still has is healed from there.',
      })
    if (lost > 0)
      throw new Failure(`${countText(lost, 'chunk')} could not be healed: no replica has them.`, {
        advice: 'Versions with no other replica are damaged. Publish them again, with replicas in several regions.',
      })
  })

const summaryOf = (reports: readonly RegionVerified[], terminal: Terminal): string[] => {
  const found = reports.filter(report => report.chunks + report.missing > 0)
  return found.length === 0 ? ['Nothing is stored yet.'] : tableOf(head, found.map(rowOf), terminal)
}

const head = ['Region', 'Chunks', 'Bytes', 'Corrupt', 'Missing', 'Healed']

const rowOf = (report: RegionVerified): string[] => [
  report.region,
  report.chunks.toLocaleString('en-US'),
  sizeText(report.bytes),
  String(report.corrupt),
  String(report.missing),
  String(report.healed),
]
