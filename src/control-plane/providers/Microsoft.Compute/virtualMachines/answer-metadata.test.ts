import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Arm } from '#arm/resource-type.ts'
import { memoryIdentities } from '#identity/memory-identities.ts'
import { metadataOf } from './answer-metadata.ts'
import { machineOf } from './machine-document.ts'
import { ADDRESS, MACHINE, machineBody, NIC, osProfile, startTestMachines } from './test-machine.ts'

test('a guest is told of its own machine, as it is now, and of no other', async t => {
  const arm = await startTestMachines()
  t.after(() => arm.close())
  const secrets = { adminPassword: 'Secret 123456', customData: Buffer.from('custom secret').toString('base64') }
  const { linuxConfiguration: _, ...profile } = osProfile()
  await arm.made(machineBody({ osProfile: { ...profile, ...secrets } }, { tags: { env: 'test' } }))
  const { vmId } = machineOf(await arm.document())
  const answer = metadataOf(arm.arm, message => Buffer.concat([Buffer.from('signed '), message]), memoryIdentities())
  const ask = (path: string, query = 'api-version=2021-12-13', id = vmId) =>
    answer(id, { path, query: new URLSearchParams(query) })

  const instance = await ask('/metadata/instance')
  assert.equal(instance?.status, 200)
  const { compute, network } = JSON.parse(instance?.body ?? '')
  assert.deepEqual(
    [compute.vmId, compute.name, compute.resourceId.toLowerCase(), compute.vmSize, compute.tags],
    [vmId, 'vm', MACHINE.toLowerCase(), 'Standard_D2s_v5', 'env:test'],
  )
  assert.equal(compute.osProfile.adminUsername, 'azureuser')
  assert.equal(compute.storageProfile.osDisk.osType, 'Linux')
  assert.equal(network.interface.length, 2)
  const { ipAddress } = (await arm.document(ADDRESS)).properties
  const { macAddress } = (await arm.document(NIC)).properties
  assert.match(String(ipAddress), /^127[.]/)
  assert.deepEqual(network.interface[0].ipv4.ipAddress, [{ privateIpAddress: '10.0.0.4', publicIpAddress: ipAddress }])
  assert.equal(network.interface[0].macAddress, String(macAddress).replaceAll('-', ''))
  assert.doesNotMatch(instance?.body ?? '', new RegExp(`${secrets.adminPassword}|${secrets.customData}`))

  const attested = JSON.parse((await ask('/metadata/attested/document', 'nonce=1234567890'))?.body ?? '')
  assert.equal(attested.encoding, 'pkcs7')
  const document = JSON.parse(Buffer.from(attested.signature, 'base64').toString().replace('signed ', ''))
  assert.deepEqual([document.vmId, document.nonce], [vmId, '1234567890'])

  const token = await ask(
    '/metadata/identity/oauth2/token',
    'api-version=2018-02-01&resource=https://management.azure.com/',
  )
  assert.deepEqual(
    [token?.status, JSON.parse(token?.body ?? '')],
    [400, { error: 'invalid_request', error_description: 'Identity not found' }],
  )
  assert.equal(await ask('/metadata/other'), undefined)
  assert.equal(await ask('/metadata/instance', '', 'another'), undefined)
})

test('what a guest asks for costs no look at all machines', async t => {
  const arm = await startTestMachines()
  t.after(() => arm.close())
  await arm.made()
  const { resources } = arm.arm
  let lists = 0
  const counted: Arm = {
    ...arm.arm,
    resources: {
      ...resources,
      list: (...given) => {
        lists++
        return resources.list(...given)
      },
    },
  }
  const answer = metadataOf(counted, message => Buffer.from(message), memoryIdentities())
  const ask = async () => {
    const { vmId } = machineOf(await arm.document())
    const query = new URLSearchParams('api-version=2021-12-13')
    return JSON.parse((await answer(vmId, { path: '/metadata/instance', query }))?.body ?? '{}').compute?.vmId === vmId
  }
  assert.ok(await ask())
  lists = 0
  assert.ok((await ask()) && (await ask()))
  assert.equal(lists, 0)
  await arm.done('DELETE', MACHINE)
  await arm.made()
  assert.ok(await ask())
})
