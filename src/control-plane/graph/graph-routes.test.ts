import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { testClientCertificate } from '#identity/test-client-certificate.ts'
import { startTestGraph } from './test-graph.ts'

let graph: Awaited<ReturnType<typeof startTestGraph>>
before(async () => {
  graph = await startTestGraph()
})
after(() => graph[Symbol.asyncDispose]())

test('a program is registered, signs in, and is gone the moment it is deleted', async () => {
  const { admin, secretToken, program, as, server } = graph
  const { application, principal, secret, keyId } = await program('builder')
  assert.match(principal.id, /^[0-9a-f-]{36}$/)
  assert.notEqual(principal.id, application.id)
  const found = await admin.get(`/servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '${application.appId}')`)
  assert.deepEqual(
    found.body.value.map(({ id }: { id: string }) => id),
    [principal.id],
  )
  const shown = (await admin.get(`/applications/${application.id}`)).body
  assert.deepEqual(
    shown.passwordCredentials.map((one: Record<string, unknown>) => [one.keyId, one.displayName, one.secretText]),
    [[keyId, 'rbac', null]],
  )
  assert.ok(!JSON.stringify(shown).includes(secret))
  const { access_token: token } = (await secretToken(application.appId, secret)).body
  assert.equal((await as(token).get('/users')).status, 200)
  const arm = (await secretToken(application.appId, secret, `${server.origin}/.default`)).body.access_token
  assert.equal((await server.identity.verifyToken(arm)).objectId, principal.id)
  assert.equal((await admin.remove(`/servicePrincipals/${principal.id}`)).status, 204)
  assert.equal((await as(token).get('/users')).body.error.code, 'InvalidAuthenticationToken')
  await assert.rejects(server.identity.verifyToken(arm), { fault: 'principal' })
  assert.equal((await secretToken(application.appId, secret)).status, 401)
  // The application is still there; a new service principal signs in with its secret.
  await admin.post('/servicePrincipals', { appId: application.appId })
  assert.equal((await secretToken(application.appId, secret)).status, 200)
  assert.equal((await admin.remove(`/applications/${application.id}`)).status, 204)
  assert.equal((await secretToken(application.appId, secret)).status, 401)
  assert.equal((await admin.get(`/applications/${application.id}`)).body.error.code, 'Request_ResourceNotFound')
})

test('secrets come and go by their ids', async () => {
  const { admin, secretToken, program } = graph
  const { application, secret, keyId } = await program('rotated')
  const add = (passwordCredential: object) =>
    admin.post(`/applications/${application.id}/addPassword`, { passwordCredential })
  const second = await add({ displayName: 'new' })
  assert.equal((await admin.post(`/applications/${application.id}/removePassword`, { keyId })).status, 204)
  assert.equal((await secretToken(application.appId, secret)).status, 401)
  assert.equal((await secretToken(application.appId, second.body.secretText)).status, 200)
  assert.equal((await admin.post(`/applications/${application.id}/removePassword`, { keyId })).status, 400)
  assert.equal((await add({ endDateTime: '2001-01-01T00:00:00Z' })).status, 400)
  assert.equal((await add({ secretText: 'my own secret' })).status, 400)
})

