import { Command } from 'commander'
import type { RegionVerified, SignatureCounts } from '../client/server-admin.ts'
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
  deep?: true
  json?: true
}

/** `opengallery verify`: reads and checks every stored byte; `--deep` decodes them too, `--repair` heals from other replicas. */
export const verifyCommand = (shell: Shell): Command =>
  new Command('verify')
    .summary('read and check every stored byte')
    .description(
      'Read every chunk of every region and check that it is stored as it was written, by SHA-256. With --deep, decode it as well and check it against its own SHA-256, as every read does. With --repair, what is damaged is healed from another replica; without it that is only noted, so that new data does not count on it. Works through the running server, or on the data folder itself when none runs.',
    )
    .option('--region <name...>', 'only these regions')
    .option('--deep', 'decode every chunk as well: it takes three times as long')
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
      reports.push(
        await maintenance.verify(region, { heals: options.repair === true, deep: options.deep === true }, onProgress),
      )
    }
    const bytes = reports.reduce((sum, report) => sum + report.bytes, 0)
    const elapsedMs = clock.now().getTime() - startedMs
    bar.update(1)
    bar.end(`${sizeText(bytes)} read in ${durationText(elapsedMs)}, ${rateText(bytes, elapsedMs)}`)
    progress.close()
    const signatures = await maintenance.signatures?.()
    if (options.json) terminal.result(JSON.stringify({ regions: reports, ...(signatures && { signatures }) }))
    else for (const line of summaryOf(reports, terminal)) terminal.result(line)
    if (signatures) requireWhole(signatures, options.json === true, terminal)
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

/** Says how many versions are signed. Throws when one is not what was signed. */
const requireWhole = (
  { signed, unsigned, broken, brokenIds }: SignatureCounts,
  isJson: boolean,
  terminal: Terminal,
) => {
  if (!isJson && signed + unsigned > 0)
    terminal.result(`${countText(signed, 'version')} signed by this installation, ${unsigned} not signed.`)
  if (broken > 0)
    throw new Failure(
      `${countText(broken, 'version')} ${broken === 1 ? 'is' : 'are'} not what was signed: ${brokenIds.join(', ')}`,
      {
        advice: 'Their bytes are not used. Publish them again, or put back the image-keys.json of this data folder.',
      },
    )
}

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
