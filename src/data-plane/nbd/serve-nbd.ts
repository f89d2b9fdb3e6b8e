import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as tls from 'node:tls'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { CacheLimits } from './block-cache.ts'
import { Line, LineBroken } from './line.ts'
import { type NbdExport, OpenExport } from './nbd-export.ts'
import { negotiate, type Offer } from './negotiate.ts'
import { transmit } from './transmit.ts'
import { usualVigil, type Vigil } from './vigil.ts'

export interface NbdParts {
  readonly exports: readonly NbdExport[]
  /** Whether clients may list the exports. If not, who knows a name may read it: make it unguessable. Default true. */
  readonly isListed?: boolean
  /** With a key and a certificate nothing is said in the clear; asked at each connection, so that they can be renewed. */
  tls?(): { readonly key: string; readonly cert: string }
  readonly cache?: CacheLimits
  readonly maxConnections?: number
  readonly handshakeMs?: number
  readonly clock: Clock
  readonly log: Log
}

export type NbdAddress = { readonly socketFile: string } | { readonly host: string; readonly port: number }

export interface NbdServer {
  readonly address: NbdAddress
  stats(): { readonly connections: number; readonly sentBytes: number; readonly failures: number }
  /** Hangs up on everybody and closes the exports' bytes. */
  close(): Promise<void>
}

const usualMaxConnections = 32
const usualHandshakeMs = 20_000

/**
 * Serves bytes to NBD clients, read-only: QEMU, nbdcopy, the kernel's nbd. The file of a unix socket is for its owner alone; a host
 * and port are for everybody, so give it `tls`. Every read that fails is answered as an error, and logged.
 */
export const serveNbd = async (at: NbdAddress, parts: NbdParts): Promise<NbdServer> => {
  const exports = parts.exports.map(each => new OpenExport(each, parts.cache))
  const offer = offerOf(exports, parts)
  const vigil = usualVigil()
  const lines = new Set<Line>()
  const conversations = new Set<Promise<void>>()
  const counts = { sentBytes: 0, failures: 0 }
  const failed = (error: unknown) => {
    counts.failures++
    parts.log.error('Bytes could not be read for an NBD client.', { error })
  }
  const server = net.createServer({ noDelay: true }, socket => {
    const line = new Line(socket, parts.clock)
    lines.add(line)
    const conversation: Promise<void> = converse(line, offer, parts, failed, vigil).finally(() => {
      lines.delete(line)
      conversations.delete(conversation)
      counts.sentBytes += line.sentBytes
    })
    conversations.add(conversation)
  })
  server.maxConnections = parts.maxConnections ?? usualMaxConnections
  const close = async () => {
    const closed = new Promise(resolve => server.close(resolve))
    for (const line of lines) line.destroy()
    await Promise.all(conversations)
    await closed
    for (const each of exports) await each.close()
  }
  try {
    return {
      address: await listen(server, at),
      stats: () => ({
        ...counts,
        connections: lines.size,
        sentBytes: [...lines].reduce((sum, line) => sum + line.sentBytes, counts.sentBytes),
      }),
      close,
    }
  } catch (error) {
    for (const each of exports) await each.close()
    throw error
  }
}

const offerOf = (exports: readonly OpenExport[], { tls: certificate, isListed = true }: NbdParts): Offer => ({
  exports,
  isListed,
  ...(certificate && {
    secureContext: () => tls.createSecureContext({ ...certificate(), minVersion: 'TLSv1.2' }),
  }),
})

const converse = async (
  line: Line,
  offer: Offer,
  { clock, log, handshakeMs = usualHandshakeMs }: NbdParts,
  failed: (error: unknown) => void,
  vigil: Vigil,
): Promise<void> => {
  const agreedOn = new AbortController()
  void clock.sleep(handshakeMs, agreedOn.signal).then(() => {
    if (!agreedOn.signal.aborted) line.destroy()
  })
  try {
    const agreed = await negotiate(line, offer)
    agreedOn.abort()
    if (agreed) await transmit(line, agreed, failed, vigil)
    await line.end()
  } catch (error) {
    if (!(error instanceof LineBroken)) log.error('An NBD connection broke off.', { error })
    line.destroy()
  } finally {
    agreedOn.abort()
  }
}

const listen = async (server: net.Server, at: NbdAddress): Promise<NbdAddress> => {
  const where = 'socketFile' in at ? { path: at.socketFile } : { host: at.host, port: at.port }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, resolve)
  })
  if ('socketFile' in at) {
    await fs.chmod(at.socketFile, 0o600)
    return at
  }
  return { host: at.host, port: (server.address() as net.AddressInfo).port }
}
