import type { IncomingMessage, ServerResponse } from 'node:http'
import * as https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import { PROTOCOL } from './connect.ts'
import { type NodeJoin, type Role, roleOf } from './join.ts'
import { sendImage } from './send-image.ts'
import { serveConnection } from './serve-connection.ts'
import type { HostedStore } from './store-calls.ts'
import { Wire, WireBroken } from './wire.ts'

export interface RegionServerParts {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly join: NodeJoin
  /** By the name that follows the port in a store's URL. */
  readonly stores: ReadonlyMap<string, HostedStore>
  readonly clock: Clock
  readonly log: Log
  readonly silenceLimitMs?: number
}

export interface RegionServer {
  readonly port: number
  close(): Promise<void>
}

const SILENCE_LIMIT_MS = 60_000
const GREETING_LIMIT_MS = 10_000
const MOST_CONNECTIONS = 1024
const STORE_PATH = /^\/v1\/stores\/([a-z0-9-]{1,40})$/
const IMAGE_PATH = /^\/v1\/stores\/([a-z0-9-]{1,40})\/manifests\/([0-9a-f]{64})$/

interface Refusal {
  readonly status: 401 | 404 | 405 | 426
  readonly text: string
}

/** A region's stores over HTTPS: all calls for whoever has the gallery's token; the calls that read, and GET of images, for readers. */
export const startRegionServer = async (parts: RegionServerParts): Promise<RegionServer> => {
  const { join, log, clock, silenceLimitMs = SILENCE_LIMIT_MS } = parts
  const wires = new Set<Wire>()
  const server = https.createServer({
    key: join.key,
    cert: join.cert,
    minVersion: 'TLSv1.3',
    handshakeTimeout: GREETING_LIMIT_MS,
    headersTimeout: GREETING_LIMIT_MS,
    requestTimeout: GREETING_LIMIT_MS,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: 8192,
  })
  server.maxConnections = MOST_CONNECTIONS
  server.timeout = silenceLimitMs
  server.on('tlsClientError', error => log.info('a TLS handshake failed', { error: error.message }))

  server.on('upgrade', (request: IncomingMessage, socket: Socket, first: Buffer) => {
    socket.on('error', () => {})
    const [, name = ''] = STORE_PATH.exec(request.url ?? '') ?? []
    const hosted = parts.stores.get(name)
    const role = roleOfCaller(request, join)
    const refusal = role ? (hosted ? versionRefusal(request) : notFound) : noToken
    if (refusal || !hosted || !role) return refuse(socket, refusal ?? notFound, request, log)
    socket.setTimeout(0) // from here on the wire counts
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`)
    const wire = new Wire(socket, { clock, silenceLimitMs }, first)
    wires.add(wire)
    serveConnection(wire, hosted, role, log)
      .catch(error => {
        if (!wire.ended.aborted) log.warn('a connection was given up', { error })
        wire.close(error instanceof WireBroken ? error : new WireBroken('The call failed.', { cause: error }))
      })
      .finally(() => wires.delete(wire))
  })

  server.on('request', (request, response) => {
    const [, name = '', manifest = ''] = IMAGE_PATH.exec(request.url ?? '') ?? []
    const hosted = parts.stores.get(name)
    const refusal = roleOfCaller(request, join) ? (hosted ? methodRefusal(request) : notFound) : noToken
    if (refusal || !hosted) return sendRefusal(response, refusal ?? notFound)
    void sendImage(request, response, hosted, manifest, log)
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.port, parts.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise(resolve => server.close(resolve))
      for (const wire of wires) wire.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const notFound: Refusal = { status: 404, text: 'There is nothing here.' }

const noToken: Refusal = { status: 401, text: 'A token of this region is needed.' }

const roleOfCaller = (request: IncomingMessage, join: NodeJoin): Role | undefined => {
  const [, token] = /^Bearer ([\w-]{1,200})$/.exec(request.headers.authorization ?? '') ?? []
  return token === undefined ? undefined : roleOf(join.grants, token)
}

const versionRefusal = (request: IncomingMessage): Refusal | undefined =>
  request.headers.upgrade === PROTOCOL ? undefined : { status: 426, text: `This region speaks ${PROTOCOL}.` }

const methodRefusal = (request: IncomingMessage): Refusal | undefined =>
  request.method === 'GET' || request.method === 'HEAD' ? undefined : { status: 405, text: 'Images are only read.' }

const headersOf = ({ status, text }: Refusal): Record<string, string> => ({
  'content-type': 'text/plain',
  'content-length': String(Buffer.byteLength(text)),
  connection: 'close',
  ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  ...(status === 426 && { upgrade: PROTOCOL }),
})

const sendRefusal = (response: ServerResponse, refusal: Refusal): void => {
  response.writeHead(refusal.status, headersOf(refusal)).end(refusal.text)
}

const refuse = (socket: Socket, refusal: Refusal, { socket: { remoteAddress } }: IncomingMessage, log: Log): void => {
  log.warn('a caller was turned away', { status: refusal.status, from: remoteAddress })
  const headers = Object.entries(headersOf(refusal)).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${refusal.status} Refused\r\n${headers.join('')}\r\n${refusal.text}`, () => socket.destroy())
}
