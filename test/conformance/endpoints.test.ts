import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type HttpAnswer, startTestServer, type TestServer } from '../support/test-server.ts'

/** What needs no token by its nature: how to sign in, and where. */
const isForStrangers = (path: string): boolean =>
  /^\/(metadata\/endpoints|aliases\.json|common\/discovery\/instance)$/.test(path) ||
  /^(\/adfs|\/:tenant|\/adfs\/:tenant)\/(v2\.0\/)?(\.well-known|discovery|oauth2)\//.test(path)

/** Whose key is in the URL. */
const isSigned = (path: string): boolean => path.startsWith('/opengallery/boot-diagnostics/')

/** What every member of a tenant may do with its directory, as in Entra: look around, and register programs of their own. */
const isForMembers = (route: string): boolean =>
  /^GET \/msgraph/.test(route) ||
  / \/msgraph(\/[*])?$/.test(route) || // nothing is there
  /\/(getMemberGroups|checkMemberGroups|getByIds)$/.test(route) ||
  /^POST \/msgraph\/v1\.0\/(me\/|applications$|servicePrincipals$)/.test(route)

/**
 * Routes of which nothing here says that whoever may not is refused. The list only shrinks: a new route is tried below, or says in
 * one of the functions above why it needs no right.
 */
const untried: readonly string[] = []

let server: TestServer
/** A program of the tenant that nobody has given a role. */
let nobody: { readonly clientId: string; readonly clientSecret: string; readonly objectId: string }
/** Somebody else's, by the collections of the directory. */
const others: Record<string, string> = {}
before(async () => {
  server = await startTestServer()
  const administrator = await tokenOf(server.admin, '/msgraph')
  const graph = async (path: string, body: object) => {
    const headers = { authorization: administrator }
    const answer = await server.fetch('POST', `/msgraph/v1.0/${path}`, { headers, body: JSON.stringify(body) })
    assert.ok(answer.status < 300, answer.text)
    return answer.json
  }
  const program = async (displayName: string) => {
    const application = await graph('applications', { displayName })
    return { ...application, program: await graph('servicePrincipals', { appId: application.appId }) }
  }
  const own = await program('nobody')
  const { secretText } = await graph(`applications/${own.id}/addPassword`, {})
  nobody = { clientId: own.appId, clientSecret: secretText, objectId: own.program.id }
  const other = await program('somebody')
  const group = { displayName: 'all', mailNickname: 'all', mailEnabled: false, securityEnabled: true }
  others.applications = other.id
  others.servicePrincipals = other.program.id
  others.groups = (await graph('groups', group)).id
})
after(() => server?.stop())

const tokenOf = async (who: { clientId: string; clientSecret?: string }, service = ''): Promise<string> => {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: who.clientId,
    client_secret: who.clientSecret ?? '',
    scope: `${server.url}${service}/.default`,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const signedIn = await server.fetch('POST', '/adfs/oauth2/token', { headers, body: `${form}` })
  return `Bearer ${signedIn.json.access_token ?? assert.fail(signedIn.text)}`
}

const routes = (): string[] =>
  [...new Set(server.routes)].filter(route => !/^OPTIONS /.test(route) && !/ \/\*$/.test(route)).toSorted()

const pathOf = (route: string): string => route.slice(route.indexOf(' ') + 1)

/** A version and a disk that could be there: rights are asked for before they are looked for. */
const query = (): string => {
  const scope = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/g/providers/Microsoft.Compute`
  return `?${new URLSearchParams({ id: `${scope}/galleries/g/images/i/versions/1.0.0`, disk: `${scope}/disks/d` })}`
}

const ask = (route: string, authorization?: string): Promise<HttpAnswer> => {
  const method = route.slice(0, route.indexOf(' '))
  const path = pathOf(route)
    .replace(/\/(\w+)\/:id/, (_, collection) => `/${collection}/${others[collection] ?? server.admin.clientId}`)
    .replaceAll(/:\w+/g, server.admin.clientId)
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{}' } : {}
  return server.fetch(method, `${path}${query()}`, { headers: { authorization: authorization ?? '' }, ...body })
}

test('no route but those for strangers answers without a token', async () => {
  const all = routes()
  assert.ok(all.length > 60, `There are only ${all.length} routes: they are not seen.`)
  for (const route of all) {
    if (isForStrangers(pathOf(route))) continue
    const { status } = await ask(route)
    assert.equal(status, isSigned(pathOf(route)) ? 403 : 401, route)
  }
})

test('no route but those for everybody answers whoever has no role', async () => {
  const answered: string[] = []
  const tokens = { arm: await tokenOf(nobody), graph: await tokenOf(nobody, '/msgraph') }
  for (const route of routes()) {
    const path = pathOf(route)
    if (isForStrangers(path) || isSigned(path) || isForMembers(route)) continue
    const { status, text } = await ask(route, path.startsWith('/msgraph/') ? tokens.graph : tokens.arm)
    if (status !== 403) answered.push(`${route}: ${status} ${text.slice(0, 100)}`)
    assert.ok(!text.includes('/unknown/'), `${route} is no action: name it in installation-actions.ts.`)
  }
  assert.deepEqual(answered, untried)
})

test('roles on the first subscription say who may do what on the installation', async () => {
  const scope = `/subscriptions/${server.admin.subscriptionId}/providers/Microsoft.Authorization`
  const authorization = await tokenOf(nobody)
  const statusOf = async (route: string) => (await ask(route, authorization)).status
  const asked = ['GET /opengallery/status', 'POST /opengallery/verify', 'GET /opengallery/community/reports']
  const give = async (role: string, name: string) => {
    const properties = { roleDefinitionId: `${scope}/roleDefinitions/${role}`, principalId: nobody.objectId }
    const path = `${scope}/roleAssignments/${name}?api-version=2022-04-01`
    const made = await server.fetch('PUT', path, { body: JSON.stringify({ properties }) })
    assert.equal(made.status, 201, made.text)
    return Promise.all(asked.map(statusOf))
  }
  const [reader, contributor, owner] = [
    'acdd72a7-3385-48ef-bd42-f606fba81ae7',
    'b24988ac-6180-42a0-ab88-20f7382dd24c',
    '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  ]
  // What may be done is refused for its parameters here.
  assert.deepEqual(await give(reader, '90000000-0000-4000-8000-000000000001'), [200, 403, 403])
  assert.deepEqual(await give(contributor, '90000000-0000-4000-8000-000000000002'), [200, 400, 403])
  assert.deepEqual(await give(owner, '90000000-0000-4000-8000-000000000003'), [200, 400, 200])
})
