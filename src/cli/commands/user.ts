import * as fs from 'node:fs/promises'
import { Command } from 'commander'
import { secretText, systemRandom } from '#foundation/random.ts'
import { Failure } from '../failure.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface UserOptions extends DataOption {
  json?: true
  name?: string
  passwordFile?: string
}

const examples = `
Examples:
  $ opengallery user add ann@opengallery.local --name "Ann Example"
  $ opengallery user password ann@opengallery.local
  $ az role assignment create --assignee ann@opengallery.local --role Reader --scope /subscriptions/ID

The name ends in a domain of the tenant; \`opengallery tenant list\` shows them. The password is made up unless a file has it.`

/** `opengallery user`: people of the own tenant, by the same API as `az ad user`. */
export const userCommand = (shell: Shell): Command =>
  new Command('user')
    .summary('people who may sign in')
    .description('List, add and remove the users of your tenant. They may do nothing before they are given a role.')
    .addHelpText('after', examples)
    .addCommand(
      new Command('list')
        .summary('all users')
        .description('List all users of the tenant.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: UserOptions) => list(shell, options)),
    )
    .addCommand(
      new Command('add')
        .summary('a new user')
        .description('Add a user, and show the password this once.')
        .argument('<user>', 'name to sign in with, such as ann@opengallery.local')
        .option('--name <text>', 'what lists show (default: the part before the @)')
        .option('--password-file <file>', 'take the first line of a file as the password')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((user: string, options: UserOptions) => add(shell, user, options)),
    )
    .addCommand(
      new Command('password')
        .summary('a new password')
        .description('Give a user a new password, which ends all sign-ins with the old one.')
        .argument('<user>', 'name or object id')
        .option('--password-file <file>', 'take the first line of a file as the password')
        .addOption(dataOption())
        .action((user: string, options: UserOptions) =>
          withClient(shell, options, async ({ graph }) => {
            const { password, isNew } = await passwordOf(options)
            await graph.patch(`/users/${user}`, { passwordProfile: { password } })
            shell.terminal.result(`${user} has a new password${isNew ? `: ${password}` : '.'}`)
          }),
        ),
    )
    .addCommand(
      new Command('remove')
        .summary('a user')
        .description('Remove a user; whatever they are signed in with stops at once.')
        .argument('<user>', 'name or object id')
        .addOption(dataOption())
        .action((user: string, options: UserOptions) =>
          withClient(shell, options, async ({ graph }) => {
            await graph.remove(`/users/${user}`)
            shell.terminal.result(`Removed ${user}.`)
          }),
        ),
    )

const list = (shell: Shell, options: UserOptions): Promise<void> =>
  withClient(shell, options, async ({ graph }) => {
    const users = await graph.list('/users')
    if (options.json) return shell.terminal.result(JSON.stringify({ users }))
    if (users.length === 0) return shell.terminal.result('There are no users.')
    const rows = users.map(user => [
      user.userPrincipalName,
      user.displayName,
      user.id,
      user.accountEnabled ? '' : 'disabled',
    ])
    for (const line of tableOf(['User', 'Name', 'Object id', ''], rows, shell.terminal)) shell.terminal.result(line)
  })

const add = (shell: Shell, userPrincipalName: string, options: UserOptions): Promise<void> =>
  withClient(shell, options, async ({ graph }) => {
    const { password, isNew } = await passwordOf(options)
    const [nickname = ''] = userPrincipalName.split('@')
    const user = await graph.act('/users', {
      accountEnabled: true,
      userPrincipalName,
      displayName: options.name ?? nickname,
      mailNickname: nickname,
      passwordProfile: { password, forceChangePasswordNextSignIn: false },
    })
    if (options.json) return shell.terminal.result(JSON.stringify({ ...user, ...(isNew && { password }) }))
    shell.terminal.result(`${user.userPrincipalName} is there, with the object id ${user.id}.`)
    if (isNew) shell.terminal.result(`Password  ${shell.terminal.style('bold', password)}   shown this once`)
  })

/** The first line of a file, or a made-up password; never from the command line, which every user of the machine can see. */
const passwordOf = async ({ passwordFile }: UserOptions): Promise<{ password: string; isNew: boolean }> => {
  if (passwordFile === undefined) return { password: secretText(systemRandom, 15), isNew: true }
  const [password = ''] = (await fs.readFile(passwordFile, 'utf8')).split(/\r?\n/)
  if (password === '') throw new Failure(`${passwordFile} has no password in its first line.`)
  return { password, isNew: false }
}
