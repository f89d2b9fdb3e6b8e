import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestGraph } from './test-graph.ts'

let graph: Awaited<ReturnType<typeof startTestGraph>>
before(async () => {
  graph = await startTestGraph()
})
after(() => graph[Symbol.asyncDispose]())

const signedIn = async (name: string) => {
  const id = await graph.user(name)
  const { body } = await graph.passwordToken(`${name}@opengallery.local`, 'correct horse')
  return { id, by: graph.as(body.access_token) }
}

test('only a token for Graph is taken, and only from who is there', async () => {
  const { as, secretToken, server, admin } = graph
  const { clientId, clientSecret } = server.admin
  const forArm = (await secretToken(clientId, clientSecret, `${server.origin}/.default`)).body.access_token
  const audience = await as(forArm).get('/users')
  assert.deepEqual([audience.status, audience.body.error.code], [401, 'InvalidAuthenticationToken'])
  assert.match(audience.body.error.message, /audience/)
  for (const token of [undefined, 'x', 'a.b.c']) {
    const { status, body } = await as(token).get('/anything')
    assert.deepEqual([status, body.error.code], [401, 'InvalidAuthenticationToken'])
  }
  const forGraph = (await secretToken(clientId, clientSecret)).body.access_token
  await assert.rejects(server.identity.verifyToken(forGraph), { fault: 'audience' })
  assert.equal((await admin.get('/users')).status, 200)
})

test('everybody of the tenant may read; who is no administrator may write nothing that is not theirs', async () => {
  const { admin, program, user, as, secretToken } = graph
  const ann = await signedIn('ann')
  const victim = await user('victim')
  const { application, principal } = await program('not-anns')
  const group = (await admin.post('/groups', { displayName: 'g', mailNickname: 'g' })).body.id
  for (const path of ['/users', `/users/${victim}`, '/groups', `/applications/${application.id}`, '/servicePrincipals'])
    assert.equal((await ann.by.get(path)).status, 200, path)
  const reference = { '@odata.id': `https://any/directoryObjects/${ann.id}` }
  const denied = [
    await ann.by.post('/users', {}),
    await ann.by.patch(`/users/${victim}`, { passwordProfile: { password: 'mine now, or so' } }),
    await ann.by.patch(`/users/${ann.id}`, { accountEnabled: true }),
    await ann.by.remove(`/users/${victim}`),
    await ann.by.post('/groups', {}),
    await ann.by.post(`/groups/${group}/members/$ref`, reference),
    await ann.by.post(`/groups/${group}/owners/$ref`, reference),
    await ann.by.remove(`/groups/${group}`),
    await ann.by.patch(`/applications/${application.id}`, { displayName: 'x' }),
    await ann.by.post(`/applications/${application.id}/addPassword`),
    await ann.by.post(`/applications/${application.id}/owners/$ref`, reference),
    await ann.by.post(`/applications/${application.id}/federatedIdentityCredentials`, {}),
    await ann.by.post(`/servicePrincipals/${principal.id}/addPassword`),
    await ann.by.patch(`/servicePrincipals/${principal.id}`, { accountEnabled: false }),
    await ann.by.remove(`/servicePrincipals/${principal.id}`),
    await ann.by.remove(`/applications/${application.id}`),
  ]
  for (const { status, body } of denied)
    assert.deepEqual([status, body?.error.code], [403, 'Authorization_RequestDenied'])
  assert.equal((await admin.get(`/users/${victim}`)).status, 200)
  // A program may not register others.
  const { application: robot, secret } = await program('robot')
  const token = (await secretToken(robot.appId, secret)).body.access_token
  assert.equal((await as(token).post('/applications', { displayName: 'another' })).status, 403)
})

test('a user registers applications, and manages those that are hers', async () => {
  const { program, admin } = graph
  const eve = await signedIn('eve')
  const { application, principal, secret } = await program('eves', eve.by)
  assert.equal((await graph.secretToken(application.appId, secret)).status, 200)
  const owned = (await eve.by.get('/me/ownedObjects')).body.value
  assert.deepEqual(owned.map(({ id }: { id: string }) => id).toSorted(), [application.id, principal.id].toSorted())
  assert.equal((await eve.by.patch(`/applications/${application.id}`, { notes: 'mine' })).status, 204)
  assert.equal((await admin.remove(`/applications/${application.id}/owners/${eve.id}/$ref`)).status, 204)
  assert.equal((await eve.by.patch(`/applications/${application.id}`, { notes: 'mine' })).status, 403)
})

test('another tenant sees nothing of this one, and changes nothing in it', async () => {
  const { server, admin, program, user, secretToken, as } = graph
  const { directory } = server.identity
  const other = await directory.addTenant({ displayName: 'Other' })
  const spy = await directory.addServicePrincipal({ tenantId: other.tenantId, displayName: 'Spy' })
  const { secret } = await directory.addSecret(spy.objectId)
  const by = as((await secretToken(spy.appId ?? '', secret)).body.access_token)
  const [id, { application, principal }] = [await user('hidden'), await program('hidden')]
  const group = (await admin.post('/groups', { displayName: 'hidden', mailNickname: 'h' })).body.id
  const own = (await by.get('/servicePrincipals')).body.value
  assert.deepEqual(
    own.map((one: { id: string }) => one.id),
    [spy.objectId],
  )
  for (const path of ['/users', '/groups', '/applications']) assert.deepEqual((await by.get(path)).body.value, [])
  const paths = [
    `/users/${id}`,
    '/users/hidden@opengallery.local',
    `/groups/${group}/members`,
    `/applications/${application.id}`,
    `/servicePrincipals/${principal.id}`,
    `/directoryObjects/${group}`,
  ]
  for (const path of paths) assert.equal((await by.get(path)).status, 404, path)
  assert.deepEqual((await by.post('/directoryObjects/getByIds', { ids: [id, group] })).body.value, [])
  assert.equal((await by.remove(`/applications/${application.id}`)).status, 404)
  const reference = { '@odata.id': `https://any/directoryObjects/${spy.objectId}` }
  assert.equal((await admin.post(`/groups/${group}/members/$ref`, reference)).status, 404)
  assert.equal((await admin.post(`/applications/${application.id}/owners/$ref`, reference)).status, 404)
})
