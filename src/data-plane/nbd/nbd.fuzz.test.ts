import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as net from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Log } from '#foundation/log.ts'
import { TestNbdClient } from './test-nbd-client.ts'
import { serveTestImage, testImage } from './test-nbd-server.ts'

const mib = 2 ** 20
const be = (length: 2 | 4 | 8, value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)))
  return bytes.subarray(8 - length)
}

/** Numbers that a careless reader of lengths trips over. */
const length = fc.oneof(fc.nat(40), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 16_384, 16_385), fc.nat())
const data = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
  fc
    .tuple(length, fc.uint8Array({ maxLength: 20 }), length, fc.uint8Array({ maxLength: 20 }))
    .map(([a, x, b, y]) => Buffer.concat([be(4, a), x, be(4, b), y])),
  fc.tuple(fc.nat(5), fc.nat(5)).map(([count, info]) => Buffer.concat([be(4, 0), be(2, count), be(2, info)])),
)
/** The first two have the length that they claim; the third lies. */
const option = fc.oneof(
  fc
    .tuple(fc.nat(12), data)
    .map(([asked, bytes]) => [Buffer.from('IHAVEOPT'), be(4, asked), be(4, bytes.length), bytes]),
  fc.tuple(fc.nat(), data).map(([asked, bytes]) => [Buffer.from('IHAVEOPT'), be(4, asked), be(4, bytes.length), bytes]),
  fc
    .tuple(fc.nat(12), length, data)
    .map(([asked, claimed, bytes]) => [Buffer.from('IHAVEOPT'), be(4, asked), be(4, claimed), bytes]),
  fc.uint8Array({ maxLength: 40 }).map(bytes => [Buffer.from(bytes)]),
)
const offset = fc.oneof(fc.nat(6 * mib).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
const request = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.oneof(fc.constant(0), fc.nat(15), fc.nat(65535)),
        fc.nat(9),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        offset,
        length,
      )
      .map(([flags, type, cookie, at, count]) => [
        be(4, 0x25609513),
        be(2, flags),
        be(2, type),
        be(8, cookie),
        be(8, at),
        be(4, count),
      ]),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map(bytes => [Buffer.from(bytes)]) },
)

/** A server that must never be surprised: whatever it logs as an error is a bug. */
const suspiciousServer = async (t: Parameters<typeof serveTestImage>[0]) => {
  const complaints: unknown[] = []
  const log: Log = { info: () => {}, warn: () => {}, error: (...said) => void complaints.push(said) }
  const { server, socketFile, image } = await serveTestImage(t, { log, maxConnections: 10_000 }, testImage(5 * mib))
  const isWell = async () => {
    assert.deepEqual(complaints, [])
    const client = await TestNbdClient.open({ socketFile })
    assert.ok((await client.ask(0, mib, 5000)).data.equals(image.content.subarray(mib, mib + 5000)))
    client.close()
  }
  return { server, socketFile, isWell }
}

/** Says it, hangs up in the polite or in the rude way, and waits for the server to be done with it. */
const say = async (socketFile: string, bytes: Buffer, isRude: boolean): Promise<void> => {
  const socket = net.connect(socketFile)
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  if (isRude) socket.write(bytes, () => socket.destroy())
  else socket.end(bytes)
  if (!socket.closed) await once(socket, 'close')
}

test('no handshake breaks the server', async t => {
  const { socketFile, isWell } = await suspiciousServer(t)
  const talk = fc.tuple(
    fc.oneof(fc.constantFrom(0, 1, 2, 3), fc.nat()),
    fc.array(option, { maxLength: 6 }),
    fc.boolean(),
  )
  await fc.assert(
    fc.asyncProperty(talk, async ([flags, options, isRude]) => {
      await say(socketFile, Buffer.concat([be(4, flags), ...options.flat()]), isRude)
    }),
    { numRuns: 400 },
  )
  await isWell()
})

test('no request breaks the server', async t => {
  const { server, socketFile, isWell } = await suspiciousServer(t)
  const go = Buffer.concat([Buffer.from('IHAVEOPT'), be(4, 7), be(4, 6), be(4, 0), be(2, 0)])
  const structured = Buffer.concat([Buffer.from('IHAVEOPT'), be(4, 8), be(4, 0)])
  const query = Buffer.concat([be(4, 0), be(4, 1), be(4, 15), Buffer.from('base:allocation')])
  const status = Buffer.concat([Buffer.from('IHAVEOPT'), be(4, 10), be(4, query.length), query])
  const talk = fc.tuple(
    fc.constantFrom([], [structured], [structured, status]),
    fc.array(request, { maxLength: 8 }),
    fc.boolean(),
  )
  await fc.assert(
    fc.asyncProperty(talk, async ([options, requests, isRude]) => {
      await say(socketFile, Buffer.concat([be(4, 3), ...options, go, ...requests.flat()]), isRude)
    }),
    { numRuns: 400 },
  )
  await isWell()
  while (server.stats().connections > 0) await new Promise(resolve => setImmediate(resolve))
})
