import { Command } from 'commander'
import { systemRandom } from '#foundation/random.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface SubscriptionOptions extends DataOption {
  json?: true
  tenant?: string
  owner?: string
}

const examples = `
Examples:
  $ opengallery subscription add staging
  $ opengallery subscription add production --tenant TENANT-ID --owner OBJECT-ID
  $ opengallery subscription list
  $ az rest --method post --url /subscriptions/ID/providers/Microsoft.Subscription/cancel?api-version=2021-10-01

A cancelled subscription can be read and deleted from; \`.../enable\` brings it back.`

/** `opengallery subscription`: the subscriptions of an installation. */
export const subscriptionCommand = (shell: Shell): Command =>
  new Command('subscription')
    .summary('subscriptions: what resources belong to')
    .description('List, add and remove subscriptions.')
    .addHelpText('after', examples)
    .addCommand(
      new Command('list')
        .summary('all subscriptions')
        .description('List the subscriptions of all tenants.')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((options: SubscriptionOptions) => list(shell, options)),
    )
    .addCommand(
      new Command('add')
        .summary('a new subscription')
        .description('Make a subscription. It is owned by whom --owner names, else by you, if it is in your tenant.')
        .argument('<name>', 'what the subscription is called')
        .option('--tenant <id>', 'the tenant that it belongs to (default: your own)')
        .option('--owner <id>', 'object id of a principal of the tenant')
        .addOption(dataOption())
        .addOption(jsonOption())
        .action((name: string, options: SubscriptionOptions) => add(shell, name, options)),
    )
    .addCommand(
      new Command('remove')
        .summary('an empty subscription')
        .description('Remove a subscription in which there are no resource groups.')
        .argument('<id>', 'id of the subscription')
        .addOption(dataOption())
        .action((id: string, options: SubscriptionOptions) =>
          withClient(shell, options, async ({ admin }) => {
            await admin.removeSubscription(id)
            shell.terminal.result(`Removed the subscription ${id}.`)
          }),
        ),
    )

const list = (shell: Shell, options: SubscriptionOptions): Promise<void> =>
  withClient(shell, options, async ({ admin }) => {
    const subscriptions = await admin.subscriptions()
    if (options.json) return shell.terminal.result(JSON.stringify({ subscriptions }))
    const rows = subscriptions.map(({ displayName, subscriptionId, tenantId, state, resourceGroups }) => [
      displayName,
      subscriptionId,
      tenantId,
      state,
      String(resourceGroups),
    ])
    for (const line of tableOf(['Name', 'Subscription', 'Tenant', 'State', 'Groups'], rows, shell.terminal))
      shell.terminal.result(line)
  })

const add = (shell: Shell, displayName: string, options: SubscriptionOptions): Promise<void> =>
  withClient(shell, options, async ({ arm }) => {
    const { tenant, owner } = options
    // A name for this wish alone: asked for twice, it would be the same subscription.
    const alias = `opengallery-${systemRandom.uuid()}`
    const made = await arm.put(`/providers/Microsoft.Subscription/aliases/${alias}`, {
      properties: {
        displayName,
        workload: 'Production',
        additionalProperties: {
          ...(tenant !== undefined && { subscriptionTenantId: tenant }),
          ...(owner !== undefined && { subscriptionOwnerId: owner }),
        },
      },
    })
    if (options.json) return shell.terminal.result(JSON.stringify(made.properties))
    shell.terminal.result(`Subscription ${made.properties.subscriptionId} is there.`)
  })
