import assert from 'node:assert/strict'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../../test/support/test-server.ts'
import { runCommand } from './test-shell.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

/** A command as the installation's owner, or as whoever signs in by these. */
const as =
  (access?: { tenantId: string; clientId: string; clientSecret: string; subscriptionId?: string }) =>
  async (...args: string[]) => {
    const env: Record<string, string> = access
      ? {
          OPENGALLERY_URL: server.url,
          OPENGALLERY_CA: path.join(server.dataFolder, 'ca.pem'),
          OPENGALLERY_TENANT_ID: access.tenantId,
          OPENGALLERY_SUBSCRIPTION_ID: access.subscriptionId ?? 'none',
          OPENGALLERY_CLIENT_ID: access.clientId,
          OPENGALLERY_CLIENT_SECRET: access.clientSecret,
        }
      : {}
    return await runCommand(access ? args : [...args, '--data', server.dataFolder], env)
  }
const owner = as()

const told = async (command: ReturnType<typeof as>, ...args: string[]) => {
  const { exitCode, stdout, stderr } = await command(...args, '--json')
  assert.equal(exitCode, 0, stderr)
  return JSON.parse(stdout)
}

const fails = async (command: ReturnType<typeof as>, args: string[], reason: RegExp) => {
  const { exitCode, stderr } = await command(...args)
  assert.notEqual(exitCode, 0)
  assert.match(stderr, reason)
}

test('users and groups of the own tenant', async () => {
  const name = 'ann@opengallery.local'
  const ann = await told(owner, 'user', 'add', name, '--name', 'Ann Example')
  assert.ok(ann.password.length >= 16)
  await fails(owner, ['user', 'add', 'ann@elsewhere.example'], /verified domain names.*opengallery\.local/)
  await told(owner, 'group', 'add', 'builders', '--description', 'who builds')
  await told(owner, 'group', 'add', 'everybody')
  for (const [group, member] of [
    ['builders', name],
    ['everybody', 'builders'],
    ['builders', server.admin.clientId],
  ] as const)
    assert.equal((await owner('group', 'add-member', group, member)).exitCode, 0)
  const { members } = await told(owner, 'group', 'members', 'builders')
  assert.equal(members.length, 2)
  assert.match((await owner('group', 'members', 'everybody')).stdout, /builders +group/)
  await fails(owner, ['group', 'add-member', 'builders', 'everybody'], /contain itself/)
  await fails(owner, ['group', 'remove', 'nobody'], /There is no group 'nobody'/)
  assert.equal((await owner('group', 'remove-member', 'builders', name)).exitCode, 0)
  assert.match((await owner('group', 'list')).stdout, /builders .* who builds/)
  assert.match((await owner('user', 'list')).stdout, /ann@opengallery\.local +Ann Example/)
  assert.match((await owner('user', 'password', name)).stdout, /new password: \S{16,}/)
  for (const args of [
    ['user', 'remove', name],
    ['group', 'remove', 'builders'],
  ])
    assert.equal((await owner(...args)).exitCode, 0)
  assert.deepEqual((await told(owner, 'user', 'list')).users, [])
})

test('a tenant whose administrator is refused is not made', async () => {
  const half = (user: string) => ['tenant', 'add', 'Half', '--domain', 'half.example', '--user', user]
  await fails(owner, half('ann@elsewhere.example'), /must end in a domain of the tenant: half\.example/)
  assert.doesNotMatch((await owner('tenant', 'list')).stdout, /Half/)
  const { tenantId } = await told(owner, ...half('ann@half.example'))
  assert.equal((await owner('tenant', 'remove', tenantId)).exitCode, 0)
})

test('a tenant of its own: its administrator rules in it, and is nobody elsewhere', async () => {
  const made = await told(owner, 'tenant', 'add', 'Contoso', '--domain', 'contoso.example')
  assert.deepEqual(made.domains, ['contoso.example'])
  await fails(owner, ['tenant', 'add', 'Again', '--domain', 'contoso.example'], /belongs to a tenant already/)
  const access = { tenantId: made.tenantId, ...made.administrator }
  const theirs = as(access)
  const { subscriptionId } = await told(owner, 'subscription', 'add', 'production', '--tenant', made.tenantId)
  const own = await told(theirs, 'subscription', 'add', 'staging')
  const bob = await told(theirs, 'user', 'add', 'bob@contoso.example')
  assert.deepEqual((await told(owner, 'user', 'list')).users, [])
  await fails(theirs, ['tenant', 'list'], /AuthorizationFailed|InvalidAuthenticationTokenTenant/)
  await fails(theirs, ['user', 'add', 'eve@opengallery.local'], /contoso\.example/)
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: access.clientId,
    client_secret: access.clientSecret,
    scope: `${server.url}/.default`,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const signIn = (tenantId: string) =>
    server.fetch('POST', `/${tenantId}/oauth2/v2.0/token`, { headers, body: `${form}` })
  assert.equal((await signIn(server.admin.tenantId)).status, 401)
  const token = (await signIn(made.tenantId)).json.access_token
  const get = async (url: string, bearer = token) =>
    await server.fetch('GET', `${url}?api-version=2022-12-01`, { headers: { authorization: `Bearer ${bearer}` } })
  const [tenant] = (await get('/tenants')).json.value
  assert.deepEqual([tenant.tenantId, tenant.defaultDomain], [made.tenantId, 'contoso.example'])
  const seen = (await get('/subscriptions')).json.value.map((one: { subscriptionId: string }) => one.subscriptionId)
  assert.deepEqual(seen.toSorted(), [subscriptionId, own.subscriptionId].toSorted())
  const { admin } = server
  assert.equal((await get(`/subscriptions/${admin.subscriptionId}/resourcegroups`)).status, 401)
  assert.equal((await get(`/subscriptions/${subscriptionId}/resourcegroups`, server.token)).status, 401)
  assert.equal((await get(`/subscriptions/${subscriptionId}/resourcegroups`)).status, 200)
  assert.match((await owner('tenant', 'list')).stdout, /Contoso +\S+ +2 subscriptions +2 principals +contoso\.example/)

  const more = await told(owner, 'tenant', 'add-administrator', made.tenantId, '--user', 'carol@contoso.example')
  assert.ok(more.administrator.password)
  await fails(owner, ['tenant', 'remove', made.tenantId], /has 2 subscriptions/)
  await fails(owner, ['subscription', 'remove', admin.subscriptionId], /first start/)
  for (const id of [subscriptionId, own.subscriptionId])
    assert.equal((await owner('subscription', 'remove', id)).exitCode, 0)
  await fails(owner, ['tenant', 'remove', admin.tenantId], /can not be removed/)
  assert.equal((await owner('tenant', 'remove', made.tenantId)).exitCode, 0)
  assert.equal((await signIn(made.tenantId)).status, 400)
  assert.equal((await get('/subscriptions')).status, 401)
  assert.ok(bob.id)
})
