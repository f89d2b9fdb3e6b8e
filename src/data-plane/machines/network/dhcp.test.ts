import assert from 'node:assert/strict'
import mutableDgram, * as dgram from 'node:dgram'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { silentLog } from '#foundation/log.ts'
import { answerDhcp, readDhcp, serverAddress } from './dhcp-packet.ts'
import { openDhcp } from './open-dhcp.ts'
import { segmentOf } from './segment.ts'
import { dhcpFrame, readAnswer } from './test-dhcp-client.ts'

const mac = '00:0d:3a:12:34:56'
const lease = { address: '10.0.1.4', prefixLength: 20 }
const serverMac = '12:34:56:78:9a:bc'
const [discover, request] = [1, 3]

const answerTo = (asks: Omit<Parameters<typeof dhcpFrame>[0], 'mac'>) => {
  const read = readDhcp(dhcpFrame({ ...asks, mac }))
  assert.ok(read)
  const answer = answerDhcp(read, lease, serverMac)
  return answer && readAnswer(answer)
}

test('a guest that asks is offered its address for ever, and no way out of its network', () => {
  const offer = answerTo({ kind: discover })
  assert.equal(offer?.address, '10.0.1.4')
  assert.equal(offer?.from, '10.0.0.1')
  assert.deepEqual([offer?.to, offer?.toAddress, offer?.transaction], ['000d3a123456', '10.0.1.4', 0xcafe0001])
  assert.deepEqual(
    offer && [...offer.options],
    [
      [53, '02'],
      [54, '0a000001'],
      [51, 'ffffffff'],
      [1, 'fffff000'],
    ],
    'No router (3), no name server (6), no routes (121, 249).',
  )
})

test('a request is confirmed, of another address refused, to another server not answered', () => {
  assert.equal(answerTo({ kind: request, address: '10.0.1.4', server: '10.0.0.1' })?.options.get(53), '05')
  assert.equal(answerTo({ kind: request, current: '10.0.1.4' })?.options.get(53), '05')
  const refusal = answerTo({ kind: request, address: '10.0.1.5' })
  assert.deepEqual([refusal?.options.get(53), refusal?.address, refusal?.to], ['06', '0.0.0.0', 'ffffffffffff'])
  assert.equal(answerTo({ kind: request, address: '10.0.1.4', server: '10.0.0.2' }), undefined)
})

test('who can’t take an answer to itself gets it to all', () => {
  const offer = answerTo({ kind: discover, wantsBroadcast: true })
  assert.deepEqual([offer?.to, offer?.toAddress], ['ffffffffffff', '255.255.255.255'])
})

test('the server’s address is the first of the subnet', () => {
  assert.equal(serverAddress({ address: '192.168.255.254', prefixLength: 16 }), '192.168.0.1')
  assert.equal(serverAddress({ address: '10.0.0.130', prefixLength: 25 }), '10.0.0.129')
})

test('frames that are cut, changed or made up are read or ignored, never an error', () => {
  const good = dhcpFrame({ kind: request, mac, address: '10.0.1.4' })
  for (let length = 0; length < good.length - 1; length++) assert.equal(readDhcp(good.subarray(0, length)), undefined)
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), changes => {
      const frame = Buffer.from(good)
      for (const [at, value] of changes) frame[at] = value
      const read = readDhcp(frame)
      if (read) answerDhcp(read, lease, serverMac)
    }),
    { numRuns: 2000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), bytes => readDhcp(Buffer.from(bytes)) === undefined))
})

test('what another one asks in a guest’s name is not answered', () => {
  const frame = dhcpFrame({ kind: discover, mac })
  frame[11] = 0x57
  assert.equal(readDhcp(frame), undefined)
})

test('a machine that is served as before keeps its sockets open', async t => {
  const create = t.mock.method(mutableDgram, 'createSocket')
  syncBuiltinESMExports()
  t.after(() => {
    create.mock.restore()
    syncBuiltinESMExports()
  })
  const dhcp = openDhcp('a host of tests', silentLog)
  t.after(() => dhcp.close())
  const nics = (privateAddress: string) => [{ mac, network: 'kept', privateAddress, prefixLength: 24, forwards: [] }]
  await dhcp.serve('one', nics('10.0.0.4'))
  await dhcp.serve('one', nics('10.0.0.4'))
  assert.equal(create.mock.callCount(), 1)
  await dhcp.serve('one', nics('10.0.0.5'))
  assert.equal(create.mock.callCount(), 2)
})

/** A cable into a network, as QEMU plugs it in. */
const plugIn = async (t: TestContext, network: string) => {
  const { group, port } = segmentOf('a host of tests', network)
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
  t.after(() => socket.close())
  socket.bind({ address: group, port })
  await once(socket, 'listening')
  socket.addMembership(group, '127.0.0.1')
  socket.setMulticastInterface('127.0.0.1')
  const answers: Buffer[] = []
  socket.on('message', frame => {
    if (frame.readUInt16BE(34) === 67) answers.push(frame)
  })
  return { answers, socket, send: (frame: Buffer) => socket.send(frame, port, group) }
}

test('each network’s machines are answered there, and no longer once they are forgotten', async t => {
  const dhcp = openDhcp('a host of tests', silentLog)
  t.after(() => dhcp.close())
  const nic = (network: string, address: string, hardware: string) => ({
    mac: hardware,
    network,
    privateAddress: address,
    prefixLength: 24,
    forwards: [],
  })
  await dhcp.serve('one', [nic('first', '10.0.0.4', mac), nic('second', '10.9.0.4', '00:0D:3A:00:00:01')])
  await dhcp.serve('two', [nic('first', '10.0.0.5', '00:0d:3a:00:00:02')])
  const [first, second] = [await plugIn(t, 'first'), await plugIn(t, 'second')]
  const ask = async (cable: typeof first, hardware: string) => {
    cable.send(dhcpFrame({ kind: discover, mac: hardware }))
    while (cable.answers.length === 0) await once(cable.socket, 'message')
    return readAnswer(cable.answers.shift() ?? Buffer.alloc(0)).address
  }
  assert.equal(await ask(first, mac), '10.0.0.4')
  assert.equal(await ask(second, '00:0d:3a:00:00:01'), '10.9.0.4')
  await dhcp.forget('one')
  // Answers come in the order of the questions: had the forgotten one been answered, its address would be here.
  first.send(dhcpFrame({ kind: discover, mac }))
  assert.equal(await ask(first, '00:0d:3a:00:00:02'), '10.0.0.5')
  await dhcp.serve('two', [nic('first', '10.0.0.77', '00:0d:3a:00:00:02')])
  assert.equal(await ask(first, '00:0d:3a:00:00:02'), '10.0.0.77')
})
