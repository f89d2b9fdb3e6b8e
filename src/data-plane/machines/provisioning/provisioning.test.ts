import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineIdentity, MachineSpec } from '../machines.ts'
import { discArguments, discRemoval } from './disc-arguments.ts'
import { ovfEnv } from './ovf-env.ts'
import { provisioningDisc } from './provisioning-disc.ts'
import { seedFiles, seedPath } from './seed.ts'
import { firmwareUuid, guestMachineId, smbiosArguments } from './smbios-arguments.ts'
import { readDisc } from './test-read-disc.ts'

/** Written in parts, or it would be taken for a path of this machine. */
const home = ['', 'home', 'azureuser'].join('/')
const password = `P<&>"'ss\r\u00e9, word`
const identity: MachineIdentity = {
  instanceId: '3F2504E0-4F89-41D3-9A0C-0305E82C3301',
  hostname: 'web-1',
  login: {
    adminUsername: 'azureuser',
    adminPassword: password,
    disablePasswordAuthentication: false,
    publicKeys: [{ path: `${home}/.ssh/authorized_keys`, keyData: 'ssh-ed25519 AAAA ann&co\n' }],
  },
  customData: Buffer.from([0, 1, 2, 0xff]),
}
const { login: _login, ...specializedIdentity } = identity
const spec: MachineSpec = {
  id: '9d3b9a52-6f4b-4a36-9a2e-2f3d3b0f0a11',
  label: 'web',
  cores: 1,
  memoryMiB: 128,
  generation: 'V1',
  disks: [],
  nics: [
    { mac: '00:0D:3A:12:34:56', network: 'a', privateAddress: '10.0.0.4', prefixLength: 24, forwards: [] },
    { mac: '00:0D:3A:12:34:57', network: 'b', privateAddress: '10.1.0.4', prefixLength: 16, forwards: [] },
  ],
  identity,
}
const specialized = { ...spec, identity: specializedIdentity }
const seedUrl = 'http://169.254.169.254/seed/00/'

test('ovf-env.xml says what Azure’s says, escaped', () => {
  const xml = ovfEnv(identity, true) ?? ''
  assert.match(xml, /<wa:HostName>web-1<\/wa:HostName><wa:UserName>azureuser<\/wa:UserName>/)
  assert.ok(xml.includes(`<wa:UserPassword>P&lt;&amp;&gt;&quot;'ss&#xD;\u00e9, word</wa:UserPassword>`))
  assert.ok(xml.includes('<wa:DisableSshPasswordAuthentication>false</wa:DisableSshPasswordAuthentication>'))
  assert.ok(xml.includes('<wa:Value>ssh-ed25519 AAAA ann&amp;co</wa:Value>'))
  assert.ok(xml.includes('<wa:CustomData>AAEC/w==</wa:CustomData>'))
  assert.ok(xml.includes('<wa:ProvisionGuestAgent>true</wa:ProvisionGuestAgent>'))
})

test('the disc holds the password until it is taken out, and the custom data for good', () => {
  const secret = readDisc(provisioningDisc(identity, 'with password', new Date(0)) ?? Buffer.alloc(0))
  const open = provisioningDisc(identity, 'without password', new Date(0)) ?? Buffer.alloc(0)
  assert.equal(secret.files.get('ovf-env.xml')?.content.toString(), ovfEnv(identity, true))
  assert.ok(!open.includes('ss&#xD;') && !open.includes('UserPassword') && open.includes('AAEC/w=='))
  assert.notEqual(secret.label.toLowerCase(), 'cidata', 'cloud-init would take NoCloud before Azure')
})

test('a machine that is not provisioned gets no disc, no seed and keeps its machine id', () => {
  assert.equal(provisioningDisc(specializedIdentity, 'with password', new Date(0)), undefined)
  assert.equal(seedFiles(specialized, true).size, 0)
  const args = smbiosArguments(specialized, seedUrl).join(' ')
  assert.ok(!args.includes('type=11') && !args.includes('nocloud'))
  assert.ok(args.includes('asset=7783-7084-3265-9085-8269-3286-77'), 'cloud-init configures the network on Azure only')
})

