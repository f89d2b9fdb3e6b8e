import { Command } from 'commander'
import { prepareAz, runAz } from '../az/az-environment.ts'
import { dataFolderOf, findServer } from '../client/server-access.ts'
import { dataOption } from '../options.ts'
import type { DataOption, Shell } from '../shell.ts'

const examples = `
Examples:
  $ opengallery az -- group create -n images -l eastus
  $ opengallery az -- sig list -o table
  $ opengallery az --data /srv/gallery -- sig image-version list -g images -r gallery -i web`

/** `opengallery az -- ARGS`: the user's own az against this server, with nothing of the user's touched. */
export const azCommand = (shell: Shell, exitWith: (code: number) => void): Command =>
  new Command('az')
    .summary('run your own az against the server')
    .description('Run the az of this machine against the server, logged in as its administrator.')
    .argument('[args...]', "az's own arguments, behind --")
    .passThroughOptions()
    .addOption(dataOption())
    .addHelpText('after', examples)
    .action(async (args: string[], options: DataOption) => {
      const dataFolder = dataFolderOf(options, shell.env)
      const access = await findServer(dataFolder, shell.env)
      await prepareAz(shell, dataFolder, access)
      exitWith(await runAz(shell, dataFolder, access, args))
    })
