import * as fs from 'node:fs/promises'
import { Command } from 'commander'
import type { ChainPoint } from '#activity/activity-chain.ts'
import { linesOfFile, verifyLines } from '../activity/activity-lines.ts'
import { withServer } from '../bundles/with-server.ts'
import type { Client } from '../client/open-client.ts'
import { Failure, usageError } from '../failure.ts'
import { countText } from '../figures.ts'
import { dataOption, jsonOption, numberIn } from '../options.ts'
import type { DataOption, Shell } from '../shell.ts'
import { tableOf } from '../table.ts'

interface ListOptions extends DataOption {
  hours: number
  max: number
  status?: string
  caller?: string
  tenant?: true
  json?: true
}

interface VerifyOptions extends DataOption {
  key?: string
  noted?: ChainPoint[]
  json?: true
}

const examples = `
Examples:
  $ opengallery activity-log list --hours 24 --status Failed     also: az monitor activity-log list
  $ opengallery activity-log export > log.jsonl                  everything, for a log collector or an auditor
  $ opengallery activity-log verify                              the server's own log
  $ opengallery activity-log verify log.jsonl --key KEY --noted 4711:9f86d0...

verify proves that no record was changed, left out or put in. That none was cut off at the end together with the note of where
the end is, only a point that you noted elsewhere can prove: verify prints one each time, and the server writes one to its own
log every day.`

/** `opengallery activity-log`: who did what, and the proof that nobody changed it since. */
export const activityLogCommand = (shell: Shell): Command =>
  new Command('activity-log')
    .summary('show, export and verify who did what')
    .description(
      'Show, export and verify the log of who did what to which resource, when, from where and with what result.',
    )
    .addHelpText('after', examples)
    .addCommand(listCommand(shell))
    .addCommand(exportCommand(shell))
    .addCommand(verifyCommand(shell))

const listCommand = (shell: Shell): Command =>
  new Command('list')
    .summary('show the newest records')
    .description('Show the newest records of the subscription, or those that belong to none.')
    .option('--hours <number>', 'from so many hours ago on', numberIn('--hours', 1, 24 * 365), 6)
    .option('--max <number>', 'at most so many', numberIn('--max', 1, 200), 50)
    .option('--status <status>', 'only Started, Accepted, Succeeded, Failed or Canceled')
    .option('--caller <name>', 'only of this user, application or object id')
    .option('--tenant', 'what belongs to no subscription: sign-ins above all')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: ListOptions) => withServer(shell, options, client => list(shell, client, options)))

const exportCommand = (shell: Shell): Command =>
  new Command('export')
    .summary('write the whole log as JSON lines')
    .description(
      'Write the whole log to standard output: one JSON object a line, the signed ends of the chain first and last.',
    )
    .addOption(dataOption())
    .action((options: DataOption) =>
      withServer(shell, options, async ({ admin }) => {
        for await (const line of admin.activityLog()) shell.terminal.result(JSON.stringify(line))
      }),
    )

const verifyCommand = (shell: Shell): Command =>
  new Command('verify')
    .summary('prove that no record was changed, left out or put in')
    .description('Work out the hash of every record anew, and check both signed ends of the chain.')
    .argument('[file]', 'an exported log (default: the server is asked for its own)')
    .option('--key <key>', 'the log must be signed with this key')
    .option('--noted <sequence:hash...>', 'points that you noted before: they must lie on the chain', pointsOf)
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((file: string | undefined, options: VerifyOptions) => verify(shell, file, options))

const list = async ({ terminal, clock }: Shell, { arm, access }: Client, options: ListOptions): Promise<void> => {
  const from = new Date(clock.now().getTime() - options.hours * 3600_000).toISOString()
  const terms = [`eventTimestamp ge '${from}'`]
  if (options.status) terms.push(`status eq '${options.status}'`)
  if (options.caller) terms.push(`caller eq '${options.caller}'`)
  const scope = options.tenant ? '' : `/subscriptions/${access.subscriptionId}`
  const path = `${scope}/providers/Microsoft.Insights/eventtypes/management/values`
  const answer = await arm.get(path, { 'api-version': '2015-04-01', $filter: terms.join(' and ') })
  const events = (answer.value as Event[]).slice(0, options.max)
  if (options.json) return terminal.result(JSON.stringify(events))
  if (events.length === 0) return terminal.result('Nothing was done in that time.')
  for (const line of tableOf(['When', 'Who', 'What', 'Result', 'Resource'], events.map(rowOf), terminal))
    terminal.result(line)
}

interface Event {
  readonly eventTimestamp: string
  readonly caller: string
  readonly operationName: { readonly value: string }
  readonly status: { readonly value: string }
  readonly subStatus: { readonly value: string }
  readonly resourceId: string
}

const rowOf = ({ eventTimestamp, caller, operationName, status, subStatus, resourceId }: Event): string[] => [
  eventTimestamp.slice(0, 19).replace('T', ' '),
  caller,
  operationName.value,
  status.value === 'Failed' ? `Failed ${subStatus.value}`.trim() : status.value,
  resourceId.replace(/^\/subscriptions\/[^/]+\/?/, ''),
]

const verify = async (shell: Shell, file: string | undefined, options: VerifyOptions): Promise<void> => {
  const anchors = {
    ...(options.key === undefined ? {} : { publicKey: options.key }),
    ...(options.noted === undefined ? {} : { points: options.noted }),
  }
  if (file !== undefined) {
    await fs.access(file).catch(() => {
      throw new Failure(`There is no file ${file}.`)
    })
    return tell(shell, await verifyLines(linesOfFile(file), anchors), options)
  }
  await withServer(shell, options, async ({ admin }) =>
    tell(shell, await verifyLines(admin.activityLog(), anchors), options),
  )
}

const tell = ({ terminal }: Shell, verdict: Awaited<ReturnType<typeof verifyLines>>, { json }: VerifyOptions): void => {
  const { records, from, to, faults } = verdict
  if (json) terminal.result(JSON.stringify(verdict))
  else if (faults.length === 0) {
    terminal.result(`${countText(records, 'record')} behind number ${from.sequence}: the chain is whole.`)
    terminal.result(`Note this elsewhere, for --noted: ${to.sequence}:${to.hash}`)
  }
  if (faults.length > 0) throw new Failure(['The activity log is not as it was written.', ...faults].join('\n  '))
}

function pointsOf(text: string, before: readonly ChainPoint[] = []): ChainPoint[] {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined)
    throw usageError(`--noted takes NUMBER:HASH as verify prints it, not '${text}'.`)
  return [...before, { sequence: Number(sequence), hash }]
}
