import assert from 'node:assert/strict'
import * as https from 'node:https'
import * as net from 'node:net'
import { type TestContext, test } from 'node:test'
import * as tls from 'node:tls'
import { chunkStoreContract } from '#data-plane/chunks/chunk-store.contract.ts'
import { ChunkCorrupt, type ChunkId, type ChunkStore, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { StoreFull } from '#data-plane/chunks/room.ts'
import {
  contentOf,
  ingestBytes,
  noise,
  type TemporaryStore,
  temporaryStore,
} from '#data-plane/chunks/temporary-store.ts'
import { Caller } from '#data-plane/nodes/caller.ts'
import { PROTOCOL } from '#data-plane/nodes/connect.ts'
import { NodeUnreachable } from '#data-plane/nodes/faults.ts'
import { httpsStore } from '#data-plane/nodes/https-store.ts'
import type { NodeAccess } from '#data-plane/nodes/join.ts'
import { startRegionServer } from '#data-plane/nodes/region-server.ts'
import { healFromCaller } from '#data-plane/nodes/serve-connection.ts'
import { damage } from '#data-plane/replication/test-regions.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { joinRegion } from './region-access.ts'

const credentials = joinRegion('', 'westeurope', '127.0.0.1')

/** A server of one store, `main`. */
const serve = async (store: () => ChunkStore, silenceLimitMs = 5000, host = '127.0.0.1') => {
  const { join, access } = await credentials
  const stores = new Map([['main', { run: <T>(work: (store: ChunkStore) => Promise<T>) => work(store()) }]])
  const parts = { host, port: 0, join, stores, clock: systemClock, log: silentLog, silenceLimitMs }
  const server = await startRegionServer(parts)
  return { ...server, access, url: `https://127.0.0.1:${server.port}/main` }
}

const open = (url: string, access: NodeAccess, silenceLimitMs = 5000) =>
  httpsStore(url, async () => access, { clock: systemClock, silenceLimitMs })()

/** A store for one test, and the way to it over the wire. */
const servedStore = async (t: TestContext) => {
  const near = await temporaryStore(t, { heal: healFromCaller })
  const server = await serve(() => near.store)
  const made = { near, server, store: await open(server.url, server.access) }
  t.after(async () => {
    await made.store.close()
    await server.close()
  })
  return made
}

chunkStoreContract('a store over HTTPS', async (t): Promise<TemporaryStore> => {
  const served = await servedStore(t)
  return {
    folder: served.near.folder,
    get store() {
      return served.store
    },
    async reopen() {
      await served.store.close()
      await served.near.reopen()
      served.store = await open(served.server.url, served.server.access)
      return served.store
    },
  }
})

test('who has no token, a wrong one, is turned away, and readers may only read', async t => {
  const { server } = await servedStore(t)
  const { access } = server
  const reader = await open(server.url, { ...access, token: access.readToken })
  await assert.rejects(reader.release('a'), /token of readers does not allow release/)
  await assert.rejects(reader.draft('a', 10), /token of readers does not allow draft/)
  await reader.close()
  for (const token of ['', 'x'.repeat(43), `${access.token}x`])
    await assert.rejects(open(server.url, { ...access, token }), NodeUnreachable, token)
  const stranger = await joinRegion('', 'westeurope', '127.0.0.1')
  await assert.rejects(open(server.url, { ...access, ca: stranger.access.ca }), { name: 'NodeUnreachable' })
  await assert.rejects(open(server.url.replace('main', 'other'), access), /no store of that name/)
  await assert.rejects(open(server.url.replace('127.0.0.1', 'localhost'), access), NodeUnreachable, 'another name')
  assert.equal((await get(server, access.ca, `/v1/stores/main/manifests/${'0'.repeat(64)}`)).status, 401)
})

test('an image is read with a range under the token of readers, and without a gallery', async t => {
  const { store, server } = await servedStore(t)
  const whole = Buffer.concat([noise(1, 200_000), Buffer.alloc(100_000), noise(2, 2_000_000)])
  const { manifest } = await ingestBytes(store, whole, 'a')
  await store.close()
  const { ca, readToken } = server.access
  const path = `/v1/stores/main/manifests/${manifest}`
  const headers = { authorization: `Bearer ${readToken}` }
  const all = await get(server, ca, path, headers)
  assert.ok(all.status === 200 && all.body.equals(whole))
  const cases: [string, number, number][] = [
    ['bytes=199990-300100', 199_990, 300_101],
    ['bytes=2299990-', 2_299_990, whole.length],
    ['bytes=-7', whole.length - 7, whole.length],
  ]
  for (const [range, from, to] of cases) {
    const part = await get(server, ca, path, { ...headers, range })
    assert.equal(part.status, 206)
    assert.ok(part.body.equals(whole.subarray(from, to)), range)
  }
  assert.equal((await get(server, ca, path, { ...headers, range: `bytes=${whole.length}-` })).status, 416)
  assert.equal((await get(server, ca, path.replace(manifest, 'f'.repeat(64)), headers)).status, 404)
})

test('a chunk that the region lost comes back from the gallery that asks, and is checked on both sides', async t => {
  const { near, server, store } = await servedStore(t)
  const whole = noise(3, 600_000)
  const { manifest } = await ingestBytes(store, whole, 'a')
  const copy = (await temporaryStore(t)).store
  await copy.receive(manifest, store, 'a')
  await near.store.close()
  await damage(near.folder)
  await near.reopen()
  await assert.rejects(contentOf(store, manifest), ChunkCorrupt)
  const asked: string[] = []
  const heal = async (id: ChunkId) => {
    asked.push(id)
    for await (const chunk of copy.chunks([id])) return chunk
    return undefined
  }
  const healed = await httpsStore(server.url, async () => server.access, { clock: systemClock, heal })()
  const report = await healed.verify(manifest)
  assert.ok(report.healed.length > 0 && asked.length >= report.healed.length)
  assert.deepEqual([report.corrupt.length, report.missing.length], [report.healed.length, 0])
  assert.ok((await contentOf(healed, manifest)).equals(whole))
  await healed.close()
})

test('an image that is open is not collected, and a failure of the source is told as it was', async t => {
  const { store } = await servedStore(t)
  const whole = noise(4, 3_000_000)
  const { manifest } = await ingestBytes(store, whole, 'a')
  const bytes = await store.open(manifest)
  await store.release('a')
  await store.collect()
  const read = Buffer.alloc(whole.length)
  await bytes.read(0, read)
  assert.ok(read.equals(whole))
  await bytes.close()
  for (let tries = 0; (await store.collect()).manifests === 0; tries++) assert.ok(tries < 100, 'the pin goes')
  await assert.rejects(store.open(manifest), ManifestMissing)

  const failure = Object.assign(new Error('the disk of the source'), { code: 'EIO' })
  const source = { manifestRoot: () => Promise.reject(failure), chunks: () => assert.fail('no root, no chunks') }
  await assert.rejects(store.receive(manifest, source, 'b'), error => error === failure)
})

test('a region that comes back with another disk, or a full one, is told as such and is not written to', async t => {
  const [first, second] = [await temporaryStore(t), await temporaryStore(t)]
  let present = first.store
  const server = await serve(() => present)
  t.after(() => server.close())
  const clock = systemClock
  const store = await httpsStore(server.url, async () => server.access, { clock })()
  const { manifest } = await ingestBytes(store, noise(5, 100_000), 'a')
  const refuse = async () => {
    throw new StoreFull('/disk2', 10, 20)
  }
  present = { ...second.store, requireRoom: refuse, receive: refuse }
  const again = httpsStore(server.url, async () => server.access, { clock })
  await assert.rejects(again(first.store.id), { name: 'StoreMissing', foundId: second.store.id })
  const full = await again(second.store.id)
  await assert.rejects(full.requireRoom(), { name: 'StoreFull', freeBytes: 10, reserveBytes: 20 })
  await assert.rejects(full.receive(manifest, first.store, 'a'), { name: 'StoreFull' })
  assert.ok(((await full.room())?.freeBytes ?? 0) > 0)
  await Promise.all([store.close(), full.close()])
})

test('a region is read through at the pace of the gallery, and tells how far that is', async t => {
  const { store, near } = await servedStore(t)
  await ingestBytes(store, noise(6, 500_000), 'a')
  await near.reopen() // ends the pack that grew: only whole ones are read through
  let pacedBytes = 0
  const pace = async (bytes: number) => {
    pacedBytes += bytes
  }
  assert.equal(await store.scrubState(), undefined)
  while (await store.scrub(1000 * 3600, pace));
  assert.ok(pacedBytes >= 500_000)
  assert.ok((await store.scrubState())?.finishedAt)
  assert.deepEqual(await store.repairs(), { count: 0, last: undefined })
  const enough = async () => assert.fail('enough')
  await assert.rejects(async () => {
    while (await store.scrub(0, enough));
  }, /enough/)
})

test('a peer that falls silent, or trickles, is given up by either side', async t => {
  const { store: near } = await temporaryStore(t)
  const server = await serve(() => near, 200)
  t.after(() => server.close())
  const socket = await upgraded(server)
  const startedMs = performance.now()
  socket.write(Buffer.from([20, 0, 0])) // and nothing more
  await ended(socket)
  assert.ok(performance.now() - startedMs < 3000)
  const slow = await upgraded(server)
  slow.write(Buffer.from([20, 0, 0, 0, 0, 0, 0, 0]))
  const trickle = setInterval(() => slow.write(' '), 60)
  await ended(slow)
  clearInterval(trickle)

  // Nobody answers behind the upgrade.
  const mute = tls.createServer(
    { key: (await credentials).join.key, cert: (await credentials).join.cert },
    connection => {
      connection.on('error', () => {})
      connection.once('data', () =>
        connection.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`),
      )
    },
  )
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
  t.after(() => mute.close())
  const { port } = mute.address() as net.AddressInfo
  await assert.rejects(open(`https://127.0.0.1:${port}/main`, server.access, 200), /silent/)
})

test('malformed frames end the connection, and nothing else', async t => {
  const { server, store } = await servedStore(t)
  const frame = (head: string, body = '') => {
    const prefix = Buffer.alloc(8)
    prefix.writeUInt32LE(head.length, 0)
    prefix.writeUInt32LE(body.length, 4)
    return Buffer.concat([prefix, Buffer.from(head + body)])
  }
  const bad = [
    Buffer.alloc(64, 0xff),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    frame('{"call":'),
    frame('[1]'),
    frame('{"call":"nonsense"}'),
    frame('{"call":"constructor"}'),
    frame('{"call":"held","hold":7}'),
    frame('{"call":"describe","manifest":"../../etc"}'),
    frame('{"call":"ingest","sizeBytes":-1,"hold":"x"}'),
    frame('{"call":"chunks"}', 'x'.repeat(33)),
    Buffer.concat([frame('{"call":"ingest","sizeBytes":10,"hold":"x"}'), frame('{"call":"hello"}')]),
  ]
  for (const bytes of bad) {
    const socket = await upgraded(server)
    socket.write(bytes)
    await ended(socket)
  }
  const others = await get(server, server.access.ca, '/v1/stores/main', {
    authorization: `Bearer ${server.access.token}`,
    connection: 'Upgrade',
    upgrade: 'opengallery-store-9',
  })
  assert.equal(others.status, 426)
  assert.equal(await store.held('x'), undefined)
})

test('a change or an extent that lies nowhere ends the call, and nothing is stored', async t => {
  const { server, store, near } = await servedStore(t)
  const { manifest } = await ingestBytes(store, noise(1, 100_000), 'base')
  const caller = new Caller(server.url, async () => server.access, { clock: systemClock, silenceLimitMs: 5000 })
  t.after(() => caller.close())
  const listing = (place: object) =>
    async function* () {
      yield Buffer.from(JSON.stringify([place]))
    }
  const before = await near.store.stats()
  for (const [offset, length] of [
    [-4096, 4096],
    [0, -4096],
    [0.5, 1],
    ['0', 1],
    [null, 1],
  ] as const) {
    const place = { offset, length, kind: 'zero' }
    const details = { manifest, sizeBytes: 100_000, hold: 'bad' }
    const change = caller.call('ingestChange', details, { answers: { changes: listing(place) } })
    await assert.rejects(change, NodeUnreachable, `${offset} and ${length} as a change`)
    const image = caller.call('ingest', details, { answers: { extents: listing(place) } })
    await assert.rejects(image, NodeUnreachable, `${offset} and ${length} as an extent`)
  }
  assert.deepEqual(await near.store.stats(), before)
  assert.equal(await store.held('bad'), undefined)
})

test('a host that does not answer is not waited for again and again', async t => {
  const { access } = await credentials
  const deaf = net.createServer(() => {})
  await new Promise<void>(resolve => deaf.listen(0, '127.0.0.1', resolve))
  const { port } = deaf.address() as net.AddressInfo
  t.after(() => deaf.close())
  const parts = { clock: systemClock, connectLimitMs: 150 }
  const openDeaf = httpsStore(`https://127.0.0.1:${port}/main`, async () => access, parts)
  const startedMs = performance.now()
  for (let i = 0; i < 100; i++) await assert.rejects(openDeaf(), /no answer in 150 ms/)
  assert.ok(performance.now() - startedMs < 1500)
})

interface Served {
  readonly port: number
  readonly access: NodeAccess
}

const get = (
  { port }: Served,
  ca: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Buffer }> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers, ca, agent: false }
    const request = https.request(options, async response => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) })
    })
    request.on('error', reject)
    request.end()
  })

/** A connection on which the protocol may be broken. */
const upgraded = ({ port, access }: Served): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: PROTOCOL, authorization: `Bearer ${access.token}` }
    const request = https.request({
      host: '127.0.0.1',
      port,
      path: '/v1/stores/main',
      headers,
      ca: access.ca,
      agent: false,
    })
    request.on('upgrade', (_response, socket) => resolve(socket as tls.TLSSocket))
    request.on('error', reject)
    request.end()
  })

const ended = async (socket: tls.TLSSocket): Promise<void> => {
  socket.on('error', () => {})
  socket.resume()
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
}
