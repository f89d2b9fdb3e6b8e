import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test } from 'node:test'
import { azCommand, azEnvironment, refused } from '../scenarios/az.ts'
import { addressOf, inGuest, machinesServer, run, withAzAndTinyImage } from './machines-server.ts'

const script = path.join(import.meta.dirname, '../../examples/guide.sh')

test("the guide's own commands, from the first group to the last version", withAzAndTinyImage, async t => {
  const { server, az } = await machinesServer(t)
  const env = { ...azEnvironment(server, 'az'), PATH: `${path.dirname(azCommand())}:${process.env.PATH}` }
  const { stdout } = await run('bash', [script], { env, maxBuffer: 1 << 26 })
  assert.match(stdout, /The version is gone, and its machines run on:/)

  const facts = async (name: string) => {
    const address = await addressOf(az, 'mySourceRG', name)
    const said = await inGuest(server, address, 'hostname; cat /etc/machine-id; cat /opt/installed; id -un')
    const [hostname, machineId, installed, user] = said.split('\n')
    const { stdout: keys } = await run('ssh-keyscan', ['-t', 'ed25519', address])
    return { hostname, machineId, installed, user, hostKey: keys.split(' ').at(-1) }
  }

  await t.test('the new machines have what was installed, and identities of their own', async () => {
    const [one, other] = [await facts('fromVersion'), await facts('fromLatest')]
    for (const { installed, user } of [one, other])
      assert.deepEqual({ installed, user }, { installed: 'installed on sourceVM', user: 'azureuser' })
    assert.deepEqual([one.hostname, other.hostname], ['fromVersion', 'fromLatest'])
    for (const which of ['machineId', 'hostKey'] as const) {
      assert.ok((one[which] ?? '').length >= 32, `${which} is one`)
      assert.notEqual(one[which], other[which], which)
    }
  })

  const group = ['-g', 'myGalleryRG', '-r', 'myGallery', '-i', 'myImageDefinition'].join(' ').split(' ')
  const inDefinition = async (verb: string, version: string, more: string[] = []) =>
    await run(azCommand(), ['sig', 'image-version', verb, ...group, '-e', version, ...more], { env })
  const source = await az`vm show -g mySourceRG -n sourceVM --query id`
  const definition = await az`sig image-definition show -g myGalleryRG -r myGallery -i myImageDefinition --query id`
  const made = async (name: string) => {
    await az`vm create -g mySourceRG -n ${name} --image ${definition} --admin-username azureuser --generate-ssh-keys --nsg ${''} --public-ip-address ${''}`
    return await az`vm show -g mySourceRG -n ${name} --query storageProfile.imageReference.exactVersion`
  }

  await t.test('the latest version moves with a new one, and not with one that is excluded', async () => {
    await inDefinition('create', '1.0.1', ['--virtual-machine', source])
    await inDefinition('create', '1.0.2', ['--virtual-machine', source, '--exclude-from-latest', 'true'])
    assert.equal(await made('latest1'), '1.0.1')
    await inDefinition('update', '1.0.2', ['--set', 'publishingProfile.excludeFromLatest=false'])
    assert.equal(await made('latest2'), '1.0.2')
  })

  await t.test('a machine of a region without a replica is refused', async () => {
    await refused(
      az`vm create -g mySourceRG -n elsewhere -l southeastasia --image ${`${definition}/versions/1.0.1`} --admin-username azureuser --generate-ssh-keys`,
      /GalleryImageNotFound/,
    )
  })

  await t.test('a machine that was generalized does not start again', async () => {
    await refused(az`vm start -g mySourceRG -n sourceVM`, /OperationNotAllowed/)
  })
})
