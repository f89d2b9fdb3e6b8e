import type { Server } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { renderError } from './arm.ts'
import { ArmError, armError } from './arm-error.ts'
import type { RawRequest } from './raw-request.ts'
import type { ArmResponse, Caller } from './resource-type.ts'

/** Azure takes templates of up to 4 MB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_HEADER_BYTES = 32 * 1024
const MAX_CONNECTIONS = 2000
const HANDSHAKE_TIMEOUT_MS = 20_000
/** Who sends a header or a body byte by byte holds a connection no longer than this. */
const HEADERS_TIMEOUT_MS = 15_000
const CHECK_INTERVAL_MS = 5000

export interface HttpParts {
  readonly tls: Pick<SecureContextOptions, 'key' | 'cert' | 'minVersion' | 'ciphers'>
  readonly log: Log
  readonly random: Random
  /** Who sends a request, by its headers alone; throws the 401s. Asked before a body is read. */
  authenticate(raw: RawRequest): Promise<Caller>
  /** Every path that no other route has goes here. */
  handle(raw: RawRequest): Promise<ArmResponse>
  /** Routes that need no token: discovery, tokens, the alias document. */
  readonly open: readonly ((app: FastifyInstance, options: object) => unknown)[]
  /** Told of each route as it is made: `GET /opengallery/status`. */
  routeMade(route: string): void
  /** Where clients reach this server, known once it listens. */
  origin(): string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it, once that is known. */
    verified: Caller | undefined
  }
}

/**
 * ARM over HTTPS: limits, request ids, and bodies handed on unread; what an answer says is decided behind `handle`. Whoever shows no
 * good token is told nothing but that, whatever else is wrong with the request, and no body of theirs is kept.
 */
export const makeHttpServer = async (parts: HttpParts): Promise<FastifyInstance> => {
  const app = Fastify({
    https: {
      ...parts.tls,
      maxHeaderSize: MAX_HEADER_BYTES,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 4096, caseSensitive: false },
    genReqId: () => parts.random.uuid(),
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply, parts),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket),
    return503OnClosing: true,
    forceCloseConnections: 'idle',
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) parts.routeMade(`${one} ${url}`)
  })
  app.addHook('onSend', async (request, reply) => addCommonHeaders(request, reply))
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, parts))
  app.decorateRequest('verified', undefined)
  limitConnections(app.server as unknown as Server)
  for (const routes of parts.open)
    await app.register(async (scope, options) => void (await routes(scope as unknown as FastifyInstance, options)))
  const onRequest = async (request: FastifyRequest) => {
    refuseTwoMeanings(request)
    request.verified = await parts.authenticate(rawRequest(request, parts))
  }
  const handler = async (request: FastifyRequest, reply: FastifyReply) =>
    sendAnswer(reply, await parts.handle(rawRequest(request, parts)))
  app.all('/*', { onRequest, handler })
  app.setNotFoundHandler(handler) // methods that no route can have
  return app
}

const limitConnections = (server: Server): void => {
  server.maxConnections = MAX_CONNECTIONS
  // An expectation that is not known may be ignored (RFC 9110 section 10.1.1); Node would refuse it without asking who sends it.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

/** Headers that somebody in between could read otherwise than we do, if they came twice. */
const SINGLE = ['host', 'authorization', 'content-type', 'content-length', 'transfer-encoding']

const refuseTwoMeanings = ({ raw }: FastifyRequest): void => {
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0).map(name => name.toLowerCase())
  const twice = SINGLE.find(name => names.indexOf(name) !== names.lastIndexOf(name))
  if (twice !== undefined) throw armError.invalidRequestContent(`the header '${twice}' is given more than once`)
}

const rawRequest = (request: FastifyRequest, parts: HttpParts): RawRequest => ({
  method: request.method,
  url: request.raw.url ?? '/',
  headers: {
    ...(request.headers as Record<string, string | undefined>),
    'x-ms-correlation-request-id': correlationOf(request),
  },
  ...(Buffer.isBuffer(request.body) ? { body: request.body } : {}),
  ...(request.verified ? { verified: request.verified } : {}),
  origin: parts.origin(),
  remoteAddress: request.ip,
})

/** What everything that this request sets off has in common: the client's own word, if it is one. */
const correlationOf = (request: FastifyRequest): string => {
  const given = request.headers['x-ms-correlation-request-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : request.id
}

const addCommonHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
  reply.header('x-ms-request-id', request.id)
  reply.header('x-ms-correlation-request-id', correlationOf(request))
  const client = request.headers['x-ms-client-request-id']
  if (
    request.headers['x-ms-return-client-request-id'] === 'true' &&
    typeof client === 'string' &&
    /^[\w-]{1,64}$/.test(client)
  )
    reply.header('x-ms-client-request-id', client)
  const transport = strictTransport(request.hostname)
  if (transport) reply.header('strict-transport-security', transport)
  reply.header('cache-control', 'no-cache')
  reply.header('x-content-type-options', 'nosniff')
}

/** Browsers keep to HTTPS for a name; not for this machine itself, where other programs may speak HTTP. Addresses have no such memory. */
const strictTransport = (host: string): string | undefined =>
  host === '' || isIP(host.replace(/^\[|\]$/g, '')) !== 0 || /(^|\.)localhost$/i.test(host)
    ? undefined
    : 'max-age=31536000'

const sendAnswer = (reply: FastifyReply, answer: ArmResponse): FastifyReply => {
  reply.code(answer.status).headers(answer.headers)
  // Go's SDK takes an answer to a poll only with a JSON content type, even an empty one.
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(answer.body === undefined ? '' : JSON.stringify(answer.body))
}

/** The refusal is that there is no good token: no need to look for one again. */
const isAtTheDoor = (error: unknown) => error instanceof ArmError && [401, 429].includes(error.status)

const refuse = async (error: unknown, request: FastifyRequest, reply: FastifyReply, parts: HttpParts) => {
  try {
    if (!request.verified && !isAtTheDoor(error)) await parts.authenticate(rawRequest(request, parts))
  } catch (unknown) {
    return fail(unknown, request, reply, parts)
  }
  return fail(error, request, reply, parts)
}

/** What is no HTTP, or too much of it: there is no request yet that could be answered. */
const refuseConnection = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const line = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const reason = tooLarge ? `the headers have more than ${MAX_HEADER_BYTES} bytes` : 'it is not a valid HTTP request'
  const body = JSON.stringify(renderError(armError.invalidRequestContent(reason)).body)
  const headers = `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}`
  socket.end(`HTTP/1.1 ${line}\r\n${headers}\r\nconnection: close\r\n\r\n${body}`)
}

const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply, parts: HttpParts): FastifyReply =>
  sendAnswer(reply, renderError(asArmError(error, request, parts)))

const asArmError = (error: unknown, request: FastifyRequest, parts: HttpParts): ArmError => {
  if (error instanceof ArmError) return error
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return armError.requestTooLarge(MAX_BODY_BYTES)
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') return armError.invalidPath()
  if (statusCode !== undefined && statusCode < 500) return armError.invalidRequestContent((error as Error).message)
  parts.log.error('a request failed', {
    requestId: request.id,
    method: request.method,
    path: request.url.split('?')[0],
    error,
  })
  return armError.internalError(request.id)
}