test('the firmware tells the instance: another instance is another UUID and another machine id', () => {
  const args = smbiosArguments(spec, seedUrl)
  assert.equal(args[args.indexOf('-uuid') + 1], '3f2504e0-4f89-41d3-9a0c-0305e82c3301')
  assert.ok(args.includes(`type=1,serial=ds=nocloud;dsmode=net;i=3f2504e0-4f89-41d3-9a0c-0305e82c3301;s=${seedUrl}`))
  assert.ok(args.includes('type=11,value=io.systemd.credential:system.machine_id=3f2504e04f8941d39a0c0305e82c3301'))
  const extra = /tmpfiles[.]extra=(\S+)/.exec(args.join(' '))?.[1] ?? ''
  assert.equal(
    Buffer.from(extra, 'base64').toString(),
    'f+ /etc/machine-id 0444 root root - 3f2504e04f8941d39a0c0305e82c3301\\n\n',
  )
  assert.match(firmwareUuid('not a uuid'), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.notEqual(guestMachineId('one'), guestMachineId('two'))
})

test('NoCloud finds the same person, the custom data untouched, and no password once the machine is ready', () => {
  const files = seedFiles(spec, true)
  assert.deepEqual(files.get('user-data'), identity.customData)
  assert.deepEqual(JSON.parse(String(files.get('meta-data'))), {
    'instance-id': '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    'local-hostname': 'web-1',
    'public-keys': ['ssh-ed25519 AAAA ann&co'],
  })
  const parts = (withPassword: boolean) =>
    String(seedFiles(spec, withPassword).get('vendor-data'))
      .split('--part-of-vendor-data')
      .map(part => Buffer.from(part.split('\n\n')[1] ?? '', 'base64').toString())
  const config = JSON.parse((parts(true)[1] ?? '').replace('#cloud-config\n', ''))
  assert.deepEqual(config, {
    ssh_pwauth: true,
    user: { name: 'azureuser', lock_passwd: false, plain_text_passwd: password },
    users: ['default'],
  })
  assert.ok(!parts(false).join('').includes('plain_text_passwd'))
  assert.match(parts(true)[2] ?? '', /^#cloud-boothook\n[\s\S]*00:0d:3a:12:34:57[\s\S]*10[.]1[.]0[.]4\/16/)
  assert.match(parts(true)[3] ?? '', /^#!\/bin\/sh\n[\s\S]*168[.]63[.]129[.]16/)
})

test('where the seed lies can’t be known without the secret, and changes with the instance', () => {
  const secret = Buffer.alloc(32, 1)
  const at = seedPath(secret, spec)
  assert.match(at, /^\/seed\/[0-9a-f]{32}\/$/)
  assert.equal(seedPath(secret, spec), at)
  assert.notEqual(seedPath(Buffer.alloc(32, 2), spec), at)
  assert.notEqual(seedPath(secret, { ...spec, identity: { ...identity, instanceId: 'b' } }), at)
})

test('the disc lies in a drive of its own, and QEMU can be told to let go of it', () => {
  const [, node = '', , drive = ''] = discArguments('run/1/provisioning.iso')
  const [{ 'node-name': name, file }, { id, bus, 'scsi-id': unit }] = [JSON.parse(node), JSON.parse(drive)]
  assert.deepEqual(file, { driver: 'file', filename: 'run/1/provisioning.iso', 'read-only': true })
  assert.deepEqual([bus, unit], ['scsi.0', 1], 'Data disks are the units of number 0.')
  assert.deepEqual(
    discRemoval.map(each => each.arguments.id ?? each.arguments['node-name']),
    [id, id, name],
  )
})
