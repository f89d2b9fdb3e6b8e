import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { activityLogCommand } from './commands/activity-log.ts'
import { azCommand } from './commands/az.ts'
import { bundleCommand } from './commands/bundle.ts'
import { catalogCommand } from './commands/catalog.ts'
import { communityCommand } from './commands/community.ts'
import { consumersCommand } from './commands/consumers.ts'
import { demoCommand } from './commands/demo.ts'
import { envCommand } from './commands/env.ts'
import { gcCommand } from './commands/gc.ts'
import { groupCommand } from './commands/group.ts'
import { keysCommand } from './commands/keys.ts'
import { provenanceCommand } from './commands/provenance.ts'
import { publishCommand } from './commands/publish.ts'
import { pullCommand } from './commands/pull.ts'
import { regionCommand } from './commands/region.ts'
import { serveNbdCommand } from './commands/serve-nbd.ts'
import { startCommand } from './commands/start.ts'
import { statusCommand } from './commands/status.ts'
import { subscriptionCommand } from './commands/subscription.ts'
import { tenantCommand } from './commands/tenant.ts'
import { userCommand } from './commands/user.ts'
import { verifyCommand } from './commands/verify.ts'
import type { Shell } from './shell.ts'

const examples = `
Examples:
  $ opengallery demo                                     see the whole thing work, in under two minutes
  $ opengallery start                                    run a server on ./opengallery-data
  $ opengallery publish disk.vhd --definition web --regions eastus=2,westeurope
  $ opengallery pull images/gallery/web/1.0.0 disk.raw
  $ opengallery serve-nbd images/gallery/web/1.0.0       read it in place, with QEMU or nbdcopy
  $ opengallery az -- sig list -o table                  your own az, pointed at this server

Environment:
  OPENGALLERY_DATA     the data folder, where --data is not given
  OPENGALLERY_URL      a server elsewhere, with OPENGALLERY_TENANT_ID, _SUBSCRIPTION_ID, _CLIENT_ID, _CLIENT_SECRET and _CA
  OPENGALLERY_AZ       the az to run, where it is not on the path
  NO_COLOR             no colours

Exit codes: 0 done, 1 failed, 2 wrongly called.`

const productVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version

/** Parses and runs one command line. Throws commander's errors and ours; the caller tells them. */
export const commandLine = async (shell: Shell, args: readonly string[]): Promise<number> => {
  const { terminal } = shell
  let exitCode = 0
  const program = new Command('opengallery')
    .description('Azure Compute Gallery that you run yourself.')
    .version(productVersion(), '--version', 'print the version')
    .enablePositionalOptions()
    .exitOverride()
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('       Run it with --help to see how it is used.')
    .configureOutput({
      writeOut: text => terminal.result(text.trimEnd()),
      writeErr: text => terminal.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error:/, terminal.style('red', 'error:'))),
    })
    .configureHelp({
      styleTitle: title => terminal.style('bold', title),
      styleCommandText: text => terminal.style('cyan', text),
      styleOptionText: text => terminal.style('cyan', text),
    })
    .addHelpText('after', examples)
  const commands = [
    startCommand(shell),
    demoCommand(shell),
    publishCommand(shell),
    pullCommand(shell),
    serveNbdCommand(shell),
    envCommand(shell),
    azCommand(shell, code => {
      exitCode = code
    }),
    statusCommand(shell),
    verifyCommand(shell),
    provenanceCommand(shell),
    gcCommand(shell),
    catalogCommand(shell),
    bundleCommand(shell),
    consumersCommand(shell),
    communityCommand(shell),
    regionCommand(shell),
    tenantCommand(shell),
    subscriptionCommand(shell),
    activityLogCommand(shell),
    keysCommand(shell),
    userCommand(shell),
    groupCommand(shell),
  ]
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program))
    for (const part of command.commands) part.copyInheritedSettings(program)
  }
  if (args.length === 0) {
    program.outputHelp()
    return 0
  }
  await program.parseAsync(args, { from: 'user' })
  return exitCode
}
