import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import type { Forward, MachineSpec } from '../machines.ts'
import { discArguments, discRemoval } from '../provisioning/disc-arguments.ts'
import { provisioningDisc } from '../provisioning/provisioning-disc.ts'
import { smbiosArguments } from '../provisioning/smbios-arguments.ts'
import { changeForwards, explainForward, type ForwardTaken, readForwards } from './forwards.ts'
import { networkArguments } from './network-arguments.ts'

const hasQemu = spawnSync('qemu-system-x86_64', ['--version']).status === 0
const unlessMissing = { skip: hasQemu || process.env.CI === 'true' ? false : 'qemu-system-x86_64 is not installed' }

const specWith = (forwards: readonly Forward[]): MachineSpec => ({
  id: '9d3b9a52-6f4b-4a36-9a2e-2f3d3b0f0a11',
  label: 'web',
  cores: 1,
  memoryMiB: 64,
  generation: 'V1',
  disks: [],
  nics: [{ mac: '00:0d:3a:12:34:56', network: 'a', privateAddress: '10.0.0.4', prefixLength: 24, forwards }],
  identity: {
    instanceId: 'one, two',
    hostname: 'web-1',
    login: { adminUsername: 'ann', disablePasswordAuthentication: true, publicKeys: [] },
  },
})

/** Starts QEMU with its processor stopped, and speaks QMP with it on its own input and output. */
const startQemu = async (t: TestContext, spec: MachineSpec, isOutward = false) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'qemu, 1 '))
  const disc = path.join(folder, 'disc.iso')
  await fs.writeFile(disc, provisioningDisc(spec.identity, 'with password', new Date(0)) ?? '')
  const paths = { metadataSocket: 'run 1/metadata', socat: '/usr/bin/socat', hostId: 'tests', isOutward }
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-S', '-M', 'q35', '-accel', 'tcg', '-m', '64', '-nodefaults', '-display', 'none', '-qmp', 'stdio'],
      ...['-device', 'virtio-scsi-pci,id=scsi', ...discArguments(disc)],
      ...networkArguments(spec, paths),
      ...smbiosArguments(spec, 'http://169.254.169.254/seed/0/'),
    ],
    { cwd: folder },
  )
  t.after(async () => {
    qemu.kill('SIGKILL')
    await fs.rm(folder, { recursive: true })
  })
  let errors = ''
  qemu.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  const lines = createInterface({ input: qemu.stdout })[Symbol.asyncIterator]()
  const execute = async (command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
    qemu.stdin.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    for (;;) {
      const { value, done } = await lines.next()
      assert.ok(!done, errors)
      const message = JSON.parse(value)
      if (message.error) throw new Error(message.error.desc)
      if ('return' in message) return message.return
    }
  }
  const monitor = async (line: string) => String(await execute('human-monitor-command', { 'command-line': line }))
  const ended = async () => {
    if (qemu.exitCode === null) await once(qemu, 'close')
    return errors
  }
  return { execute, monitor, ended }
}

const freePort = async () => {
  const server = net.createServer().listen(0, '127.98.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  return port
}

test('QEMU takes the arguments, changes forwards while it runs, and lets go of the disc', unlessMissing, async t => {
  const [one, two]: Forward[] = [
    { protocol: 'tcp', address: '127.98.0.1', port: await freePort() },
    { protocol: 'udp', address: '127.98.0.2', port: await freePort() },
  ] as const
  const { execute, monitor } = await startQemu(t, specWith([one]))
  await execute('qmp_capabilities')
  assert.deepEqual(readForwards(await monitor('info usernet')), [`tcp:127.98.0.1:${one.port}`])
  await changeForwards(monitor, specWith([one]), specWith([two]))
  assert.deepEqual(readForwards(await monitor('info usernet')), [`udp:127.98.0.2:${two.port}`])
  const uuid = (await execute('query-uuid')) as { UUID: string }
  assert.match(uuid.UUID, /^[0-9a-f-]{36}$/)
  for (const each of discRemoval) await execute(each.execute, each.arguments)
  assert.doesNotMatch(JSON.stringify(await execute('query-named-block-nodes')), /disc[.]iso/)
})

test('QEMU takes a way outward', unlessMissing, async t => {
  const { execute, monitor } = await startQemu(t, specWith([]), true)
  await execute('qmp_capabilities')
  assert.match(await monitor('info network'), /management: index=\d+,type=user,net=168[.]0[.]0[.]0,restrict=off/)
})

test('QEMU’s own refusal of a forward is explained', unlessMissing, async t => {
  const server = net.createServer().listen(0, '127.98.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const spec = specWith([{ protocol: 'tcp', address: '127.98.0.1', port }])
  const { ended } = await startQemu(t, spec)
  const explained: ForwardTaken | undefined = await explainForward(await ended(), spec)
  assert.match(
    explained?.message ?? '',
    new RegExp(`127[.]98[.]0[.]1:${port} [(]tcp[)] is taken by .*[(]process ${process.pid}[)]`),
  )
})
