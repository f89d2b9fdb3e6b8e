import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Clock, systemClock } from '#foundation/clock.ts'
import { closeWithin } from './close-within.ts'

test('an answer that does not end is cut off when the time is over', async () => {
  const server = http.createServer((_request, response) => void response.write('some'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = http.get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const broken = once(response, 'error')
  response.resume()
  const slept: number[] = []
  const clock: Clock = { ...systemClock, sleep: async ms => void slept.push(ms) }
  const close = () => new Promise(resolve => server.close(resolve))
  await closeWithin({ server, close }, 7, clock)
  assert.deepEqual(slept, [7])
  assert.equal((await broken)[0].code, 'ECONNRESET')
})

test('where nothing is under way nobody waits', async () => {
  const server = { closeAllConnections() {} }
  await closeWithin({ server, close: async () => {} }, 3_600_000, systemClock)
})
