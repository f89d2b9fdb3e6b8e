import { Command } from 'commander'
import { withServer } from '../bundles/with-server.ts'
import { dataOption, jsonOption } from '../options.ts'
import type { DataOption, Shell } from '../shell.ts'

interface RotateOptions extends DataOption {
  json?: true
}

const examples = `
A key is replaced by itself once a month. Rotate it by hand when somebody may have seen the data folder or a backup of it.
Other keys are renewed where they are used:
  $ az storage account keys renew --account-name NAME --key key1      of a storage account, one at a time
  $ az ad app credential reset --id APP                               a client secret
  $ opengallery region join ...                                       a region's token, by joining it anew`

/** `opengallery keys`: the keys that sign tokens. */
export const keysCommand = (shell: Shell): Command =>
  new Command('keys')
    .summary('replace the key that signs tokens')
    .description('Replace the key that signs tokens.')
    .addHelpText('after', examples)
    .addCommand(
      new Command('rotate')
        .summary('sign new tokens with a new key')
        .description(
          'Sign new tokens with a new key. Tokens that are out stay valid until they end, within the hour or so.',
        )
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: RotateOptions) =>
          withServer(shell, options, async ({ admin }) => {
            const rotated = await admin.rotateKeys()
            if (options.json) return shell.terminal.result(JSON.stringify(rotated))
            shell.terminal.result('A new key signs tokens from now on. Those that are out stay valid until they end.')
          }),
        ),
    )
