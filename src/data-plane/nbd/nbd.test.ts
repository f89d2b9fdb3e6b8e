import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import * as tls from 'node:tls'
import fc from 'fast-check'
import { trustedTestCertificate } from '#data-plane/blobs/test-certificate.ts'
import { FakeClock, systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { ExtentMap } from './extent-map.ts'
import { serveNbd } from './serve-nbd.ts'
import { TestNbdClient } from './test-nbd-client.ts'
import { serveTestImage, testImage } from './test-nbd-server.ts'

const mib = 2 ** 20
const types = (replies: readonly { type: number }[]) => replies.map(({ type }) => type)

for (const structured of [true, false]) {
  test(`any range reads as it is stored, with ${structured ? 'structured' : 'simple'} replies`, async t => {
    const { image, socketFile } = await serveTestImage(t)
    const client = await TestNbdClient.open({ socketFile }, { structured })
    const range = fc.tuple(fc.nat(image.sizeBytes), fc.oneof(fc.nat(9000), fc.nat(3 * mib)))
    await fc.assert(
      fc.asyncProperty(range, async ([offset, wanted]) => {
        const length = Math.min(wanted, image.sizeBytes - offset)
        const { error, data } = await client.ask(0, offset, length)
        assert.equal(error, 0)
        assert.ok(data.equals(image.content.subarray(offset, offset + length)))
      }),
      { numRuns: 60 },
    )
    const whole = await client.ask(0, 0, image.sizeBytes)
    assert.ok(whole.data.equals(image.content))
    client.close()
  })
}

test('answers to many requests at once are told apart', async t => {
  const { image, socketFile } = await serveTestImage(t)
  const client = await TestNbdClient.open({ socketFile }, { structured: false })
  const offsets = new Map<bigint, number>()
  for (let i = 0; i < 200; i++) {
    const offset = (i * 77_777) % (image.sizeBytes - 70_000)
    offsets.set(client.send(0, offset, 70_000), offset)
  }
  for (let i = 0; i < 200; i++) {
    const header = await client.take(16)
    const offset = offsets.get(header.readBigUInt64BE(8)) ?? Number.NaN
    offsets.delete(header.readBigUInt64BE(8))
    assert.ok((await client.take(70_000)).equals(image.content.subarray(offset, offset + 70_000)))
  }
  assert.equal(offsets.size, 0)
  client.close()
})

test('block status tells the holes, and reads leave them out', async t => {
  const { image, socketFile } = await serveTestImage(t)
  const client = await TestNbdClient.open({ socketFile })
  const all = await client.ask(7, 0, image.sizeBytes)
  assert.deepEqual(all.extents, [
    [4096, 0],
    [mib - 8192, 3],
    [2 * mib, 0],
    [mib + 4096, 3],
    [mib + 512, 0],
  ])
  assert.deepEqual((await client.ask(7, 500, 2 * mib, 8)).extents, [[3596, 0]])
  assert.deepEqual((await client.ask(7, 5000, 10)).extents, [[10, 3]])
  image.reads.length = 0
  const hole = await client.ask(0, 3 * mib, mib)
  assert.deepEqual(hole.holes, [[3 * mib, mib]])
  assert.deepEqual(image.reads, [])
  const mixed = await client.ask(0, 0, 2 * mib)
  assert.ok(mixed.data.equals(image.content.subarray(0, 2 * mib)))
  assert.deepEqual(mixed.holes, [[4096, mib - 8192]])
  client.close()
})

test('what is read-only stays so, and what makes no sense is refused without harm', async t => {
  const { image, socketFile } = await serveTestImage(t)
  for (const structured of [true, false]) {
    const client = await TestNbdClient.open({ socketFile }, { structured, status: false })
    const errorOf = async (...request: Parameters<TestNbdClient['ask']>) => (await client.ask(...request)).error
    const write = client.ask(1, 0, 4096)
    client.write(Buffer.alloc(4096, 0xff))
    assert.equal((await write).error, 1)
    assert.equal(await errorOf(4, 0, 4096), 1, 'trim')
    assert.equal(await errorOf(6, 0, 4096), 1, 'write zeroes')
    assert.equal(await errorOf(3, 0, 0), 0, 'flush')
    assert.equal(await errorOf(5, 0, image.sizeBytes), 0, 'cache')
    assert.equal(await errorOf(0, image.sizeBytes, 0), 0, 'nothing at the end')
    assert.equal(await errorOf(0, image.sizeBytes, 1), 22, 'behind the end')
    assert.equal(await errorOf(0, 2n ** 64n - 1n, 2), 22, 'an offset that overflows')
    assert.equal(await errorOf(0, 0, 2 ** 32 - 1), 22, 'too long')
    assert.equal(await errorOf(0, 0, 512, 1), 22, 'a flag that was not offered')
    assert.equal(await errorOf(7, 0, 512), 22, 'block status that was not agreed on')
    assert.equal(await errorOf(99, 0, 0), 22, 'no command')
    assert.ok((await client.ask(0, 0, 100)).data.equals(image.content.subarray(0, 100)), 'and goes on')
    if (structured) {
      assert.equal((await client.ask(0, mib, 65536, 4)).chunks, 1, 'unfragmented')
      assert.equal(await errorOf(0, 0, mib, 4), 75, 'unfragmented, too long')
    }
    client.close()
  }
})

test('a lost byte is an error for whoever reads it, and for nobody else', async t => {
  const { image, server, socketFile } = await serveTestImage(t)
  image.lostAt = 2 * mib
  const client = await TestNbdClient.open({ socketFile }, { status: false })
  assert.equal((await client.ask(0, 2 * mib, 1)).error, 5)
  const beside = await client.ask(0, 2 * mib + 1, 4096)
  assert.equal(beside.error, 0)
  assert.ok(beside.data.equals(image.content.subarray(2 * mib + 1, 2 * mib + 4097)))
  assert.equal(server.stats().failures, 1)
  image.lostAt = -1
  assert.equal((await client.ask(0, 2 * mib, 1)).error, 0, 'a fault that passed')
  client.close()
})

test('the handshake: lists, information, contexts, and the oldest way to begin', async t => {
  const { image, socketFile } = await serveTestImage(t)
  const client = await TestNbdClient.greeted({ socketFile })
  assert.deepEqual(types(await client.option(3)), [2, 1])
  assert.deepEqual(types(await client.option(3, Buffer.from('x'))), [0x80000003])
  assert.deepEqual(types(await client.option(5)), [0x80000001], 'no TLS on a unix socket')
  assert.deepEqual(types(await client.option(11)), [0x80000001], 'extended headers')
  assert.deepEqual(types(await client.metaContext(10, '', ['base:allocation'])), [0x80000003], 'too early')
  await client.structuredReplies()
  const [context] = await client.metaContext(9, '', ['base:'])
  assert.equal(context?.data.toString('latin1', 4), 'base:allocation')
  assert.deepEqual(types(await client.metaContext(9, '', [])), [4, 1])
  assert.deepEqual(types(await client.metaContext(10, '', ['qemu:dirty-bitmap:x'])), [1])
  assert.deepEqual(types(await client.metaContext(10, 'other', ['base:allocation'])), [0x80000006])
  assert.deepEqual(types(await client.go(7, 'other')), [0x80000006])
  const told = await client.go(6, '', [1, 2, 3])
  assert.deepEqual(types(told), [3, 3, 3, 3, 1])
  assert.equal(told[0]?.data.readBigUInt64BE(2), BigInt(image.sizeBytes))
  assert.equal(told[3]?.data.readUInt32BE(10), 32 * mib)
  assert.deepEqual(types(await client.option(2)), [1])
  await client.hungUp()

  for (const flags of [1, 3]) {
    const old = await TestNbdClient.greeted({ socketFile }, flags)
    old.exportName('')
    assert.equal((await old.take(10)).readBigUInt64BE(0), BigInt(image.sizeBytes))
    if (flags === 1) assert.ok((await old.take(124)).equals(Buffer.alloc(124)))
    assert.equal((await old.ask(0, 0, 10)).error, 0)
    old.send(2, 0, 0)
    await old.hungUp()
  }
  const lost = await TestNbdClient.greeted({ socketFile })
  lost.exportName('other')
  await lost.hungUp()
})

test('over TCP nothing is said in the clear, and an unlisted name is the key', async t => {
  const certificate = trustedTestCertificate()
  const image = testImage()
  const server = await serveNbd(
    { host: '127.0.0.1', port: 0 },
    {
      exports: [{ name: 'secret', description: '', bytes: image }],
      isListed: false,
      tls: () => certificate,
      clock: systemClock,
      log: silentLog,
    },
  )
  t.after(() => server.close())
  const plain = await TestNbdClient.greeted(server.address)
  assert.deepEqual(types(await plain.go(7, 'secret')), [0x80000005])
  plain.exportName('secret')
  await plain.hungUp()

  const client = await TestNbdClient.greeted(server.address)
  assert.deepEqual(types(await client.option(5)), [1])
  await client.startTls(certificate.cert)
  assert.deepEqual(types(await client.option(5)), [0x80000003], 'TLS once only')
  assert.deepEqual(types(await client.option(3)), [0x80000002], 'no list')
  assert.deepEqual(types(await client.go(7, '')), [0x80000006])
  await client.go(7, 'secret')
  assert.ok((await client.ask(0, 0, 4 * mib)).data.equals(image.content.subarray(0, 4 * mib)))
  client.close()

  const injected = await TestNbdClient.greeted(server.address)
  const startTls = Buffer.concat([Buffer.from('IHAVEOPT'), Buffer.from([0, 0, 0, 5, 0, 0, 0, 0])])
  injected.write(startTls, startTls)
  await injected.hungUp()
  const old = tls.connect({ host: '127.0.0.1', port: (server.address as { port: number }).port })
  await new Promise(resolve => old.once('error', resolve))
})

test('who is silent in a handshake, or comes when all places are taken, is sent away', async t => {
  const clock = new FakeClock()
  const { server, socketFile } = await serveTestImage(t, { clock, maxConnections: 2 })
  const silent = await TestNbdClient.greeted({ socketFile })
  const working = await TestNbdClient.open({ socketFile })
  const third = await TestNbdClient.connect({ socketFile })
  await third.hungUp()
  clock.advance(20_000)
  await silent.hungUp()
  clock.advance(3_600_000)
  assert.equal((await working.ask(0, 0, 512)).error, 0, 'an idle client is left alone')
  assert.equal(server.stats().connections, 1)
  working.close()
})

test('closing hangs up, closes the image and leaves no socket; the socket is for its owner alone', async t => {
  const { image, server, socketFile } = await serveTestImage(t)
  assert.equal((await fs.stat(socketFile)).mode & 0o777, 0o600)
  const client = await TestNbdClient.open({ socketFile })
  for (let i = 0; i < 50; i++) client.send(0, i * 65536, 65536)
  await server.close()
  await client.hungUp()
  assert.ok(image.isClosed)
  await assert.rejects(fs.stat(socketFile))
})

test('a map of too many extents grows coarse, and never calls data a hole', async () => {
  const extents = Array.from({ length: 1000 }, (_, i) => ({ offset: i * i * 100, length: 7 }))
  const bytes = {
    ...testImage(),
    sizeBytes: 100_000_000,
    async *extents() {
      yield* extents
    },
  }
  const map = await ExtentMap.of(bytes, 100)
  const runs = [...map.runs(0, bytes.sizeBytes)]
  assert.ok(runs.filter(run => !run.isHole).length <= 100)
  assert.ok(runs.some(run => run.isHole))
  assert.equal(
    runs.reduce((sum, run) => sum + run.length, 0),
    bytes.sizeBytes,
  )
  for (const { offset, length } of extents) {
    assert.ok(!map.isHole(offset, offset + length))
    assert.deepEqual([...map.runs(offset, offset + length)], [{ offset, length, isHole: false }])
  }
})
