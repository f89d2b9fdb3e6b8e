import assert from 'node:assert/strict'
import * as net from 'node:net'
import { test } from 'node:test'
import type { Forward, MachineNic, MachineSpec } from '../machines.ts'
import { changeForwards, checkForwards, explainForward, ForwardTaken, readForwards } from './forwards.ts'
import { managementMac } from './management.ts'
import { networkArguments } from './network-arguments.ts'
import { segmentOf } from './segment.ts'

const nic = (forwards: readonly Forward[], network = 'net one'): MachineNic => ({
  mac: '00:0d:3a:12:34:56',
  network,
  privateAddress: '10.0.0.4',
  prefixLength: 24,
  forwards,
})
const spec = (...nics: MachineNic[]): MachineSpec => ({
  id: '9d3b9a52-6f4b-4a36-9a2e-2f3d3b0f0a11',
  label: 'web',
  cores: 1,
  memoryMiB: 128,
  generation: 'V1',
  disks: [],
  nics,
  identity: { instanceId: 'i', hostname: 'web' },
})
const ssh: Forward = { protocol: 'tcp', address: '127.10.0.5', port: 22 }
const dns: Forward = { protocol: 'udp', address: '127.10.0.5', port: 53 }
const paths = { metadataSocket: 'run/9d3b/metadata', socat: '/usr/bin/socat', hostId: 'host one' }

test('the first interface reaches the metadata and nothing else, the others a network each', () => {
  const args = networkArguments(spec(nic([ssh, dns]), nic([], 'net two')), paths)
  const relay = "cmd:'/usr/bin/socat' -T 30 - 'UNIX-CONNECT:run/9d3b/metadata'"
  assert.equal(
    args[1],
    'user,id=management,net=168.0.0.0/7,host=169.254.169.2,dhcpstart=169.254.169.15,restrict=on,ipv6=off,' +
      `guestfwd=tcp:169.254.169.254:80-${relay},guestfwd=tcp:168.63.129.16:80-${relay},` +
      'hostfwd=tcp:127.10.0.5:22-169.254.169.15:22,hostfwd=udp:127.10.0.5:53-169.254.169.15:53',
  )
  const { group, port } = segmentOf('host one', 'net one')
  assert.equal(args[5], `socket,id=private0,mcast=${group}:${port},localaddr=127.0.0.1`)
  assert.equal(args[7], 'virtio-net-pci,id=private0-nic,netdev=private0,mac=00:0d:3a:12:34:56,romfile=')
  assert.equal(args.length, 12)
  assert.match(managementMac(spec().id), /^7c:1e:52(:[0-9a-f]{2}){3}$/)
})

test('a guest has a way outward only where its host was told so', () => {
  const outward = networkArguments(spec(nic([ssh])), { ...paths, isOutward: true })[1] ?? ''
  assert.match(outward, /,dns=169[.]254[.]169[.]3,restrict=off,ipv6=off,guestfwd=tcp:169[.]254[.]169[.]254:80-/)
  const usual = networkArguments(spec(nic([ssh])), { ...paths, isOutward: false })[1] ?? ''
  assert.match(usual, /,restrict=on,/)
})

test('a path that a shell, QEMU or socat would take apart is refused', () => {
  for (const bad of ["a'b", 'a,b', 'a!b', 'a:b', 'a\\b', 'a"b', 'a$b', 'a\nb', 'x'.repeat(108)])
    assert.throws(() => networkArguments(spec(), { ...paths, metadataSocket: bad }), bad)
})

test('networks have segments of their own, on each server others', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `network ${index}`)
  const all = ['one', 'two'].flatMap(host => names.map(name => segmentOf(host, name)))
  assert.equal(new Set(all.map(each => `${each.group}:${each.port}`)).size, all.length)
  for (const { group, port } of all) {
    const [first, second] = group.split('.').map(Number)
    assert.ok(first === 239 && second !== 255 && port >= 16384 && port < 32768)
  }
  assert.notDeepEqual(segmentOf('a', 'b c'), segmentOf('a b', 'c'))
})

