import { Command } from 'commander'
import { usageError } from '../failure.ts'
import { galleryId } from '../images/image-ids.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'

interface ConsumersOptions extends DataOption {
  json?: true
}

/** As the gallery's action `listConsumers` answers. */
interface Use {
  readonly image: string
  readonly version: string
  readonly location: string
  readonly access: 'Role' | 'SharedGallery' | 'CommunityGallery'
  readonly subscriptionId?: string
  readonly isStillShared?: boolean
  readonly virtualMachines: number
  readonly disks: number
}

const examples = `
Examples:
  $ opengallery consumers images/gallery
  $ az rest --method post --url "$(az sig show -g images -r gallery --query id -o tsv)/listConsumers?api-version=2024-03-03"

What was revoked stays listed as long as there is something that was made before. Of the consumers of a community gallery there are
numbers, and no names.`

/** `opengallery consumers GALLERY`: who runs what was made of a gallery. */
export const consumersCommand = (shell: Shell): Command =>
  new Command('consumers')
    .summary('who runs what was made of a gallery')
    .description('List by subscription how many virtual machines and disks there are of each version of a gallery.')
    .argument('<gallery>', 'GROUP/GALLERY, or a resource id')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText('after', examples)
    .action((gallery: string, options: ConsumersOptions) => list(shell, gallery, options))

const list = (shell: Shell, text: string, options: ConsumersOptions): Promise<void> =>
  withClient(shell, options, async ({ access, arm }) => {
    const { value } = await arm.act(`${idOf(text, access.subscriptionId)}/listConsumers`)
    const uses = value as readonly Use[]
    if (options.json) return shell.terminal.result(JSON.stringify({ consumers: uses }))
    if (uses.length === 0) return shell.terminal.result('Nothing is there that was made of this gallery.')
    const head = ['Image', 'Region', 'Subscription', 'By', 'Machines', 'Disks']
    for (const line of tableOf(head, uses.map(rowOf), shell.terminal)) shell.terminal.result(line)
  })

const rowOf = (use: Use): string[] => [
  `${use.image}/${use.version}`,
  use.location,
  use.subscriptionId ?? '(community)',
  wordsOf(use),
  String(use.virtualMachines),
  String(use.disks),
]

const wordsOf = ({ access, isStillShared }: Use): string => {
  if (access === 'Role') return 'role'
  return `${access === 'SharedGallery' ? 'sharing' : 'community'}${isStillShared ? '' : ', ended'}`
}

const fullId = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/galleries\/[^/]+\/?$/i

const idOf = (text: string, subscriptionId: string): string => {
  if (fullId.test(text)) return text.replace(/\/$/, '')
  const [group, gallery, ...rest] = text.split('/')
  if (!group || !gallery || rest.length > 0)
    throw usageError(`'${text}' names no gallery.`, 'Give GROUP/GALLERY, or the id that az sig show tells.')
  return galleryId({ subscriptionId, group, gallery })
}
