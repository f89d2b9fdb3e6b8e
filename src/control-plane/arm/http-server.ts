import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import { renderError } from './arm.ts'
import { ArmError, armError } from './arm-error.ts'
import type { RawRequest } from './raw-request.ts'
import type { ArmResponse } from './resource-type.ts'

/** Azure takes templates of up to 4 MB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_HEADER_BYTES = 32 * 1024

export interface HttpParts {
  readonly tls: { readonly key: string; readonly cert: string }
  readonly log: Log
  readonly random: Random
  /** Every path that no other route has goes here. */
  handle(raw: RawRequest): Promise<ArmResponse>
  /** Routes that need no token: discovery, tokens, the alias document. */
  readonly open: readonly ((app: FastifyInstance, options: object) => unknown)[]
  /** Where clients reach this server, known once it listens. */
  origin(): string
}

/** ARM over HTTPS: limits, request ids, and bodies handed on unread; what an answer says is decided behind `handle`. */
export const makeHttpServer = async (parts: HttpParts): Promise<FastifyInstance> => {
  const app = Fastify({
    https: { ...parts.tls, maxHeaderSize: MAX_HEADER_BYTES, minVersion: 'TLSv1.2' },
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 60_000,
    routerOptions: { maxParamLength: 4096, caseSensitive: false },
    genReqId: () => parts.random.uuid(),
    frameworkErrors: (error, request, reply) => void fail(error, request, reply, parts),
    return503OnClosing: true,
    forceCloseConnections: 'idle',
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onSend', async (request, reply) => addCommonHeaders(request, reply))
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, parts))
  for (const routes of parts.open)
    await app.register(async (scope, options) => void (await routes(scope as unknown as FastifyInstance, options)))
  app.all('/*', async (request, reply) => sendAnswer(reply, await parts.handle(rawRequest(request, parts))))
  return app
}

const rawRequest = (request: FastifyRequest, parts: HttpParts): RawRequest => ({
  method: request.method,
  url: request.raw.url ?? '/',
  headers: request.headers as Record<string, string | undefined>,
  ...(Buffer.isBuffer(request.body) ? { body: request.body } : {}),
  origin: parts.origin(),
  remoteAddress: request.ip,
})

const addCommonHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
  const correlation = request.headers['x-ms-correlation-request-id']
  const sane = typeof correlation === 'string' && /^[\w-]{1,64}$/.test(correlation)
  reply.header('x-ms-request-id', request.id)
  reply.header('x-ms-correlation-request-id', sane ? correlation : request.id)
  const client = request.headers['x-ms-client-request-id']
  if (
    request.headers['x-ms-return-client-request-id'] === 'true' &&
    typeof client === 'string' &&
    /^[\w-]{1,64}$/.test(client)
  )
    reply.header('x-ms-client-request-id', client)
  reply.header('cache-control', 'no-cache')
  reply.header('x-content-type-options', 'nosniff')
}

const sendAnswer = (reply: FastifyReply, answer: ArmResponse): FastifyReply => {
  reply.code(answer.status).headers(answer.headers)
  // Go's SDK takes an answer to a poll only with a JSON content type, even an empty one.
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(answer.body === undefined ? '' : JSON.stringify(answer.body))
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
