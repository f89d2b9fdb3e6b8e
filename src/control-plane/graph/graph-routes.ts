import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { graphAudiences } from '#identity/audiences.ts'
import { DirectoryRefused } from '#identity/directory-refused.ts'
import { TooManyGuesses } from '#identity/slow-hash.ts'
import { TokenRefused } from '#identity/token-refused.ts'
import type { Caller } from '#identity/tokens.ts'
import { applicationRoutes } from './applications.ts'
import { changeOf } from './directory-change.ts'
import { directoryObjectRoutes } from './directory-objects.ts'
import { federatedIdentityCredentialRoutes } from './federated-identity-credentials.ts'
import type { GraphAnswer, GraphParts, GraphRoute, Words } from './graph-call.ts'
import { GraphError, graphError } from './graph-error.ts'
import { groupRoutes } from './groups.ts'
import { meRoutes } from './me.ts'
import { readOdata } from './odata-query.ts'
import { passwordRoutes } from './passwords.ts'
import { programRoutes } from './programs.ts'
import { userRoutes } from './users.ts'

/** Everything that is served of Microsoft Graph. */
const routes: readonly GraphRoute[] = [
  ...meRoutes,
  ...userRoutes,
  ...groupRoutes,
  ...applicationRoutes,
  ...federatedIdentityCredentialRoutes,
  ...programRoutes,
  ...passwordRoutes,
  ...directoryObjectRoutes,
]

const bodyLimit = 256 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks the directory, once that is known. */
    directoryCaller: Caller | undefined
  }
}

/**
 * `/msgraph/v1.0/...`: the part of Microsoft Graph that az, the SDKs and Terraform need to manage who there is. Its tokens are for Graph alone,
 * and everything is of the caller's own tenant: whoever is in it may read, its administrators may write, owners may change what they own.
 */
export const graphRoutes = (parts: GraphParts) => (app: FastifyInstance) => {
  app.decorateRequest('directoryCaller', undefined)
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, parts))
  app.addHook('onRequest', async request => {
    request.directoryCaller = await authenticate(request, parts)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const change = changeOf(request, reply, '/msgraph/v1.0', payload)
    if (change) await parts.noteChange?.(change)
  })
  for (const { method, path, run } of routes)
    app.route({
      method,
      url: `/msgraph/v1.0${path}`,
      bodyLimit,
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const caller = request.directoryCaller as Caller
        parts.limit(method, caller)
        const call = {
          caller,
          params: request.params as Record<string, string>,
          query: readOdata(request.url.split('?')[1] ?? ''),
          body: bodyOf(request),
          root: `${originOf(request, parts)}/msgraph/v1.0`,
          remote: request.ip,
        }
        return answer(reply, await run(call, parts), request, parts)
      },
    })
  app.all('/msgraph', nothingThere)
  app.all('/msgraph/*', { bodyLimit }, nothingThere)
}

const nothingThere = async (request: FastifyRequest): Promise<never> => {
  throw graphError.noSuchPath(request.url.split('?')[0] ?? '')
}

const authenticate = async ({ headers }: FastifyRequest, { identity }: GraphParts): Promise<Caller> => {
  const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ', 2)
  if (!/^bearer$/i.test(scheme) || token === '') throw graphError.tokenMissing()
  try {
    return await identity.verifyToken(token, graphAudiences(identity.origins()))
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error
    throw graphError.tokenRefused(error.fault === 'audience' ? 'Invalid audience.' : `${error.fault}: ${error.detail}`)
  }
}

const bodyOf = ({ body }: FastifyRequest): Words => {
  if (!Buffer.isBuffer(body) || body.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw graphError.badBody()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw graphError.badBody()
  return value as Words
}

/** This server's address as the client wrote it, if that is one of ours. */
const originOf = (request: FastifyRequest, { identity }: GraphParts): string => {
  const origins = identity.origins()
  const asked = `${request.protocol}://${request.host}`.toLowerCase()
  return origins.find(origin => origin.toLowerCase() === asked) ?? origins[0] ?? asked
}

const contentType = 'application/json;odata.metadata=minimal;charset=utf-8'

const answer = (reply: FastifyReply, { status, body }: GraphAnswer, request: FastifyRequest, { log }: GraphParts) => {
  if (request.method !== 'GET')
    log.info('directory request', {
      method: request.method,
      path: request.url.split('?')[0]?.slice(0, 300),
      caller: request.directoryCaller?.objectId,
      status,
    })
  reply.code(status).header('request-id', request.id).header('cache-control', 'no-store')
  return body === undefined ? reply.send() : reply.type(contentType).send(JSON.stringify(body))
}

const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply, parts: GraphParts) => {
  const refusal = refusalOf(error)
  if (!refusal) {
    const path = request.url.split('?')[0]
    parts.log.error('a directory request failed', { requestId: request.id, method: request.method, path, error })
  }
  const { status, code, message } = refusal ?? graphError.internal()
  if (status === 401)
    reply.header(
      'www-authenticate',
      `Bearer authorization_uri="${originOf(request, parts)}/adfs", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`,
    )
  if (status === 503 || status === 429) reply.header('retry-after', retryAfter(error) ?? '1')
  const date = parts.clock.now().toISOString().slice(0, 19)
  const innerError = { date, 'request-id': request.id, 'client-request-id': request.id }
  return reply
    .code(status)
    .header('request-id', request.id)
    .header('cache-control', 'no-store')
    .type(contentType)
    .send(JSON.stringify({ error: { code, message, innerError } }))
}

const retryAfter = (error: unknown): string | undefined =>
  (error as { headers?: Record<string, string> }).headers?.['retry-after']

const refusalOf = (error: unknown): GraphError | undefined => {
  if (error instanceof GraphError) return error
  if (error instanceof DirectoryRefused)
    return error.fault === 'missing'
      ? new GraphError(404, 'Request_ResourceNotFound', error.message)
      : graphError.refused(error.message)
  if (error instanceof TooManyGuesses) return graphError.tooBusy()
  const { code, statusCode, status } = error as { code?: string; statusCode?: number; status?: number }
  if (status === 429) return graphError.tooManyRequests()
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return graphError.tooLarge()
  return statusCode !== undefined && statusCode < 500 ? graphError.badBody() : undefined
}
