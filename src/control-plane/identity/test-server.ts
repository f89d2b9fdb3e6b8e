import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { nodeFiles } from '#foundation/files.ts'
import { lineLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { prepareCertificates } from './certificates.ts'
import type { OutsideIssuer } from './federation/outside-issuer.ts'
import { prepareIdentity } from './first-start.ts'
import { type Identity, openIdentity } from './identity.ts'
import { identityRoutes } from './routes.ts'

type Texts = 'access_token' | 'refresh_token' | 'id_token' | 'client_info' | 'scope' | 'token_type' | 'message'
type ErrorTexts = 'error' | 'error_description' | 'trace_id' | 'device_code' | 'user_code' | 'verification_uri'
type Numbers = 'expires_in' | 'ext_expires_in' | 'interval'

/** What an endpoint may answer: which fields are there is the tests' business. */
type Answer = Record<Texts | ErrorTexts, string> & Record<Numbers, number> & { error_codes: number[] }

interface More {
  readonly issuers?: readonly OutsideIssuer[]
  /** More endpoints over the same identity. */
  readonly routes?: (identity: Identity, admin: { readonly objectId: string }) => (app: FastifyInstance) => unknown
}

/** A running https server with nothing but the sign-in endpoints, in a folder of its own. For tests. */
export const startTestServer = async (clock: Clock = systemClock, more: More = {}) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'identity-'))
  const database = openSqlite(path.join(folder, 'metadata.sqlite'))
  const lines: string[] = []
  const log = lineLog(
    line => lines.push(line),
    () => clock.now(),
  )
  let origin = 'https://127.0.0.1:1'
  const { issuers = [], routes } = more
  const identity = await openIdentity({ database, clock, random: systemRandom, log, origins: () => [origin], issuers })
  const admin = await prepareIdentity(folder, { database, files: nodeFiles, identity })
  // TLS is checked by the real clock of whoever connects, whatever the test's clock says.
  const tls = await prepareCertificates(folder, [], { files: nodeFiles, clock: systemClock, random: systemRandom })
  const app = Fastify({ https: { key: tls.key, cert: tls.cert } })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  await app.register(identityRoutes(identity))
  const added = routes?.(identity, admin)
  if (added) await app.register(async scope => void (await added(scope as unknown as FastifyInstance)))
  await app.listen({ host: '127.0.0.1', port: 0 })
  origin = `https://127.0.0.1:${(app.server.address() as { port: number }).port}`

  const post = async (url: string, form: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(form).toString(),
    })
    return { status: answer.statusCode, body: answer.json() as Answer }
  }
  return {
    app,
    identity,
    admin: { ...admin, clientSecret: admin.clientSecret as string },
    tls,
    origin,
    folder,
    lines,
    database,
    post,
    token: (form: Record<string, string>) => post('/adfs/oauth2/token', { scope: `${origin}/.default`, ...form }),
    async [Symbol.asyncDispose]() {
      await app.close()
      await database.close()
      await fs.rm(folder, { recursive: true, force: true })
    },
  }
}
