import { Command } from 'commander'
import type { NewAdministrator, WantedAdministrator } from '../client/server-admin.ts'
import { countText } from '../figures.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'
import type { Terminal } from '../terminal.ts'

interface TenantOptions extends DataOption {
  json?: true
  domain?: string
  user?: string
}

const examples = `
Examples:
  $ opengallery tenant add Contoso --domain contoso.example    its administrator is a program, with a secret
  $ opengallery tenant add Contoso --user ann@contoso.local    or a person, with a password
  $ opengallery subscription add production --tenant TENANT-ID
  $ opengallery tenant list

Nobody in a tenant is anybody in another one. What is in it, its own administrators look after: by az, or by these commands with
OPENGALLERY_URL and its companions set to theirs.`

/** `opengallery tenant`: the tenants of an installation, for its owner. */
export const tenantCommand = (shell: Shell): Command =>
  new Command('tenant')
    .summary('tenants: directories of their own')
    .description('List, add and remove the tenants of the installation, as its owner.')
    .addHelpText('after', examples)
    .addCommand(
      new Command('list')
        .summary('all tenants')
        .description('List all tenants.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: TenantOptions) => list(shell, options)),
    )
    .addCommand(
      new Command('add')
        .summary('a new tenant')
        .description('Make a tenant and its first administrator, whose secret is shown this once.')
        .argument('<name>', 'what the tenant is called')
        .option('--domain <domain>', "what its users' names end in (default: NAME.local)")
        .option('--user <name>', 'make a person its administrator, such as ann@NAME.local (default: a program)')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((name: string, options: TenantOptions) => add(shell, name, options)),
    )
    .addCommand(
      new Command('add-administrator')
        .summary('one more administrator of a tenant')
        .description(
          'Make one more administrator of a tenant, for instance because the secret of the first one is lost.',
        )
        .argument('<tenant>', 'id of the tenant')
        .option('--user <name>', 'a person, such as ann@contoso.local (default: a program)')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((tenantId: string, options: TenantOptions) => addAdministrator(shell, tenantId, options)),
    )
    .addCommand(
      new Command('add-domain')
        .summary('one more domain of a tenant')
        .description("Let the names of a tenant's users end in one more domain.")
        .argument('<tenant>', 'id of the tenant')
        .argument('<domain>', 'such as contoso.example')
        .addOption(dataOption())
        .action((tenantId: string, domain: string, options: TenantOptions) =>
          withClient(shell, options, async ({ admin }) => {
            await admin.addDomain(tenantId, domain)
            shell.terminal.result(`Names of users may end in ${domain.toLowerCase()}.`)
          }),
        ),
    )
    .addCommand(
      new Command('remove')
        .summary('a tenant without subscriptions')
        .description('Remove a tenant that has no subscriptions, with everybody in it.')
        .argument('<tenant>', 'id of the tenant')
        .addOption(dataOption())
        .action((tenantId: string, options: TenantOptions) =>
          withClient(shell, options, async ({ admin }) => {
            await admin.removeTenant(tenantId)
            shell.terminal.result(`Removed the tenant ${tenantId}.`)
          }),
        ),
    )

const list = (shell: Shell, options: TenantOptions): Promise<void> =>
  withClient(shell, options, async ({ admin }) => {
    const tenants = await admin.tenants()
    if (options.json) return shell.terminal.result(JSON.stringify({ tenants }))
    const rows = tenants.map(({ tenantId, displayName, domains, subscriptions, principals }) => [
      displayName,
      tenantId,
      countText(subscriptions, 'subscription'),
      countText(principals, 'principal'),
      domains.join(', '),
    ])
    for (const line of tableOf(['Name', 'Tenant', 'Has', 'And', 'Domains'], rows, shell.terminal))
      shell.terminal.result(line)
  })

const wanted = (user: string | undefined): WantedAdministrator =>
  user === undefined ? undefined : { userPrincipalName: user }

const add = (shell: Shell, displayName: string, options: TenantOptions): Promise<void> =>
  withClient(shell, options, async ({ admin }) => {
    const { domain, user } = options
    const made = await admin.addTenant({ displayName, ...(domain !== undefined && { domain }) }, wanted(user))
    if (options.json) return shell.terminal.result(JSON.stringify(made))
    shell.terminal.result(`Tenant         ${made.tenantId}`)
    shell.terminal.result(`Domain         ${made.domains.join(', ')}`)
    tell(made.administrator, shell.terminal)
  })

const addAdministrator = (shell: Shell, tenantId: string, options: TenantOptions): Promise<void> =>
  withClient(shell, options, async ({ admin }) => {
    const administrator = await admin.addAdministrator(tenantId, wanted(options.user))
    if (options.json) return shell.terminal.result(JSON.stringify({ tenantId, administrator }))
    shell.terminal.result(`Tenant         ${tenantId}`)
    tell(administrator, shell.terminal)
  })

const tell = ({ clientId, clientSecret, userPrincipalName, password }: NewAdministrator, terminal: Terminal): void => {
  const [name, secret] = clientId === undefined ? [userPrincipalName, password] : [clientId, clientSecret]
  terminal.result(`${clientId === undefined ? 'User     ' : 'Client id'}      ${name}`)
  terminal.result(`${clientId === undefined ? 'Password ' : 'Secret   '}      ${terminal.style('bold', secret ?? '')}`)
  terminal.result('               shown this once')
}