/** QEMU's own words, as version 7.2 says them. */
const monitor =
  (present: Set<string>, said: string[], refused: string[] = []) =>
  async (line: string) => {
    said.push(line)
    const [command = '', , rule = ''] = line.split(' ')
    if (command === 'info') {
      const rows = [...present].map(each => each.split(':'))
      return rows
        .map(
          ([kind, at, port]) =>
            `  ${kind?.toUpperCase()}[HOST_FORWARD]  12      ${at}    ${port}  169.254.169.15    ${port}     0     0\r\n`,
        )
        .join('')
    }
    const outside = rule.split('-')[0] ?? ''
    if (command === 'hostfwd_add') {
      if (refused.includes(outside)) return `Could not set up host forwarding rule '${rule}'\r\n`
      present.add(outside)
      return ''
    }
    return present.delete(outside)
      ? `host forwarding rule for ${outside} removed\r\n`
      : `host forwarding rule for ${outside} not found\r\n`
  }

test('a running machine takes over forwards that came and went, twice without harm', async () => {
  const present = new Set(['tcp:127.10.0.5:22', 'tcp:127.10.0.5:80'])
  const said: string[] = []
  const before = spec(nic([ssh, { ...ssh, port: 80 }]))
  const after = spec(nic([ssh, dns]))
  await changeForwards(monitor(present, said), before, after)
  assert.deepEqual([...present], ['tcp:127.10.0.5:22', 'udp:127.10.0.5:53'])
  assert.deepEqual(said, [
    'hostfwd_remove management tcp:127.10.0.5:80',
    'info usernet',
    'hostfwd_add management udp:127.10.0.5:53-169.254.169.15:53',
  ])
  await changeForwards(monitor(present, said), before, after)
  assert.deepEqual([...present], ['tcp:127.10.0.5:22', 'udp:127.10.0.5:53'])
})

test('a port that somebody has is named, with who has it', async t => {
  const server = net.createServer().listen(0, '127.99.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const forward: Forward = { protocol: 'tcp', address: '127.99.0.1', port: (server.address() as net.AddressInfo).port }
  const machine = spec(nic([forward]))
  const isTold = (error: unknown) =>
    error instanceof ForwardTaken &&
    error.forward === forward &&
    error.message.includes(`127.99.0.1:${forward.port} (tcp) is taken by `) &&
    (process.platform !== 'linux' || error.message.includes(`(process ${process.pid})`))
  await assert.rejects(checkForwards(machine), isTold)
  const rule = `tcp:127.99.0.1:${forward.port}`
  await assert.rejects(changeForwards(monitor(new Set(), [], [rule]), spec(), machine), isTold)
  assert.ok(
    isTold(
      await explainForward(
        `qemu: Could not set up host forwarding rule '${rule}-169.254.169.15:${forward.port}'`,
        machine,
      ),
    ),
  )
  assert.equal(await explainForward('qemu: out of memory', machine), undefined)
  await checkForwards(spec(nic([{ ...forward, address: '127.99.0.2' }])))
})

test('who listens everywhere is told to stop doing so', async t => {
  const server = net.createServer().listen(0, '0.0.0.0')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const forward: Forward = { protocol: 'tcp', address: '127.99.0.1', port: (server.address() as net.AddressInfo).port }
  await assert.rejects(checkForwards(spec(nic([forward]))), /listens on every address of this host/)
})

test('the monitor’s own table is read', () => {
  const answer = [
    'Hub -1 (management):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[ESTABLISHED]   15      127.77.0.2    22  169.254.169.15    22     0     0',
    '  TCP[HOST_FORWARD]  12      127.77.0.2    22  169.254.169.15    22     0     0',
    '  UDP[HOST_FORWARD]  13      127.77.0.2    53  169.254.169.15    53     0     0',
  ].join('\r\n')
  assert.deepEqual(readForwards(answer), ['tcp:127.77.0.2:22', 'udp:127.77.0.2:53'])
})
