import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { Command } from 'commander'
import type { Client } from '../client/open-client.ts'
import type { ServedSoFar, ServedVersion } from '../client/server-admin.ts'
import { Failure, usageError } from '../failure.ts'
import { sizeText } from '../figures.ts'
import { parseVersion, versionId } from '../images/image-ids.ts'
import { resolveVersion } from '../images/pull-image.ts'
import { dataOption, jsonOption, numberIn } from '../options.ts'
import { type DataOption, type Shell, withClient } from '../shell.ts'

interface ServeNbdOptions extends DataOption {
  socket?: string
  listen?: string
  region?: string
  lun?: number
  json?: true
}

const examples = `
Examples:
  $ opengallery serve-nbd images/gallery/web --socket web.sock &
  $ qemu-system-x86_64 -m 1024 -snapshot -drive 'file=nbd+unix:///?socket=web.sock,format=raw'
  $ nbdcopy 'nbd+unix:///?socket=web.sock' web.raw
  $ opengallery serve-nbd images/gallery/web/1.0.0 --listen 0.0.0.0:10809

Without --listen only you, on the server's own machine, can read. With it the connection is encrypted, and who has the printed
URI can read: it contains a key that ends with the command.`

/** `opengallery serve-nbd VERSION`: a version as a network block device, for as long as the command runs. */
export const serveNbdCommand = (shell: Shell): Command =>
  new Command('serve-nbd')
    .summary('serve an image version as a read-only network block device')
    .description(
      'Serve an image version read-only over NBD until Ctrl+C: nothing is copied, only what is read is fetched, and every byte is verified. The version may be deleted meanwhile; its bytes stay until the command ends.',
    )
    .argument('<version>', 'a resource id, or GROUP/GALLERY/DEFINITION[/VERSION]; without a version the latest')
    .option('--socket <path>', 'also make the socket known under this path')
    .option('--listen <host:port>', 'listen on a port of the server, under TLS; port 0 takes a free one')
    .option('--region <name>', 'read from the replicas of this region (default: the first of the version)')
    .option('--lun <number>', 'serve this data disk, not the disk of the system', numberIn('--lun', 0, 63))
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText('after', examples)
    .action((version: string, options: ServeNbdOptions) => {
      if (options.socket !== undefined && options.listen !== undefined)
        throw usageError("--socket and --listen can't both be given.")
      return withClient(shell, options, client => serveUntilInterrupted(shell, client, version, options))
    })

const serveUntilInterrupted = async (
  shell: Shell,
  client: Client,
  text: string,
  options: ServeNbdOptions,
): Promise<void> => {
  const { version: wanted, ...place } = parseVersion(text, client.access.subscriptionId)
  const version = await resolveVersion(client, place, wanted, options.region)
  const interrupted = new AbortController()
  const release = shell.onInterrupt(() => interrupted.abort())
  const query = {
    id: versionId(place, version),
    ...(options.region !== undefined && { region: options.region }),
    ...(options.lun !== undefined && { lun: String(options.lun) }),
    ...(options.listen !== undefined && { listen: options.listen }),
  }
  let link: string | undefined
  let last: ServedSoFar | undefined
  try {
    for await (const told of client.admin.serveNbd(query, interrupted.signal)) {
      if (!('uri' in told)) {
        last = told
        continue
      }
      if (options.socket !== undefined) link = await linkTo(told, options.socket)
      tell(shell, told, link, options.json === true)
    }
    throw new Failure('The server has ended the export.', { advice: 'Was it stopped? Start it, then serve again.' })
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    if (last?.sentBytes) shell.terminal.say(`Ended; ${sizeText(last.sentBytes)} were sent or more.`)
  } finally {
    release()
    if (link !== undefined) await fs.rm(link, { force: true })
  }
}

/** A name of the user's own choice for the server's socket. Nothing that is there is replaced. */
const linkTo = async ({ uri }: ServedVersion, wanted: string): Promise<string> => {
  const link = path.resolve(wanted)
  try {
    await fs.symlink(socketOf(uri), link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw usageError(`${wanted} exists already.`)
  }
  return link
}

const socketOf = (uri: string): string => new URL(uri).searchParams.get('socket') ?? ''

const tell = (shell: Shell, served: ServedVersion, link: string | undefined, asJson: boolean): void => {
  const { terminal, env } = shell
  const isHere = !env.OPENGALLERY_URL
  const withCa = served.caFolder !== undefined && isHere ? `?tls-certificates=${encodeURI(served.caFolder)}` : ''
  const uri = link === undefined ? `${served.uri}${withCa}` : `nbd+unix:///?socket=${encodeURI(link)}`
  terminal.result(asJson ? JSON.stringify({ ...served, uri }) : uri)
  if (asJson) return
  const { id, region, sizeBytes } = served
  terminal.say(`Serving ${id.split('/').slice(-3).join(' ')} from ${region}, ${sizeText(sizeBytes)}, read-only.`)
  if (served.caFolder !== undefined && !isHere)
    terminal.say('Clients must trust the authority of the server: give them its ca.pem as DIR/ca-cert.pem.')
  terminal.say('Ctrl+C ends it.')
}
