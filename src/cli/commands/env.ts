import { Command, Option } from 'commander'
import { azEnvironment, prepareAz, writeCaBundle } from '../az/az-environment.ts'
import { dataFolderOf, findServer } from '../client/server-access.ts'
import { dataOption } from '../options.ts'
import type { DataOption, Shell } from '../shell.ts'

const shells = ['sh', 'fish', 'powershell'] as const
type ShellName = (typeof shells)[number]

interface EnvOptions extends DataOption {
  login?: true
  shell: ShellName
}

const examples = `
Examples:
  $ eval "$(opengallery env --login)"        from here on, az in this shell talks to your server
  $ opengallery env --shell fish | source

Nothing outside of the data folder is changed; a new shell is as before.`

/** `opengallery env`: lines for a shell that point `az` and the Azure SDKs at this server. */
export const envCommand = (shell: Shell): Command =>
  new Command('env')
    .summary('print what points az in this shell at the server')
    .description('Print export lines that point az, in the shell that evaluates them, at this server.')
    .option('--login', 'also register the cloud and log in as the administrator')
    .addOption(new Option('--shell <name>', 'whose language to print').choices(shells).default('sh'))
    .addOption(dataOption())
    .addHelpText('after', examples)
    .action(async (options: EnvOptions) => {
      const dataFolder = dataFolderOf(options, shell.env)
      const access = await findServer(dataFolder, shell.env)
      await writeCaBundle(dataFolder, access)
      const variables = azEnvironment(dataFolder, access)
      // Before the login: should that fail, az in the evaluating shell must not go on with the user's own account.
      for (const [name, value] of Object.entries(variables)) shell.terminal.result(line(options.shell, name, value))
      if (options.login) await prepareAz(shell, dataFolder, access)
      else shell.terminal.say('# To register the cloud and log in as well: eval "$(opengallery env --login)"')
    })

const line = (shell: ShellName, name: string, value: string): string => {
  if (shell === 'powershell') return `$env:${name} = '${value.replaceAll("'", "''")}'`
  if (shell === 'fish') return `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return `export ${name}='${value.replaceAll("'", `'\\''`)}'`
}
