import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { memoryIdentities } from '#identity/memory-identities.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { SUBSCRIPTION, TENANT } from '../../../../../test/support/test-arm.ts'
import { GROUP } from '../galleries/test-gallery.ts'
import { metadataOf } from './answer-metadata.ts'
import { machineOf } from './machine-document.ts'
import { MACHINE, machineBody, startTestMachines, type TestMachines } from './test-machine.ts'

const identities = memoryIdentities()
const assigned = (name: string) => `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
const [ONE, TWO] = [assigned('one'), assigned('two')]

let arm: TestMachines
const idsOf: Record<string, { principalId: string; clientId: string }> = {}
before(async () => {
  arm = await startTestMachines({ identities })
  for (const id of [ONE, TWO]) {
    const { principalId, clientId } = (await arm.done('PUT', id, { location: 'eastus' })).properties
    idsOf[id] = { principalId, clientId }
  }
})
after(() => arm.close())
beforeEach(async () => {
  await arm.done('DELETE', MACHINE)
})

/** The principals that are machines' own. */
const own = () => [...identities.principals.values()].filter(({ displayName }) => displayName === 'vm')
const made = async (identity: JsonObject) => (await arm.made(machineBody({}, { identity }))).identity
const patched = async (identity: JsonObject | null) =>
  ((await arm.done('PATCH', MACHINE, { identity })) as { identity?: JsonObject }).identity

const ask = async (query: Record<string, string> = {}, path = 'oauth2/token') => {
  const answer = metadataOf(arm.arm, () => Buffer.alloc(0), identities)
  const all = { 'api-version': '2018-02-01', resource: 'https://management.azure.com/', ...query }
  const { vmId } = machineOf(await arm.document())
  const given = await answer(vmId, { path: `/metadata/identity/${path}`, query: new URLSearchParams(all) })
  return { status: given?.status, body: JSON.parse(String(given?.body)) }
}
const told = async (query: Record<string, string>) => {
  const { status, body } = await ask(query)
  return status === 200 ? body.access_token : `${status} ${body.error}: ${body.error_description}`
}

test('a system-assigned identity is a principal for as long as the machine has it', async () => {
  const identity = await made({ type: 'systemAssigned' })
  const [principal] = own()
  assert.deepEqual(identity, { type: 'SystemAssigned', principalId: principal?.principalId, tenantId: TENANT })
  assert.deepEqual(await patched({ type: 'SystemAssigned' }), identity)
  const { body } = await arm.send('GET', MACHINE)
  assert.deepEqual((await arm.done('PUT', MACHINE, body)).identity, identity, 'What az read, it writes back.')
  const { identity: _, ...without } = body
  assert.deepEqual((await arm.done('PUT', MACHINE, without)).identity, identity)
  assert.equal(await patched({ type: 'None', userAssignedIdentities: null }), undefined)
  assert.equal((await arm.send('GET', MACHINE)).body.identity, undefined)
  assert.deepEqual(own(), [])
  const again = await patched({ type: 'SystemAssigned' })
  assert.notEqual(again?.principalId, identity.principalId)
  assert.equal(own().length, 1)
  await arm.done('DELETE', MACHINE)
  assert.deepEqual(own(), [], 'It goes in the commit that removes the machine.')
})

test('user-assigned identities come and go', async () => {
  const one = { [ONE]: {} }
  assert.deepEqual(await made({ type: 'UserAssigned', userAssignedIdentities: { [ONE.toUpperCase()]: {} } }), {
    type: 'UserAssigned',
    userAssignedIdentities: { [ONE]: idsOf[ONE] },
  })
  const both = await patched({ type: 'SystemAssigned,UserAssigned', userAssignedIdentities: { [TWO]: {} } })
  assert.equal(both?.type, 'SystemAssigned, UserAssigned')
  assert.deepEqual(both?.userAssignedIdentities, { [ONE]: idsOf[ONE], [TWO]: idsOf[TWO] })
  assert.equal(both?.principalId, own()[0]?.principalId)
  assert.deepEqual(await patched({ type: 'UserAssigned', userAssignedIdentities: { [ONE.toLowerCase()]: null } }), {
    type: 'UserAssigned',
    userAssignedIdentities: { [TWO]: idsOf[TWO] },
  })
  assert.deepEqual(own(), [])
  const put = await arm.done(
    'PUT',
    MACHINE,
    machineBody({}, { identity: { type: 'UserAssigned', userAssignedIdentities: one } }),
  )
  assert.deepEqual(put.identity.userAssignedIdentities, { [ONE]: idsOf[ONE] }, 'A PUT names all that there are to be.')
  assert.deepEqual(await patched({ type: 'SystemAssigned', userAssignedIdentities: { [ONE]: null } }), {
    type: 'SystemAssigned',
    principalId: own()[0]?.principalId,
    tenantId: TENANT,
  })
})

test('identities that can not be are refused, and nothing is made of them', async () => {
  const refused = (identity: JsonObject) => arm.refused('PUT', MACHINE, machineBody({}, { identity }))
  const users = (userAssignedIdentities: JsonObject, type = 'UserAssigned') => ({ type, userAssignedIdentities })
  assert.match(await refused({ type: 'UserAssigned' }), /^400 MissingIdentityIds: /)
  assert.match(await refused(users({ [ONE]: null })), /^400 MissingIdentityIds: /)
  assert.match(await refused(users({ [ONE]: {} }, 'SystemAssigned')), /^400 InvalidParameter: .*should not be provided/)
  assert.match(await refused(users({ [ONE]: 'x' })), /^400 InvalidIdentityValues: /)
  assert.match(await refused(users({ nothing: {} })), /^400 InvalidParameter: .*fully qualified resource Id/)
  assert.match(
    await refused(users({ [assigned('none')]: {} }, 'SystemAssigned, UserAssigned')),
    /^400 FailedIdentityOperation: .*userAssignedIdentities\/none' was not found/,
  )
  assert.deepEqual(own(), [])
  const elsewhere = ONE.replace(SUBSCRIPTION, '99999999-9999-4999-8999-999999999999')
  assert.match(
    await refused(users({ [elsewhere]: {} })),
    /^403 LinkedAuthorizationFailed: .*userAssignedIdentities\/assign\/action/,
  )
})

test('a guest gets tokens of its machine’s identities, by the rules of Azure’s endpoint', async () => {
  await made({ type: 'SystemAssigned' })
  const { status, body } = await ask()
  assert.equal(status, 200)
  const nowS = Math.floor(arm.clock.now().getTime() / 1000)
  assert.deepEqual(body, {
    access_token: `token of ${MACHINE}`,
    client_id: own()[0]?.clientId,
    expires_in: '3600',
    expires_on: String(nowS + 3600),
    ext_expires_in: '3600',
    not_before: String(nowS),
    resource: 'https://management.azure.com/',
    token_type: 'Bearer',
  })
  await patched({ type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { [ONE]: {}, [TWO]: {} } })
  const byName = {
    client_id: idsOf[TWO]?.clientId ?? '',
    object_id: idsOf[TWO]?.principalId ?? '',
    msi_res_id: TWO.toLowerCase(),
  }
  assert.equal(await told({}), `token of ${MACHINE}`)
  for (const [name, value] of Object.entries(byName))
    assert.equal(await told({ [name]: value }), `token of ${TWO}`, name)
  const missing = '400 invalid_request: Identity not found'
  assert.equal(await told({ client_id: idsOf[ONE]?.clientId ?? '', object_id: idsOf[TWO]?.principalId ?? '' }), missing)
  assert.equal(await told({ client_id: MACHINE }), missing)
  assert.match(await told({ resource: '' }), /^400 invalid_request: Required query variable 'resource' is missing/)
  assert.match(await told({ 'api-version': '' }), /'api-version' is missing/)
  assert.match(await told({ 'api-version': '2017-01-01' }), /'2017-01-01' is not supported/)
  assert.match(await told({ resource: 'https://vault.azure.net' }), /^400 invalid_resource: AADSTS500011: /)
  assert.deepEqual((await ask({}, 'info')).body, { tenantId: TENANT })
  await patched({ type: 'UserAssigned' })
  assert.match(await told({}), /^400 invalid_request: Multiple user assigned identities exist/)
  await patched({ type: 'UserAssigned', userAssignedIdentities: { [ONE]: null } })
  assert.equal(await told({}), `token of ${TWO}`)
})

test('an assigned identity that was removed gives no tokens, and hinders no other change', async () => {
  const gone = assigned('gone')
  await arm.done('PUT', gone, { location: 'eastus' })
  await made({ type: 'UserAssigned', userAssignedIdentities: { [gone]: {} } })
  await arm.done('DELETE', gone)
  assert.equal(await told({}), '400 invalid_request: Identity not found')
  const { body } = await arm.send('GET', MACHINE)
  assert.ok((await arm.done('PUT', MACHINE, { ...body, tags: { a: 'b' } })).identity.userAssignedIdentities[gone])
  await patched({ type: 'None' })
  assert.equal((await ask({}, 'info')).status, 400)
})
