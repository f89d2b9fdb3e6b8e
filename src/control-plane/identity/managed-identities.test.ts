import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { FakeClock } from '#foundation/clock.ts'
import { openSqlite } from '#foundation/database.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { DirectoryRefused } from './directory-refused.ts'
import { openIdentity } from './identity.ts'
import { managedIdentities } from './managed-identities.ts'

const origin = 'https://here:8443'
const resourceId = '/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i'

const start = async () => {
  const database = openSqlite(':memory:')
  const parts = { database, clock: new FakeClock(), random: systemRandom, log: silentLog, origins: () => [origin] }
  const identity = await openIdentity(parts)
  const { tenantId } = await identity.directory.addTenant({ displayName: 'Test' })
  const principal = { tenantId, principalId: systemRandom.uuid(), clientId: systemRandom.uuid(), displayName: 'i' }
  return { database, identity, managed: managedIdentities(identity), principal }
}

test('a managed identity gets tokens from the server alone, which say whose it is', async () => {
  const { database, identity, managed, principal } = await start()
  const { principalId, clientId, tenantId } = principal
  for (let said = 0; said < 2; said++) await database.transact(transaction => managed.create(transaction, principal))
  const given = await managed.tokenFor(principalId, 'https://management.azure.com/', resourceId)
  assert.ok(typeof given === 'object')
  assert.equal(given.clientId, clientId)
  const { aud, oid, sub, appid, tid, xms_mirid, idtyp, appidacr } = decodeJwt(given.token)
  assert.deepEqual(
    { aud, oid, sub, appid, tid, xms_mirid, idtyp, appidacr },
    {
      aud: 'https://management.azure.com/',
      oid: principalId,
      sub: principalId,
      appid: clientId,
      tid: tenantId,
      xms_mirid: resourceId,
      idtyp: 'app',
      appidacr: '2',
    },
  )
  const caller = await identity.verifyToken(given.token)
  assert.deepEqual([caller.objectId, caller.kind], [principalId, 'ManagedIdentity'])
  assert.equal(await managed.tokenFor(principalId, 'https://elsewhere.example/', resourceId), 'no resource')
  await assert.rejects(identity.directory.addSecret(principalId), DirectoryRefused)
})

test('one that is removed has no tokens any more, and nobody else is removed with it', async () => {
  const { database, identity, managed, principal } = await start()
  const robot = await identity.directory.addServicePrincipal({ tenantId: principal.tenantId, displayName: 'Robot' })
  await database.transact(transaction => managed.create(transaction, principal))
  const given = await managed.tokenFor(principal.principalId, origin, resourceId)
  assert.ok(typeof given === 'object')
  await identity.verifyToken(given.token)
  for (const id of [principal.principalId, robot.objectId])
    await database.transact(transaction => managed.remove(transaction, id))
  await assert.rejects(identity.verifyToken(given.token), /does not exist/)
  assert.equal(await managed.tokenFor(principal.principalId, origin, resourceId), 'no identity')
  assert.ok(await identity.directory.find({ objectId: robot.objectId }))
  assert.equal(await managed.tokenFor(robot.objectId, origin, resourceId), 'no identity')
})
