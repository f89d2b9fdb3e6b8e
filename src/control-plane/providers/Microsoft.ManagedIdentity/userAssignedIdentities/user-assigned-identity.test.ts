import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManagedIdentities } from '#identity/managed-identities.ts'
import { startTestArm, TENANT } from '../../../../../test/support/test-arm.ts'

/** Which principals there are. */
const keptIn = (principals: Map<string, string>): ManagedIdentities => ({
  create: async (_transaction, { principalId, displayName }) => void principals.set(principalId, displayName),
  remove: async (_transaction, principalId) => void principals.delete(principalId),
  tokenFor: async () => 'no identity',
  federates: issuer => issuer === 'https://ci.example',
  trust: async (_transaction, principalId, { name }) => void principals.set(`${principalId} ${name}`, 'trusts'),
  distrust: async (_transaction, principalId, name) => void principals.delete(`${principalId} ${name}`),
})

test('an identity has a principal as long as it is there, and the same one', async context => {
  const principals = new Map<string, string>()
  const arm = await startTestArm({ identities: keptIn(principals) })
  context.after(() => arm.close())
  await arm.complete('PUT', 'resourceGroups/rg', { location: 'eastus' })
  const path = 'resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/robot'
  const made = await arm.send('PUT', path, { location: 'eastus' })
  assert.equal(made.status, 201)
  const { principalId, clientId, tenantId } = made.body.properties
  assert.equal(tenantId, TENANT)
  assert.notEqual(principalId, clientId)
  assert.deepEqual([...principals], [[principalId, 'robot']])
  const again = await arm.send('PUT', path, { location: 'eastus', tags: { a: 'b' }, properties: { principalId: 'x' } })
  assert.deepEqual([again.status, again.body.properties.principalId], [200, principalId])
  assert.deepEqual([...principals.keys()], [principalId])
  const isolated = await arm.send('PUT', path, { location: 'eastus', properties: { isolationScope: 'Regional' } })
  assert.equal(isolated.body.error.code, 'OperationNotSupported')
  assert.equal((await arm.send('PUT', `${path}.`, { location: 'eastus' })).body.error.code, 'InvalidResourceName')
  assert.equal((await arm.complete('DELETE', 'resourceGroups/rg')).status, 204)
  assert.equal(principals.size, 0)
})

test('an identity trusts tokens of named issuers alone, and what says so goes with it', async context => {
  const principals = new Map<string, string>()
  const arm = await startTestArm({ regions: ['eastus'], identities: keptIn(principals) })
  context.after(() => arm.close())
  await arm.complete('PUT', 'resourceGroups/rg', { location: 'eastus' })
  const path = 'resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/robot'
  const { principalId } = (await arm.send('PUT', path, { location: 'eastus' })).body.properties
  const put = (name: string, issuer: string) =>
    arm.send('PUT', `${path}/federatedIdentityCredentials/${name}`, {
      properties: { issuer, subject: 'job', audiences: ['api://exchange'] },
    })
  assert.equal((await put('stranger', 'https://stranger.example')).body.error.code, 'IssuerNotAccepted')
  assert.equal((await put('main', 'https://ci.example')).status, 201)
  assert.equal((await put('other', 'https://ci.example')).status, 201)
  assert.equal(principals.get(`${principalId} main`), 'trusts')
  assert.equal((await arm.send('DELETE', `${path}/federatedIdentityCredentials/other`)).status, 200)
  assert.equal(principals.has(`${principalId} other`), false)
  assert.equal((await arm.send('DELETE', path)).status, 200)
  assert.equal((await arm.send('GET', `${path}/federatedIdentityCredentials/main`)).status, 404)
})
