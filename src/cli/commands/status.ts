import { Command } from 'commander'
import type { Client } from '../client/open-client.ts'
import { countText, sizeText } from '../figures.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface StatusOptions extends DataOption {
  json?: true
}

/** `opengallery status`: what runs, and what it holds. */
export const statusCommand = (shell: Shell): Command =>
  new Command('status')
    .summary('show what the server holds')
    .description('Show where the server is, what it holds, and how its regions are.')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((options: StatusOptions) => withClient(shell, options, client => status(shell, client, options)))

const status = async ({ terminal }: Shell, client: Client, options: StatusOptions): Promise<void> => {
  const found = await client.admin.status()
  if (options.json) return terminal.result(JSON.stringify({ url: client.access.url, ...found }))
  terminal.result(`OpenGallery ${found.version} at ${client.access.url}, up since ${found.startedAt}`)
  terminal.result(`Data folder ${found.dataFolder}`)
  const resources = Object.entries(found.resources).map(
    ([type, count]) => `${count} ${type.split('/').slice(1).join('/')}`,
  )
  terminal.result(resources.length > 0 ? `Resources: ${resources.join(', ')}` : 'No resources yet.')
  terminal.result('')
  const rows = found.regions.flatMap(({ name, stores }) =>
    stores.map(store => [
      name,
      countText(store.manifests, 'image'),
      countText(store.chunks, 'chunk'),
      sizeText(store.storedBytes),
      store.url,
    ]),
  )
  for (const line of tableOf(['Region', 'Images', 'Chunks', 'On disk', 'Store'], rows, terminal)) terminal.result(line)
}