test('a certificate signs in until it is taken away', async () => {
  const { admin, program, server, audience } = graph
  const { application } = await program('certified')
  const key = testClientCertificate()
  const keyId = '01234567-89ab-4cde-8f01-23456789abcd'
  const credential = {
    keyId,
    key: Buffer.from(key.pem).toString('base64'),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  }
  const patched = await admin.patch(`/applications/${application.id}`, { keyCredentials: [credential] })
  assert.equal(patched.status, 204, JSON.stringify(patched.body))
  const signIn = async () => {
    const now = Math.floor(Date.now() / 1000)
    const client = { iss: application.appId, sub: application.appId }
    const claims = { ...client, aud: `${server.origin}/adfs/oauth2/token`, jti: crypto.randomUUID(), exp: now + 300 }
    const answer = await server.token({
      grant_type: 'client_credentials',
      client_id: application.appId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await key.assertion(claims),
      scope: `${audience}/.default`,
    })
    return answer.status
  }
  assert.equal(await signIn(), 200)
  const { keyCredentials } = (await admin.get(`/applications/${application.id}`)).body
  assert.deepEqual(
    keyCredentials.map((one: Record<string, unknown>) => [one.keyId, one.key]),
    [[keyId, null]],
  )
  // Clients send what they were shown, with what they add.
  assert.equal((await admin.patch(`/applications/${application.id}`, { keyCredentials })).status, 204)
  assert.equal(await signIn(), 200)
  assert.equal((await admin.patch(`/applications/${application.id}`, { keyCredentials: [] })).status, 204)
  assert.equal(await signIn(), 401)
  const unknown = await admin.patch(`/applications/${application.id}`, { keyCredentials: [{ keyId, key: null }] })
  assert.equal(unknown.status, 400)
})

test('users are made, changed, disabled and deleted, with names in the domains of the tenant', async () => {
  const { admin, user, passwordToken, as } = graph
  const id = await user('ann')
  const { access_token: token } = (await passwordToken('ann@opengallery.local', 'correct horse')).body
  const me = (await as(token).get('/me')).body
  assert.deepEqual([me.id, me.userPrincipalName, me.mailNickname], [id, 'ann@opengallery.local', 'ann'])
  assert.equal((await admin.get('/me')).status, 400)
  assert.equal((await admin.get('/users/ANN@opengallery.local')).body.id, id)
  const elsewhere = { userPrincipalName: 'ann@contoso.example' }
  const profile = { displayName: 'Ann', mailNickname: 'ann', passwordProfile: { password: 'correct horse' } }
  assert.match((await admin.post('/users', { ...profile, ...elsewhere })).body.error.message, /opengallery\.local/)
  const twice = await admin.post('/users', { ...profile, userPrincipalName: 'Ann@opengallery.local' })
  assert.match(twice.body.error.message, /already/)
  const change = { currentPassword: 'wrong', newPassword: 'battery staple' }
  assert.equal((await as(token).post('/me/changePassword', change)).status, 400)
  const right = { ...change, currentPassword: 'correct horse' }
  assert.equal((await as(token).post('/me/changePassword', right)).status, 204)
  assert.equal((await passwordToken('ann@opengallery.local', 'correct horse')).status, 400)
  assert.equal((await admin.patch(`/users/${id}`, { accountEnabled: false, displayName: 'Ann B' })).status, 204)
  assert.equal((await as(token).get('/me')).status, 401)
  assert.deepEqual(
    (await admin.get(`/users?$filter=startswith(displayName,'ann b')&$select=displayName,accountEnabled`)).body.value,
    [{ displayName: 'Ann B', accountEnabled: false }],
  )
  assert.equal((await admin.remove(`/users/${id}`)).status, 204)
  assert.equal((await admin.get(`/users/${id}`)).status, 404)
})

