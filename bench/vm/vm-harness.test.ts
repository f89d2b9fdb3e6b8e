import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as net from 'node:net'
import { test } from 'node:test'
import { azDeployment } from './az-deployment.ts'
import { intervalOf, sshBanner } from './banner.ts'
import { startSlowLink, Wire } from './slow-link.ts'

const listening = async (server: net.Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

test('what is sent over a wire queues, and then takes its way', () => {
  const wire = new Wire({ bytesPerSecond: 1000, delayMs: 10 })
  assert.equal(wire.arrivalMs(100, 5000), 5110)
  assert.equal(wire.arrivalMs(100, 5000), 5210)
  assert.equal(wire.backlogMs(5000), 180) // but for what a router holds
  assert.equal(wire.arrivalMs(100, 9000), 9110)
  assert.equal(wire.backlogMs(9100), 0)
})

test('a slow link brings everything, in order, and counts what comes back', async t => {
  const echo = net.createServer({ allowHalfOpen: true }, socket => void socket.pipe(socket))
  const link = await startSlowLink(await listening(echo))
  t.after(() => {
    link.close()
    echo.close()
  })
  link.limit({ bytesPerSecond: 2 ** 26, delayMs: 1 })
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
  const socket = net.connect({ port: link.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(sent)
  const parts: Buffer[] = []
  for await (const part of socket as AsyncIterable<Buffer>) parts.push(part)
  assert.ok(Buffer.concat(parts).equals(sent))
  assert.equal(link.receivedBytes, sent.length)
})

test('a banner is found behind connections that are silent or closed', async t => {
  let met = 0
  const server = net.createServer(socket => {
    met++
    socket.on('error', () => {}) // those who have heard enough are gone
    if (met === 1) return
    if (met === 2) return void socket.destroy()
    socket.write('SSH-2.0-')
    socket.write('dropbear_2022.83\r\nmore')
  })
  const port = await listening(server)
  t.after(() => server.close())
  const said = await sshBanner({ address: '127.0.0.1', port }, 5, new AbortController().signal)
  assert.equal(said, 'SSH-2.0-dropbear_2022.83')
  const given = new AbortController()
  const waiting = sshBanner({ address: '127.0.0.1', port: 1 }, 5, given.signal)
  given.abort(new Error('enough'))
  await assert.rejects(waiting)
  assert.deepEqual([1, 5, 10].map(intervalOf), [200, 400, 600])
})

test('a deployment makes what az makes, each after what it needs', () => {
  const wanted = {
    name: 'vm0',
    location: 'eastus',
    imageId: '/images/1',
    size: 'Standard_B1ls',
    publicKey: 'ssh-ed25519 A',
  }
  const { template } = azDeployment(wanted, '/subscriptions/s/resourceGroups/g').properties
  assert.deepEqual(
    template.resources.map(({ type, name, dependsOn }) => [type.split('/')[1], name, dependsOn.length]),
    [
      ['virtualNetworks', 'vm0VNET', 0],
      ['networkSecurityGroups', 'vm0NSG', 0],
      ['publicIPAddresses', 'vm0PublicIP', 0],
      ['networkInterfaces', 'vm0VMNic', 3],
      ['virtualMachines', 'vm0', 1],
    ],
  )
})
