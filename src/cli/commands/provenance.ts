import { Command } from 'commander'
import type { Json } from '../client/arm-client.ts'
import type { Client } from '../client/open-client.ts'
import { Failure, usageError } from '../failure.ts'
import { parseVersion, versionId } from '../images/image-ids.ts'
import { resolveVersion } from '../images/pull-image.ts'
import { dataOption, jsonOption } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'
import { tableOf } from '../table.ts'
import type { Terminal } from '../terminal.ts'

interface ProvenanceOptions extends DataOption {
  envelope?: true
  keys?: true
  rotateKey?: true
  json?: true
}

const examples = `
Examples:
  $ opengallery provenance images/gallery/web                    who made the latest version, of what, and whether it is still that
  $ opengallery provenance images/gallery/web/1.0.0 --envelope   the signed statement, for tools that read in-toto attestations
  $ opengallery provenance --keys                                the public keys of this installation
  $ opengallery provenance --rotate-key                          sign with a new key; what the former one signed stays good`

/** `opengallery provenance VERSION`: where a version comes from, and who vouches for it. */
export const provenanceCommand = (shell: Shell): Command =>
  new Command('provenance')
    .summary('show where a version comes from, and who signed it')
    .description('Show where an image version comes from, who published it, and whether its signature fits it.')
    .argument('[version]', 'a resource id, or GROUP/GALLERY/DEFINITION[/VERSION]; without a version the latest')
    .option('--envelope', 'print the signed statement alone: a DSSE envelope around an in-toto statement')
    .option('--keys', 'show the public keys of this installation')
    .option('--rotate-key', 'sign with a new key from now on')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText('after', examples)
    .action((version: string | undefined, options: ProvenanceOptions) =>
      withClient(shell, options, async client => {
        if (options.rotateKey) await client.arm.act('/opengallery/image-keys/rotate')
        if (options.keys || options.rotateKey) return await showKeys(client, options, shell.terminal)
        if (version === undefined) throw usageError('Name a version, or give --keys or --rotate-key.')
        await show(client, version, options, shell.terminal)
      }),
    )

const showKeys = async ({ arm }: Client, { json }: ProvenanceOptions, terminal: Terminal): Promise<void> => {
  const { keys } = await arm.get('/opengallery/image-keys')
  if (json) return terminal.result(JSON.stringify(keys))
  const rows = keys.map(({ keyid, publicKey, since, until }: Json) => [
    keyid.slice(0, 16),
    publicKey,
    since,
    until ?? 'signs now',
  ])
  for (const line of tableOf(['Key', 'Public key', 'Since', 'Until'], rows, terminal)) terminal.result(line)
}

const show = async (client: Client, text: string, options: ProvenanceOptions, terminal: Terminal): Promise<void> => {
  const { version: wanted, ...place } = parseVersion(text, client.access.subscriptionId)
  const version = await resolveVersion(client, place, wanted)
  const shown = await client.arm.get('/opengallery/provenance', { id: versionId(place, version) })
  if (options.envelope && !shown.envelope) throw new Failure(`${shown.id} is not signed.`)
  if (options.envelope || options.json) terminal.result(JSON.stringify(options.envelope ? shown.envelope : shown))
  else for (const line of linesOf(shown)) terminal.result(line)
  if (shown.state === 'broken')
    throw new Failure('It is not what was signed when it was published. Its bytes are not used.', {
      advice:
        'Publish it again. If the data folder was put together from several backups, put back its image-keys.json.',
    })
}

const linesOf = (shown: Json): string[] => [
  shown.id,
  ...(shown.state === 'unsigned' ? ['  not signed: it is older than signatures'] : signedLines(shown)),
  ...(shown.former
    ? ['  before a bundle brought it here:', ...signedLines(shown.former).map(line => `  ${line}`)]
    : []),
]

const signedLines = ({ state, signedBy, statement }: Json): string[] => {
  const { buildDefinition, runDetails } = statement?.predicate ?? {}
  const { publisher } = buildDefinition?.internalParameters ?? {}
  const sources = (buildDefinition?.resolvedDependencies ?? []) as Json[]
  return [
    state === 'signed'
      ? `  signed by    ${signedBy.keyid.slice(0, 16)}`
      : '  signed by    nobody known: the signature does not fit',
    `  published    ${runDetails?.metadata?.finishedOn ?? '?'}${publisher ? ` by ${publisher.displayName} (${publisher.objectId})` : ''}`,
    ...sources.map(({ uri, annotations }) => `  made of      ${annotations?.kind ?? ''} ${uri}`),
    ...((statement?.subject ?? []) as Json[]).map(({ name, digest }) => `  ${name.padEnd(12)} ${digest.sha256}`),
  ]
}
