import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { armError } from '#arm/arm-error.ts'
import { type NbdAddress, type NbdParts, type NbdServer, serveNbd } from '#data-plane/nbd/serve-nbd.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import type { StoredVersion } from './stored-version.ts'

export interface NbdExportsParts {
  readonly dataFolder: string
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** The server's own certificate, for exports that listen on a port. */
  certificate(): { readonly key: string; readonly cert: string }
  origin(): string
}

export interface RunningExport {
  /** What an NBD client takes: `nbd+unix:///?socket=...`, or `nbds://HOST:PORT/KEY`. */
  readonly uri: string
  /** For `nbds:`, the folder with our authority's `ca-cert.pem`, as libnbd and QEMU want it. */
  readonly caFolder?: string
  /** Aborts when the export is to end with the server. */
  readonly ending: AbortSignal
  stats: NbdServer['stats']
  end(): Promise<void>
}

const mostExports = 16
const retryAfterSeconds = 10
/** What fits into the address of a unix socket, with the zero behind it. */
const mostSocketPathBytes = 107

/**
 * The versions that this server serves over NBD at the moment. On a unix socket below the data folder, where only the server's own user
 * comes; or on a port, under TLS and a name that nobody can guess: who has the URI may read.
 */
export class NbdExports {
  readonly #parts: NbdExportsParts
  readonly #running = new Set<RunningExport>()
  readonly #closing = new AbortController()
  #places = 0
  #swept: Promise<void> | undefined

  constructor(parts: NbdExportsParts) {
    this.#parts = parts
  }

  async start(version: StoredVersion, listen: string | undefined): Promise<RunningExport> {
    if (this.#places >= mostExports || this.#closing.signal.aborted) throw armError.tooManyRequests(retryAfterSeconds)
    this.#places++
    try {
      const started = await (listen === undefined ? this.#onSocket(version) : this.#onPort(version, listen))
      this.#running.add(started)
      if (!this.#closing.signal.aborted) return started
      await started.end()
    } catch (error) {
      this.#places--
      throw error
    }
    throw armError.tooManyRequests(retryAfterSeconds) // the server stops
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#running].map(each => each.end()))
  }

  async #onSocket(version: StoredVersion): Promise<RunningExport> {
    const folder = await this.#folder()
    const socketFile = path.join(folder, `${this.#parts.random.uuid().slice(0, 8)}.sock`)
    if (Buffer.byteLength(socketFile) > mostSocketPathBytes)
      throw armError.invalidParameter(
        `The path '${socketFile}' is too long for a unix socket. Use a data folder with a shorter path, or listen on a port.`,
        'listen',
      )
    const server = await this.#serve({ socketFile }, version, { name: '' })
    return this.#runningOn(server, { uri: `nbd+unix:///?socket=${encodePath(socketFile)}` })
  }

  async #onPort(version: StoredVersion, listen: string): Promise<RunningExport> {
    const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]{1,253})):(\d{1,5})$/i.exec(listen) ?? []
    const host = bracketed ?? plain
    if (host === undefined || Number(port) > 65535) throw armError.invalidQueryParameter('listen', listen.slice(0, 300))
    const folder = await this.#folder()
    await fs.copyFile(path.join(this.#parts.dataFolder, 'ca.pem'), path.join(folder, 'ca-cert.pem'))
    const name = Buffer.from(this.#parts.random.bytes(24)).toString('base64url')
    const { certificate } = this.#parts
    const where = { host, port: Number(port) }
    const server = await this.#serve(where, version, { name, isListed: false, tls: certificate })
    const bound = 'port' in server.address ? server.address.port : 0
    const reached = ['0.0.0.0', '::'].includes(host) ? new URL(this.#parts.origin()).hostname : host
    const uri = `nbds://${reached.includes(':') && !reached.startsWith('[') ? `[${reached}]` : reached}:${bound}/${name}`
    return this.#runningOn(server, { uri, caFolder: folder })
  }

  async #serve(
    where: NbdAddress,
    version: StoredVersion,
    { name, ...more }: { name: string } & Pick<NbdParts, 'isListed' | 'tls'>,
  ): Promise<NbdServer> {
    const { clock, log } = this.#parts
    const bytes = await version.open()
    try {
      const exports = [{ name, description: version.document.id, bytes }]
      return await serveNbd(where, { exports, clock, log, ...more })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (!('host' in where) || code === undefined) throw error
      throw armError.invalidQueryParameter('listen', `${where.host}:${where.port} (${code})`)
    }
  }

  #runningOn(server: NbdServer, address: Pick<RunningExport, 'uri' | 'caFolder'>): RunningExport {
    let ended: Promise<void> | undefined
    const running: RunningExport = {
      ...address,
      ending: this.#closing.signal,
      stats: () => server.stats(),
      end: () =>
        (ended ??= server.close().finally(() => {
          this.#running.delete(running)
          this.#places--
        })),
    }
    return running
  }

  /** For its owner alone. */
  async #folder(): Promise<string> {
    const folder = path.join(this.#parts.dataFolder, 'nbd')
    await fs.mkdir(folder, { recursive: true, mode: 0o700 })
    this.#swept ??= sweep(folder)
    await this.#swept
    return folder
  }
}

/** Removes the sockets of a server that was killed. */
const sweep = async (folder: string): Promise<void> => {
  for (const name of await fs.readdir(folder))
    if (name.endsWith('.sock')) await fs.rm(path.join(folder, name), { force: true })
}

const encodePath = (file: string): string => file.split(path.sep).map(encodeURIComponent).join('/')
