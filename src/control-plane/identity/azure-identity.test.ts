import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { test } from 'node:test'
import { ClientCertificateCredential, ClientSecretCredential, UsernamePasswordCredential } from '@azure/identity'
import { testClientCertificate } from './test-client-certificate.ts'
import { startTestServer } from './test-server.ts'

test("Microsoft's own credentials get tokens that verify", async t => {
  await using server = await startTestServer()
  const { identity, admin, origin, tls } = server
  const options = { authorityHost: origin, disableInstanceDiscovery: true, tlsOptions: { ca: tls.ca } }
  const { tenantId, clientId, clientSecret } = admin

  await t.test('client secret', async () => {
    const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, options)
    const { token } = await credential.getToken(`${origin}/.default`)
    const caller = await identity.verifyToken(token)
    assert.deepEqual([caller.objectId, caller.clientId, caller.kind], [admin.objectId, clientId, 'ServicePrincipal'])
  })

  await t.test('a wrong secret is refused in Azure’s words', async () => {
    const credential = new ClientSecretCredential(tenantId, clientId, 'no-such-secret-at-all', options)
    await assert.rejects(credential.getToken(`${origin}/.default`), /AADSTS7000215: Invalid client secret provided/)
  })

  await t.test('certificate, for two resources in turn', async () => {
    const made = testClientCertificate()
    const pem = path.join(server.folder, 'client.pem')
    await fs.writeFile(pem, made.keyPem + made.pem)
    await identity.directory.replaceCertificates(admin.objectId, [{ pem: made.pem }])
    const credential = new ClientCertificateCredential(tenantId, clientId, pem, options)
    const { token } = await credential.getToken(`${origin}/.default`)
    assert.equal((await identity.verifyToken(token)).objectId, admin.objectId)
    const graph = await credential.getToken(`${origin}/msgraph//.default`)
    await assert.rejects(identity.verifyToken(graph.token), { fault: 'audience' })
    assert.equal((await identity.verifyToken(graph.token, identity.audiences())).objectId, admin.objectId)
  })

  await t.test('user name and password', async () => {
    const user = { userPrincipalName: 'alice@local', displayName: 'Alice', password: 'correct horse' }
    const { objectId } = await identity.directory.addUser({ tenantId, ...user })
    const az = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
    const credential = new UsernamePasswordCredential(tenantId, az, 'Alice@local', user.password, options)
    const { token } = await credential.getToken(`${origin}/.default`)
    const caller = await identity.verifyToken(token)
    assert.deepEqual([caller.objectId, caller.userPrincipalName, caller.kind], [objectId, 'alice@local', 'User'])
  })
})
