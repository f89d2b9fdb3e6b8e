import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BlobServiceClient, ContainerClient } from '@azure/storage-blob'
import { ResourceId } from '#arm/resource-id.ts'
import type { ArmRequest } from '#arm/resource-type.ts'
import type { JsonObject } from '#resources/resource-document.ts'
import { startTestArm, type TestArm } from '../../../../../test/support/test-arm.ts'
import { openAccounts } from './keep-account.ts'
import { regenerateKey } from './key-actions.ts'

const group = 'resourceGroups/rg'
const pathOf = (name: string, inGroup = group) => `${inGroup}/providers/Microsoft.Storage/storageAccounts/${name}`
const plain = { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } }

let arm: TestArm
before(async () => {
  arm = await startTestArm({ regions: ['eastus', 'westus2'] })
  await arm.send('PUT', group, { location: 'eastus' })
  await arm.send('PUT', 'resourceGroups/other', { location: 'eastus' })
})
after(() => arm.close())

const signedExpiry = '2026-06-01T00:00:00Z'
const accountSas = async (name: string, more: object = {}): Promise<string> => {
  const { body } = await arm.send('POST', `${pathOf(name)}/ListAccountSas`, {
    signedServices: 'b',
    signedResourceTypes: 'sco',
    signedPermission: 'rwdlac',
    signedExpiry,
    ...more,
  })
  return body.accountSasToken
}
const check = async (name: string) => {
  const { body } = await arm.send('POST', 'providers/Microsoft.Storage/checkNameAvailability', {
    name,
    type: 'Microsoft.Storage/storageAccounts',
  })
  return body
}

