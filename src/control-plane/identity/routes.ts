import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isUuid } from '#foundation/random.ts'
import type { Authority, Dialect } from './authority.ts'
import { authorizeRoutes } from './authorize-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { instanceDiscovery, openidConfiguration } from './discovery.ts'
import { type Form, parseForm } from './form.ts'
import type { Identity } from './identity.ts'
import { OAuthRefused, oauthRefused } from './oauth-refused.ts'
import { type OwnForms, ownForms } from './own-form.ts'
import type { SignIn } from './proofs.ts'
import { answerSignIn, beginDeviceSignIn } from './sign-in.ts'
import { notSignedIn, signedIn } from './signed-in.ts'
import { TooManyGuesses } from './slow-hash.ts'

const bodyLimit = 64 * 1024
const form = 'application/x-www-form-urlencoded'

/**
 * A Fastify plugin with the sign-in endpoints: the only ones, beside the metadata and alias documents, that answer without a token.
 * Register it with `app.register(identityRoutes(identity))`. Forms are parsed, and errors shaped as OAuth's, in its own scope only.
 */
export const identityRoutes =
  (identity: Identity): FastifyPluginAsync =>
  async app => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(form, { parseAs: 'string', bodyLimit }, async (_: unknown, body: string) =>
      parseForm(body),
    )
    app.setErrorHandler((error, request, reply) => refuse(identity, error, request, reply))
    app.addHook('onSend', async (_, reply) => {
      reply.header('x-content-type-options', 'nosniff')
    })
    const forms = ownForms(identity.random)
    mount(app, identity, forms, 'adfs', '/adfs', '')
    mount(app, identity, forms, 'v2', '/:tenant', '/v2.0')
    mount(app, identity, forms, 'v1', '/:tenant', '')
    // Terraform puts the tenant behind the sign-in address that the metadata tell, whatever that ends in.
    mount(app, identity, forms, 'v2', '/adfs/:tenant', '/v2.0')
    mount(app, identity, forms, 'v1', '/adfs/:tenant', '')
    app.get('/common/discovery/instance', async request => instanceDiscovery(originOf(identity, request), 'common'))
    deviceRoutes(app, identity, forms, request => originOf(identity, request))
  }

/** One form of the endpoints, each with and without a slash at its end. */
const mount = (
  app: FastifyInstance,
  identity: Identity,
  forms: OwnForms,
  dialect: Dialect,
  root: string,
  version: string,
): void => {
  const authority = (request: FastifyRequest): Authority => ({
    origin: originOf(identity, request),
    dialect,
    tenant: (request.params as { tenant?: string }).tenant ?? 'adfs',
  })
  const post = (path: string, answer: (identity: Identity, signIn: SignIn) => Promise<object>) => {
    for (const url of [path, `${path}/`])
      app.post(url, { bodyLimit }, async (request, reply) => {
        reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
        const signIn = { form: formOf(request), authority: authority(request), remote: request.ip }
        const answered = await answer(identity, signIn).catch(async error => {
          await identity.noteSignIn(notSignedIn(signIn, error))
          throw error
        })
        await identity.noteSignIn(signedIn(signIn, answered))
        identity.log.info('sign-in answered', loggable(signIn))
        return answered
      })
  }
  const configuration = async (request: FastifyRequest) => openidConfiguration(authority(request))
  app.get(`${root}${version}/.well-known/openid-configuration`, configuration)
  app.get(`${root}/discovery${version}/keys`, async () => identity.keys.published())
  post(`${root}/oauth2${version}/token`, answerSignIn)
  post(`${root}/oauth2${version}/devicecode`, beginDeviceSignIn)
  const authorize = `${root}/oauth2${version}/authorize`
  authorizeRoutes(app, identity, forms, [authorize, `${authorize}/`], authority)
}

/** This server's address as the client wrote it, if that is one of ours; a made-up Host header never gets into an answer. */
const originOf = (identity: Identity, request: FastifyRequest): string => {
  const origins = identity.origins()
  const asked = `${request.protocol}://${request.host}`.toLowerCase()
  return origins.find(origin => origin.toLowerCase() === asked) ?? origins[0] ?? asked
}

/** The form, with a client's name and secret from an Authorization header when they came so (RFC 6749 section 2.3.1). */
const formOf = (request: FastifyRequest): Form => {
  if (!(request.body instanceof Map)) throw oauthRefused.malformed()
  const body = request.body as Form
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (!basic || body.has('client_secret')) return body
  const [id = '', ...secret] = Buffer.from(basic, 'base64').toString().split(':')
  try {
    const decoded = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
    return new Map([...body, ['client_id', decoded(id)], ['client_secret', decoded(secret.join(':'))]])
  } catch {
    throw oauthRefused.malformed()
  }
}

/** What may be written about a sign-in: never the secret, the assertion, a code or a token. */
const loggable = ({ form, authority, remote }: SignIn) => ({
  grant: form.get('grant_type')?.slice(0, 100),
  client: form.get('client_id')?.slice(0, 100),
  user: form.get('username')?.slice(0, 256),
  dialect: authority.dialect,
  remote,
})

const quiet = new Set(['authorization_pending', 'slow_down'])

const refuse = (identity: Identity, error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  const refusal = refusalOf(error)
  const traceId = identity.random.uuid()
  const { url = '/' } = request.routeOptions
  if (!refusal) {
    identity.log.error('sign-in failed', { url, traceId, error })
    return reply
      .code(500)
      .send({ error: 'server_error', error_description: `An internal error occurred. Trace ID: ${traceId}` })
  }
  if (!quiet.has(refusal.error))
    identity.log.warn('sign-in refused', { url, code: refusal.code, error: refusal.error, remote: request.ip, traceId })
  if (refusal.status === 503) reply.header('retry-after', '1')
  return reply
    .code(refusal.status)
    .header('cache-control', 'no-store')
    .send(errorBody(refusal, traceId, correlationId(request) ?? identity.random.uuid(), identity.clock.now()))
}

const refusalOf = (error: unknown): OAuthRefused | undefined => {
  if (error instanceof OAuthRefused) return error
  if (error instanceof TooManyGuesses) return oauthRefused.tooBusy()
  const { statusCode = 500 } = error as { statusCode?: number }
  return statusCode < 500 ? oauthRefused.malformed() : undefined
}

const errorBody = ({ error, code, message }: OAuthRefused, traceId: string, correlation: string, now: Date) => {
  const timestamp = now
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
  return {
    error,
    error_description: `${message} Trace ID: ${traceId} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlation,
  }
}

const correlationId = (request: FastifyRequest): string | undefined => {
  const { 'client-request-id': named } = request.query as Record<string, unknown>
  return [named, request.headers['client-request-id']].find(
    (value): value is string => typeof value === 'string' && isUuid(value),
  )
}
