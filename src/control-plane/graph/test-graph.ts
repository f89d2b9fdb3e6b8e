import { systemClock } from '#foundation/clock.ts'
import { systemRandom } from '#foundation/random.ts'
import { startTestServer } from '#identity/test-server.ts'
import type { DirectoryChange } from './directory-change.ts'
import { graphRoutes } from './graph-routes.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers as a client without types does
type Answer = { status: number; body: any }

type OutsideIssuers = NonNullable<NonNullable<Parameters<typeof startTestServer>[1]>['issuers']>

/** Graph and the sign-in over an identity of their own; the first start's principal administers it. For tests. */
export const startTestGraph = async ({ issuers = [] }: { issuers?: OutsideIssuers } = {}) => {
  const changes: DirectoryChange[] = []
  const server = await startTestServer(systemClock, {
    issuers,
    routes: (identity, admin) =>
      graphRoutes({
        identity,
        clock: systemClock,
        random: systemRandom,
        log: identity.log,
        administers: async caller => caller.objectId === admin.objectId,
        limit: () => {},
        noteChange: async change => void changes.push(change),
      }),
  })
  const audience = `${server.origin}/msgraph`

  const send = async (token: string | undefined, method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await server.app.inject({
      method: method as 'GET',
      url: path.startsWith('https:') ? path.slice(server.origin.length) : `/msgraph/v1.0${path}`,
      headers: {
        host: new URL(server.origin).host,
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body && { payload: JSON.stringify(body) }),
    })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
  }
  const secretToken = (clientId: string, clientSecret: string, scope = `${audience}/.default`) =>
    server.token({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope })
  const passwordToken = (username: string, password: string, scope = `${audience}/.default openid offline_access`) =>
    server.token({
      grant_type: 'password',
      client_id: '04b07795-8ddb-461a-bbee-02f9e1bf7b46',
      username,
      password,
      scope,
    })
  const { access_token: adminToken } = (await secretToken(server.admin.clientId, server.admin.clientSecret)).body
  const as = (token: string | undefined) => ({
    get: (path: string) => send(token, 'GET', path),
    post: (path: string, body: object = {}) => send(token, 'POST', path, body),
    patch: (path: string, body: object) => send(token, 'PATCH', path, body),
    remove: (path: string) => send(token, 'DELETE', path),
  })
  const admin = as(adminToken)
  return {
    server,
    changes,
    audience,
    as,
    admin,
    secretToken,
    passwordToken,
    async user(name: string, more: object = {}) {
      const made = await admin.post('/users', {
        accountEnabled: true,
        displayName: name,
        mailNickname: name,
        userPrincipalName: `${name}@opengallery.local`,
        passwordProfile: { password: 'correct horse', forceChangePasswordNextSignIn: false },
        ...more,
      })
      return made.body.id as string
    },
    /** An application with a secret and its service principal. */
    async program(displayName: string, by = admin) {
      const { body: application } = await by.post('/applications', { displayName, keyCredentials: [] })
      const password = { passwordCredential: { displayName: 'rbac' } }
      const { body: added } = await by.post(`/applications/${application.id}/addPassword`, password)
      const { body: principal } = await by.post('/servicePrincipals', {
        appId: application.appId,
        accountEnabled: true,
      })
      return { application, principal, secret: added.secretText as string, keyId: added.keyId as string }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
