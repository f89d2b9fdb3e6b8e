import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import type { Client } from '../client/open-client.ts'
import type { MachinesStatus, RegionStatus } from '../client/server-admin.ts'
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
  terminal.result(`OpenGallery ${found.version} at ${client.access.url}, since ${found.startedAt}`)
  terminal.result(`Data folder ${found.dataFolder}`)
  terminal.result(`Arithmetic  ${found.kernel}`)
  terminal.result(`Machines    ${machinesText(found.machines)}`)
  const resources = Object.entries(found.resources).filter(([type]) => type !== 'Microsoft.Resources/subscriptions')
  const counted = resources.map(([type, count]) => `${type.replace(/^[^/]*\/(subscriptions\/)?/, '')} ${count}`)
  terminal.result(counted.length > 0 ? `Resources   ${counted.join(', ')}` : 'No resources yet.')
  const stores = found.regions.flatMap(region => region.stores.map(store => ({ region: region.name, ...store })))
  const used = stores.filter(store => store.chunks > 0)
  const isThere = ({ state }: RegionStatus['stores'][number]) => state === 'ready' || state === 'full'
  if (used.length > 0) terminal.result('')
  const head = ['Region', 'Images', 'Chunks', 'On disk', 'Free', 'Store']
  if (used.length > 0) for (const line of tableOf(head, used.map(rowOf), terminal)) terminal.result(line)
  const empty = found.regions.filter(region => region.stores.every(store => isThere(store) && store.chunks === 0))
  if (empty.length > 0) terminal.result(`\nNothing in ${empty.map(region => region.name).join(', ')}.`)
  for (const store of stores) for (const line of [...careOf(store), ...troublesOf(store)]) terminal.result(line)
}

const machinesText = (machines: MachinesStatus): string => {
  const { accelerator, qemuVersion, problem, running, usedCores, cores, usedMemoryMiB, memoryMiB } = machines
  if (accelerator === 'none') return `none can run: ${problem ?? 'there is no QEMU.'}`
  const how = accelerator === 'kvm' ? 'by KVM' : 'emulated (no KVM that runs guests)'
  const memory = `${sizeText(usedMemoryMiB * MIB)} of ${sizeText(memoryMiB * MIB)}`
  const room = running > 0 ? `; ${usedCores} of ${cores} cores and ${memory} are theirs` : ''
  return `${running} running, ${how}, QEMU ${qemuVersion ?? ''}${room}`
}

const MIB = 2 ** 20

const adviceOf: Readonly<Record<string, string>> = {
  missing: 'Mount it again. If the disk is new and empty, start once with --adopt-empty-store',
  full: 'New data is refused; reads, deletes and gc go on. Free some space, or run gc, and it is taken again:',
}

/** What was read through, and what was healed, in a store that was cared for. */
const careOf = ({ region, url, scrub, repairs }: RegionStatus['stores'][number] & { region: string }): string[] => {
  const lines: string[] = []
  if (scrub) {
    const found = scrub.corrupt + scrub.missing
    const when = scrub.finishedAt === undefined ? `since ${scrub.startedAt}` : `until ${scrub.finishedAt}`
    lines.push(`${region}: ${sizeText(scrub.bytes)} read through ${when}, ${found} damaged, ${scrub.healed} healed`)
  }
  if (repairs?.last) {
    const { count, last } = repairs
    lines.push(`${region}: ${countText(count, 'chunk')} came back from other replicas, the last at ${last.time}`)
    lines.push(`  ${folderText(url)}/repairs.log names them`)
  }
  return lines.length > 0 ? ['', ...lines] : []
}

/** What is wrong with a store, and what to do about it. */
const troublesOf = (store: RegionStatus['stores'][number] & { region: string }): string[] => {
  const { region, url, state, problem, lastFault } = store
  const advice = adviceOf[state]
  return [
    ...damageOf(store),
    ...(problem === undefined ? [] : ['', `${region}: ${problem}`]),
    ...(problem !== undefined && advice !== undefined ? [`  ${advice} ${folderText(url)}`] : []),
    ...(lastFault ? ['', `${region}: ${failing(url)} at ${lastFault.time}: ${lastFault.message}`] : []),
  ]
}

const damageOf = ({ region, url, damaged }: RegionStatus['stores'][number] & { region: string }): string[] =>
  damaged === 0
    ? []
    : [
        '',
        `${region}: ${countText(damaged, 'chunk')} ${damaged === 1 ? 'is' : 'are'} damaged; new data does not count on ${damaged === 1 ? 'it' : 'them'}`,
        `  Run 'opengallery verify --repair', and publish again what no replica has. The chunks are named in ${folderText(url)}/damaged.log`,
      ]

const failing = (url: string): string => (url.startsWith('file:') ? 'the disk last failed' : 'it last failed')

const folderText = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : url)

const rowOf = (store: RegionStatus['stores'][number] & { region: string }): string[] => [
  store.region,
  store.manifests.toLocaleString('en-US'),
  store.chunks.toLocaleString('en-US'),
  sizeText(store.storedBytes) + (store.sharedBytes > 0 ? ` (${sizeText(store.sharedBytes)} shared)` : ''),
  store.freeBytes === undefined ? '' : sizeText(store.freeBytes),
  folderText(store.url),
]
