import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { RegionFull, RegionUnreachable } from '#data-plane/replication/regions.ts'
import { authorise } from './access.ts'
import { type BlobRequest, headerOf, parseTarget, type Reply, requireKnown } from './blob-request.ts'
import type { Endpoint } from './endpoint.ts'
import { type DiskGrants, isGrantName } from './grants.ts'
import { operationOf } from './operations.ts'
import { RequestAborted } from './request-body.ts'
import { errorBody, StorageError, storageError } from './storage-error.ts'

const maxHeaderBytes = 32 * 1024
const headersTimeoutMs = 30_000
/** A connection on which nothing moves for so long is closed; a whole request may take as long as its bytes need. */
const idleTimeoutMs = 120_000
const maxConnections = 2_000
/** How long an answered request may go on sending. */
const maxDrainMs = 5_000

const apiVersion = /^20\d{2}-\d{2}-\d{2}$/
const oldestVersion = '2015-04-05'
const defaultVersion = '2019-02-02'

/** The HTTPS server of the blob endpoint; not listening yet. */
export const blobServer = (tls: { key: string; cert: string }, endpoint: Endpoint, grants: DiskGrants): Server => {
  const server = createServer(
    { ...tls, maxHeaderSize: maxHeaderBytes, requireHostHeader: true },
    (request, response) => {
      void answer(endpoint, grants, request, response)
    },
  )
  server.headersTimeout = headersTimeoutMs
  server.requestTimeout = 0
  server.keepAliveTimeout = 15_000
  server.maxConnections = maxConnections
  server.maxHeadersCount = 200
  server.timeout = idleTimeoutMs
  return server
}

const answer = async (
  endpoint: Endpoint,
  grants: DiskGrants,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const requestId = endpoint.random.uuid()
  response.setHeader('server', 'OpenGallery-Blob')
  response.setHeader('x-ms-request-id', requestId)
  let reply: Reply | undefined
  try {
    echo(incoming, response)
    const request = requestOf(incoming)
    reply = await replyTo(endpoint, grants, request)
    await send(response, incoming, reply)
  } catch (error) {
    await closeBody(reply)
    if (error instanceof RequestAborted || response.headersSent || response.destroyed) {
      if (!isDisconnect(error)) endpoint.log.warn('A blob request broke off.', { requestId, error })
      response.destroy()
      return
    }
    sendError(endpoint, incoming, response, refusalOf(endpoint, error, requestId), requestId)
  }
}

const replyTo = async (endpoint: Endpoint, grants: DiskGrants, request: BlobRequest): Promise<Reply> => {
  requireVersion(request)
  if (isGrantName(request.account)) {
    requireKnown(request)
    return await grants.answer(request)
  }
  const operation = operationOf(request)
  const access = await authorise(request, operation.need, endpoint.table, endpoint.clock.now())
  requireKnown(request)
  return await operation.run(endpoint, request, access)
}

const requestOf = (incoming: IncomingMessage): BlobRequest => ({
  ...parseTarget(incoming.url ?? ''),
  method: incoming.method ?? '',
  headers: incoming.headers,
  rawHeaders: incoming.rawHeaders,
  body: incoming,
  clientAddress: incoming.socket.remoteAddress ?? '',
})

const requireVersion = (request: BlobRequest): void => {
  const version = headerOf(request, 'x-ms-version')
  if (version !== undefined && (!apiVersion.test(version) || version < oldestVersion))
    throw storageError.invalidHeader('x-ms-version')
}

/** What Azure repeats in every answer. */
const echo = (incoming: IncomingMessage, response: ServerResponse): void => {
  const version = headerOf(incoming, 'x-ms-version')
  response.setHeader('x-ms-version', version && apiVersion.test(version) ? version : defaultVersion)
  const client = headerOf(incoming, 'x-ms-client-request-id')
  if (client !== undefined && client.length <= 1024) response.setHeader('x-ms-client-request-id', client)
}

const send = async (response: ServerResponse, incoming: IncomingMessage, reply: Reply): Promise<void> => {
  const { status, headers = {}, body, signal } = reply
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.statusCode = status
  if (body === undefined || typeof body === 'string') {
    if (body !== undefined) response.setHeader('content-length', Buffer.byteLength(body))
    else if (incoming.method !== 'HEAD') response.setHeader('content-length', 0)
    response.end(incoming.method === 'HEAD' ? undefined : body)
    return
  }
  await pipeline(Readable.from(body, { objectMode: true, highWaterMark: 2 }), response, signal ? { signal } : {})
}

/** Bytes that were opened for a reply that could not be sent. */
const closeBody = async (reply: Reply | undefined): Promise<void> => {
  if (typeof reply?.body === 'object') await reply.body[Symbol.asyncIterator]().return?.()
}

const isDisconnect = (error: unknown): boolean =>
  error instanceof RequestAborted ||
  ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ABORT_ERR', 'ERR_STREAM_DESTROYED'].includes(
    (error as NodeJS.ErrnoException)?.code ?? '',
  )

const refusalOf = (endpoint: Endpoint, error: unknown, requestId: string): StorageError => {
  if (error instanceof StorageError) return error
  // The URL is not logged: it may be signed.
  endpoint.log.error('A blob request failed.', { requestId, error })
  if (error instanceof RegionFull) return storageError.serverBusy(error.message)
  return error instanceof RegionUnreachable ? storageError.serverBusy() : storageError.internal()
}

const sendError = (
  endpoint: Endpoint,
  incoming: IncomingMessage,
  response: ServerResponse,
  error: StorageError,
  requestId: string,
): void => {
  for (const name of response.getHeaderNames()) if (!isEchoed(name)) response.removeHeader(name)
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
  response.setHeader('x-ms-error-code', error.code)
  response.statusCode = error.status
  if (error.status === 304 || incoming.method === 'HEAD') {
    response.end()
    drain(endpoint, incoming)
    return
  }
  const body = errorBody(error, requestId, endpoint.clock.now())
  response.setHeader('content-type', 'application/xml')
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
  drain(endpoint, incoming)
}

/**
 * Lets the client finish sending what nobody will read, or it would find its connection reset before it has read the answer; but not
 * for long.
 */
const drain = (endpoint: Endpoint, incoming: IncomingMessage): void => {
  if (incoming.complete) return
  incoming.resume()
  const ended = new AbortController()
  incoming.once('close', () => ended.abort())
  void endpoint.clock.sleep(maxDrainMs, ended.signal).then(() => {
    if (!incoming.complete) incoming.socket.destroy()
  })
}

const isEchoed = (name: string): boolean =>
  ['server', 'x-ms-request-id', 'x-ms-version', 'x-ms-client-request-id'].includes(name)

/** Stops taking connections, lets the requests under way end for a while, then cuts them off. */
export const closeServer = async (server: Server, endpoint: Endpoint, graceMs: number): Promise<void> => {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  server.closeIdleConnections()
  const stop = new AbortController()
  await Promise.race([closed, endpoint.clock.sleep(graceMs, stop.signal)])
  stop.abort()
  server.closeAllConnections()
  await closed
}
