import { Command } from 'commander'
import { isUuid } from '#foundation/random.ts'
import type { ArmClient } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { Failure } from '../failure.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface GroupOptions extends DataOption {
  json?: true
  description?: string
}

const examples = `
Examples:
  $ opengallery group add builders
  $ opengallery group add-member builders ann@opengallery.local
  $ opengallery group members builders
  $ az role assignment create --assignee-object-id ID --assignee-principal-type Group --role Contributor --scope ...

A member is a user (by name), a program (by its application id), or anything by its object id, other groups included.`

/** `opengallery group`: groups of the own tenant, by the same API as `az ad group`. */
export const groupCommand = (shell: Shell): Command =>
  new Command('group')
    .summary('groups of people and programs')
    .description('List, add and remove the groups of your tenant. Roles of a group are those of everybody in it.')
    .addHelpText('after', examples)
    .addCommand(
      new Command('list')
        .summary('all groups')
        .description('List all groups of the tenant.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: GroupOptions) => list(shell, options)),
    )
    .addCommand(
      new Command('add')
        .summary('a new group')
        .description('Add a group.')
        .argument('<name>', 'what the group is called')
        .option('--description <text>', 'what it is for')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((name: string, options: GroupOptions) => add(shell, name, options)),
    )
    .addCommand(
      new Command('remove')
        .summary('a group')
        .description('Remove a group; its members stay.')
        .argument('<group>', 'name or object id')
        .addOption(dataOption())
        .action((group: string, options: GroupOptions) =>
          withClient(shell, options, async ({ graph }) => {
            await graph.remove(`/groups/${await groupId(group, graph)}`)
            shell.terminal.result(`Removed ${group}.`)
          }),
        ),
    )
    .addCommand(
      new Command('members')
        .summary('who is in a group')
        .description('List the direct members of a group.')
        .argument('<group>', 'name or object id')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((group: string, options: GroupOptions) => members(shell, group, options)),
    )
    .addCommand(
      new Command('add-member')
        .summary('put somebody into a group')
        .description('Put a user, a program or another group into a group.')
        .argument('<group>', 'name or object id')
        .argument('<member>', 'name of a user, application id, or object id')
        .addOption(dataOption())
        .action((group: string, member: string, options: GroupOptions) =>
          withClient(shell, options, async ({ graph, access }) => {
            const reference = `${access.url}/msgraph/v1.0/directoryObjects/${await memberId(member, graph)}`
            await graph.act(`/groups/${await groupId(group, graph)}/members/$ref`, { '@odata.id': reference })
            shell.terminal.result(`${member} is in ${group}.`)
          }),
        ),
    )
    .addCommand(
      new Command('remove-member')
        .summary('take somebody out of a group')
        .description('Take a member out of a group.')
        .argument('<group>', 'name or object id')
        .argument('<member>', 'name of a user, application id, or object id')
        .addOption(dataOption())
        .action((group: string, member: string, options: GroupOptions) =>
          withClient(shell, options, async ({ graph }) => {
            await graph.remove(`/groups/${await groupId(group, graph)}/members/${await memberId(member, graph)}/$ref`)
            shell.terminal.result(`${member} is no longer in ${group}.`)
          }),
        ),
    )

const list = (shell: Shell, options: GroupOptions): Promise<void> =>
  withClient(shell, options, async ({ graph }) => {
    const groups = await graph.list('/groups')
    if (options.json) return shell.terminal.result(JSON.stringify({ groups }))
    if (groups.length === 0) return shell.terminal.result('There are no groups.')
    const rows = groups.map(group => [group.displayName, group.id, group.description ?? ''])
    for (const line of tableOf(['Group', 'Object id', 'For'], rows, shell.terminal)) shell.terminal.result(line)
  })

const add = (shell: Shell, displayName: string, options: GroupOptions): Promise<void> =>
  withClient(shell, options, async ({ graph }) => {
    const mailNickname = displayName.replaceAll(/[^\w.-]+/g, '-').slice(0, 64)
    const { description } = options
    const words = { displayName, mailNickname, ...(description !== undefined && { description }) }
    const group = await graph.act('/groups', { ...words, mailEnabled: false, securityEnabled: true })
    if (options.json) return shell.terminal.result(JSON.stringify(group))
    shell.terminal.result(`${group.displayName} is there, with the object id ${group.id}.`)
  })

const members = (shell: Shell, group: string, options: GroupOptions): Promise<void> =>
  withClient(shell, options, async ({ graph }: Client) => {
    const found = await graph.list(`/groups/${await groupId(group, graph)}/members`)
    if (options.json) return shell.terminal.result(JSON.stringify({ members: found }))
    if (found.length === 0) return shell.terminal.result(`Nobody is in ${group}.`)
    const rows = found.map(member => [
      member.userPrincipalName ?? member.displayName,
      String(member['@odata.type']).replace('#microsoft.graph.', ''),
      member.id,
    ])
    for (const line of tableOf(['Member', 'Kind', 'Object id'], rows, shell.terminal)) shell.terminal.result(line)
  })

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

const groupId = async (group: string, graph: ArmClient): Promise<string> => {
  if (isUuid(group)) return group
  const found = await graph.list('/groups', { $filter: `displayName eq ${quoted(group)}` })
  if (found.length === 1) return found[0].id
  throw new Failure(
    found.length === 0 ? `There is no group '${group}'.` : `${found.length} groups are called '${group}'.`,
    found.length === 0 ? {} : { advice: 'Name the one you mean by its object id: `opengallery group list` shows it.' },
  )
}

const memberId = async (member: string, graph: ArmClient): Promise<string> => {
  if (member.includes('@')) return (await graph.get(`/users/${member}`)).id
  if (!isUuid(member)) return groupId(member, graph)
  const found = await graph.list('/servicePrincipals', { $filter: `appId eq ${quoted(member)}` })
  return found[0]?.id ?? member
}