describe('a storage account', () => {
  test('is made as az makes it: 202 first, then complete with its endpoint', async () => {
    assert.deepEqual(await check('golden1'), { nameAvailable: true })
    // What `az storage account create` sends.
    const sent = { ...plain, properties: { encryption: { services: { blob: {} }, keySource: 'Microsoft.Storage' } } }
    const first = await arm.send('PUT', pathOf('golden1'), sent)
    assert.equal(first.status, 202)
    const made = await arm.complete('PUT', pathOf('golden2'), sent)
    assert.equal(made.body.kind, 'StorageV2')
    assert.deepEqual(made.body.sku, { name: 'Standard_LRS', tier: 'Standard' })
    assert.equal(made.body.properties.primaryEndpoints.blob, arm.blobs.endpoint('golden2'))
    assert.equal(made.body.properties.accessTier, 'Hot')
    assert.equal(made.body.properties.allowBlobPublicAccess, false)
    assert.equal(made.body.properties.provisioningState, 'Succeeded')
    assert.equal(JSON.stringify(made.body).includes('"value"'), false)
    await arm.complete('PUT', pathOf('golden1'), sent)
  })

  test('has a name of its own in all groups and subscriptions', async () => {
    const taken = await arm.send('PUT', pathOf('golden1', 'resourceGroups/other'), plain)
    assert.equal(taken.status, 409)
    assert.equal(taken.body.error.code, 'StorageAccountAlreadyTaken')
    assert.equal((await check('golden1')).reason, 'AlreadyExists')
    assert.equal((await check('Bad_Name')).reason, 'AccountNameInvalid')
    for (const name of ['ab', 'a'.repeat(25), 'a-b', 'Upper'])
      assert.equal((await arm.send('PUT', pathOf(name), plain)).body.error.code, 'AccountNameInvalid')
  })

  test('two that ask for one name at once do not both get it, and nothing is left of the other', async () => {
    const groups = [group, 'resourceGroups/other']
    const answers = await Promise.all(groups.map(where => arm.complete('PUT', pathOf('racer', where), plain)))
    const outcome = answers.map(({ body }) => body.error?.code ?? body.properties.provisioningState)
    assert.deepEqual(outcome.toSorted(), ['StorageAccountAlreadyTaken', 'Succeeded'])
    const loser = groups[outcome.indexOf('StorageAccountAlreadyTaken')] ?? ''
    assert.equal((await arm.send('GET', pathOf('racer', loser))).status, 404)
    for (const where of groups) await arm.complete('DELETE', pathOf('racer', where))
    const same = await Promise.all([1, 2].map(() => arm.complete('PUT', pathOf('racer'), plain)))
    assert.equal(JSON.stringify(same).includes('StorageAccountAlreadyTaken'), false)
    await arm.complete('DELETE', pathOf('racer'))
    assert.equal((await check('racer')).nameAvailable, true)
  })

  test('has two keys that sign, until they are replaced', async () => {
    const { body } = await arm.send('POST', `${pathOf('golden1')}/listKeys`)
    assert.deepEqual(
      body.keys.map((key: { keyName: string; permissions: string }) => [key.keyName, key.permissions]),
      [
        ['key1', 'FULL'],
        ['key2', 'FULL'],
      ],
    )
    assert.equal(Buffer.from(body.keys[0].value, 'base64').length, 64)
    const endpoint = arm.blobs.endpoint('golden1')
    const container = (sas: string) => new ContainerClient(`${endpoint}box?${sas}`)
    const [first, second] = [await accountSas('golden1'), await accountSas('golden1', { keyToSign: 'key2' })]
    await container(first).create()
    await container(second).uploadBlockBlob('note.txt', 'hello', 5)
    const names: string[] = []
    for await (const one of new BlobServiceClient(`${endpoint}?${first}`).listContainers()) names.push(one.name)
    assert.deepEqual(names, ['box'])
    const renewed = await arm.send('POST', `${pathOf('golden1')}/regenerateKey`, { keyName: 'KEY1' })
    assert.notEqual(renewed.body.keys[0].value, body.keys[0].value)
    assert.equal(renewed.body.keys[1].value, body.keys[1].value)
    await assert.rejects(container(first).getProperties(), { statusCode: 403 })
    await container(second).getProperties()
    assert.equal((await arm.send('POST', `${pathOf('golden1')}/regenerateKey`, { keyName: 'kerb1' })).status, 400)
    await openAccounts(arm.arm.resources, arm.blobs)
    await container(second).getProperties()
    await container(await accountSas('golden1')).getProperties()
  })

  test('signs for one container or one blob, and for no more', async () => {
    const sign = async (canonicalizedResource: string, signedResource: string, more: object = {}) =>
      (
        await arm.send('POST', `${pathOf('golden1')}/ListServiceSas`, {
          canonicalizedResource,
          signedResource,
          signedPermission: 'r',
          signedExpiry,
          ...more,
        })
      ).body
    const endpoint = arm.blobs.endpoint('golden1')
    const blob = await sign('/blob/golden1/box/note.txt', 'b', { rsct: 'text/plain' })
    const note = new ContainerClient(`${endpoint}box?${blob.serviceSasToken}`).getBlobClient('note.txt')
    const downloaded = await note.download()
    assert.equal(downloaded.contentType, 'text/plain')
    assert.equal((await note.downloadToBuffer()).toString(), 'hello')
    const container = await sign('/blob/golden1/box', 'c')
    const inside = new ContainerClient(`${endpoint}box?${container.serviceSasToken}`)
    assert.equal((await inside.getBlobClient('note.txt').downloadToBuffer()).toString(), 'hello')
    await assert.rejects(inside.uploadBlockBlob('new.txt', 'x', 1), { statusCode: 403 })
    for (const [resource, kind] of [
      ['/blob/golden2/box', 'c'],
      ['/blob/golden1/box', 'f'],
      ['/table/golden1/box', 'c'],
    ] as const)
      assert.equal((await sign(resource, kind)).error.code, 'InvalidValuesForRequestParameters')
  })

  test('takes changes that mean something, and refuses promises that would not be kept', async () => {
    const changed = await arm.complete('PATCH', pathOf('golden1'), {
      properties: { accessTier: 'cool' },
      tags: { a: 'b' },
    })
    assert.equal(changed.body.properties.accessTier, 'Cool')
    const echoed = await arm.complete('PUT', pathOf('golden1'), changed.body)
    assert.equal(echoed.status, 200)
    assert.deepEqual(echoed.body.properties, changed.body.properties)
    const cases: readonly (readonly [JsonObject, RegExp])[] = [
      [{ sku: { name: 'Standard_RAGRS' } }, /'Standard_RAGRS' is not available/],
      [{ kind: 'FileStorage' }, /'FileStorage' is not available/],
      [{ identity: { type: 'SystemAssigned' } }, /identity/],
      [{ properties: { allowBlobPublicAccess: true } }, /Public access is not permitted/],
      [{ properties: { supportsHttpsTrafficOnly: false } }, /without TLS/],
      [{ properties: { minimumTlsVersion: 'TLS1_3' } }, /TLS1_2/],
      [{ properties: { isHnsEnabled: true } }, /hierarchical namespace/],
      [{ properties: { networkAcls: { defaultAction: 'Deny' } } }, /firewall/],
      [{ properties: { encryption: { keySource: 'Microsoft.Keyvault' } } }, /customer-managed/],
      [{ properties: { customDomain: { name: 'x' } } }, /Could not find member 'customDomain'/],
    ]
    for (const [body, message] of cases)
      assert.match((await arm.send('PATCH', pathOf('golden1'), body)).body.error.message, message)
  })

  test('does not come back with new keys when it is deleted meanwhile', async () => {
    await arm.complete('PUT', pathOf('brief'), plain)
    const { body: shown } = await arm.send('GET', pathOf('brief'))
    const document = (await arm.arm.resources.find(shown.id.toLowerCase())) ?? assert.fail()
    await arm.send('DELETE', pathOf('brief'))
    const call = { id: ResourceId.parse(shown.id) as ResourceId, document, body: { keyName: 'key1' } }
    await regenerateKey(arm.blobs).run({ ...call, request: {} as ArmRequest }, arm.arm)
    const again = await arm.complete('PUT', pathOf('brief'), { ...plain, location: 'westus2' })
    assert.equal(again.body.properties?.provisioningState, 'Succeeded', JSON.stringify(again.body))
    await arm.send('DELETE', pathOf('brief'))
  })

  test('is gone with its blobs when the delete is answered', async () => {
    const deleted = await arm.send('DELETE', pathOf('golden1'))
    assert.equal(deleted.status, 200)
    assert.equal((await arm.send('GET', pathOf('golden1'))).status, 404)
    assert.equal((await arm.send('DELETE', pathOf('golden1'))).status, 204)
    const again = await arm.complete('PUT', pathOf('golden1'), { ...plain, location: 'westus2' })
    assert.equal(again.status, 200)
    const names: string[] = []
    const service = new BlobServiceClient(`${arm.blobs.endpoint('golden1')}?${await accountSas('golden1')}`)
    for await (const one of service.listContainers()) names.push(one.name)
    assert.deepEqual(names, [])
  })
})