test('groups have members of every kind, and say who is in them', async () => {
  const { admin, user, program } = graph
  const group = async (displayName: string) => {
    const words = { displayName, mailNickname: displayName, mailEnabled: false, securityEnabled: true }
    return (await admin.post('/groups', words)).body.id as string
  }
  const reference = (id: string) => ({ '@odata.id': `https://any/v1.0/directoryObjects/${id}` })
  const [team, all, person] = [await group('team'), await group('all'), await user('bob')]
  const { principal } = await program('member')
  for (const [into, who] of [
    [team, person],
    [team, principal.id],
    [all, team],
  ] as const)
    assert.equal((await admin.post(`/groups/${into}/members/$ref`, reference(who))).status, 204)
  const members = (await admin.get(`/groups/${team}/members`)).body.value
  assert.deepEqual(members.map((one: Record<string, unknown>) => one['@odata.type']).toSorted(), [
    '#microsoft.graph.servicePrincipal',
    '#microsoft.graph.user',
  ])
  const check = await admin.post(`/directoryObjects/${person}/checkMemberGroups`, { groupIds: [all] })
  assert.deepEqual(check.body.value, [all])
  const groups = await admin.post(`/users/${person}/getMemberGroups`, { securityEnabledOnly: false })
  assert.deepEqual(groups.body.value.toSorted(), [all, team].toSorted())
  const direct = (await admin.get(`/users/${person}/memberOf`)).body.value
  assert.deepEqual(
    direct.map((one: Record<string, unknown>) => one.id),
    [team],
  )
  assert.match((await admin.post(`/groups/${team}/members/$ref`, reference(all))).body.error.message, /contain itself/)
  assert.match((await admin.post(`/groups/${team}/members/$ref`, reference(person))).body.error.message, /already/)
  assert.equal((await admin.remove(`/groups/${team}/members/${person}/$ref`)).status, 204)
  assert.deepEqual(graph.server.identity.directory.groupsOf(person), [])
  const stubs = await admin.post('/directoryObjects/getByIds', {
    ids: [team, person, principal.id, '00000000-0000-4000-8000-000000000000'],
    types: ['user', 'group', 'directoryObjectPartnerReference'],
  })
  assert.deepEqual(stubs.body.value.map((one: Record<string, unknown>) => one.id).toSorted(), [team, person].toSorted())
  assert.equal((await admin.remove(`/groups/${team}`)).status, 204)
})

test('lists are read page by page, in the order of names', async () => {
  const { admin, user } = graph
  for (const name of ['page-c', 'page-a', 'page-b']) await user(name)
  const names: string[] = []
  let pages = 0
  for (
    let next: string | undefined = "/users?$filter=startswith(displayName,'page-')&$top=2&$count=true";
    next;
    pages++
  ) {
    const { body } = await admin.get(next)
    assert.equal(body['@odata.count'], 3)
    names.push(...body.value.map(({ displayName }: { displayName: string }) => displayName))
    next = body['@odata.nextLink']
  }
  assert.deepEqual([names, pages], [['page-a', 'page-b', 'page-c'], 2])
})

test('what is not served is refused, and nothing is accepted and dropped', async () => {
  const { admin, user } = graph
  const id = await user('strict')
  const refused = [
    await admin.get('/users?$expand=manager'),
    await admin.get('/users?$search="x"'),
    await admin.get('/users?$top=0'),
    await admin.get("/users?$filter=createdDateTime ge '2020'"),
    await admin.get('/sites/root'),
    await admin.get('https-not-a-path'),
    await admin.patch(`/users/${id}`, { jobTitle: 'Director' }),
    await admin.patch(`/users/${id}`, { passwordProfile: { password: 'x' } }),
    await admin.post('/applications', { displayName: 'x', signInAudience: 'AzureADMultipleOrgs' }),
    await admin.post('/applications', { displayName: 'x', web: { redirectUris: ['https://x'] } }),
    await admin.post('/applications', {}),
    await admin.post('/groups', { displayName: 'x', mailNickname: 'x', mailEnabled: true }),
    await admin.post('/servicePrincipals', { appId: '00000003-0000-0000-c000-000000000000' }),
  ]
  for (const { status, body } of refused) assert.deepEqual([status, typeof body.error.code], [400, 'string'])
  // What says nothing is no wish.
  const empty = { displayName: 'empty', web: { redirectUris: [] }, appRoles: [], isFallbackPublicClient: false }
  assert.equal((await admin.post('/applications', empty)).status, 201)
})

test('whatever changes the directory is told, however the changed is named; what only asks is not', async () => {
  const { admin, user, changes } = graph
  const id = await user('getty')
  changes.length = 0
  await admin.post(`/users/${id}/getMemberGroups`)
  await admin.get('/users/getty@opengallery.local')
  assert.deepEqual(changes, [])
  await admin.patch('/users/getty@opengallery.local', { displayName: 'Getty' })
  await admin.remove('/users/getty@opengallery.local')
  assert.deepEqual(
    changes.map(({ method, kind, object, status }) => [method, kind, object, status]),
    ['PATCH', 'DELETE'].map(method => [method, 'users', '/users/getty@opengallery.local', 204]),
  )
})
