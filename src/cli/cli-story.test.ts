import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDisk } from '#data-plane/disks/open-disk.ts'
import { systemRandom } from '#foundation/random.ts'
import { configOf } from '../config.ts'
import { startServer } from '../main.ts'
import { flipByte } from './demo/flip-byte.ts'
import { firstDifference } from './demo/same-bytes.ts'
import { runCommand } from './test-shell.ts'

const mib = 2 ** 20

const serve = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-story-'))
  const data = path.join(folder, 'data')
  const regions = ['eastus', 'westeurope'].map(name => ({ name, stores: [`file://${folder}/${name}`] }))
  // As `start --region` keeps them, for the commands that work without a server.
  await fs.mkdir(data)
  await fs.writeFile(path.join(data, 'regions.json'), JSON.stringify(regions))
  // One disk under both regions: only separate copies heal each other.
  const config = configOf({ dataFolder: data, port: 0, regions, separateCopies: true })
  const start = async () => {
    const server = await startServer(config)
    t.after(() => server.stop())
    return server
  }
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const server = await start()
  const command = async (...args: string[]) => await runCommand([...args, '--data', data])
  const told = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await command(...args, '--json')
    assert.equal(exitCode, 0, stderr)
    return JSON.parse(stdout)
  }
  return { folder, data, server, start, command, told }
}

test('an image goes in and comes back in every format; damage is found and healed with and without a server', async t => {
  const { folder, server, command, told } = await serve(t)
  const original = path.join(folder, 'disk.raw')
  // Neither whole MiB nor without holes: 3 MiB of data, a hole, and a little more.
  const size = 9 * mib + 512
  await fs.writeFile(original, systemRandom.bytes(3 * mib))
  const tail = systemRandom.bytes(512)
  const file = await fs.open(original, 'r+')
  await file.truncate(size)
  await file.write(tail, 0, 512, size - 512)
  await file.close()

  const first = await told('publish', original, '--definition', 'web', '--regions', 'eastus,westeurope')
  assert.match(first.id, /\/galleries\/gallery\/images\/web\/versions\/1\.0\.0$/)
  assert.equal(first.sizeBytes, size)
  assert.equal(
    first.sha256,
    createHash('sha256')
      .update(await fs.readFile(original))
      .digest('hex'),
  )
  assert.ok(first.newBytes >= 3 * mib && first.newBytes < 3.1 * mib, `${first.newBytes} bytes are new`)
  const again = await told('publish', original, '--definition', 'web', '--regions', 'eastus')
  assert.match(again.id, /1\.0\.1$/, 'the next version is one patch higher')
  assert.equal(again.newBytes, 0)

  for (const format of ['raw', 'vhd', 'qcow2'] as const) {
    const pulled = path.join(folder, `pulled.${format}`)
    const { version, sizeBytes, sha256, isChecked } = await told('pull', 'images/gallery/web', pulled)
    assert.deepEqual([version, sizeBytes, sha256, isChecked], ['1.0.1', size, first.sha256, true])
    const { bytes } = await openDisk(pulled, { scratchFolder: folder, format })
    const content = Buffer.alloc(size)
    await bytes.read(0, content)
    await bytes.close()
    assert.ok(content.equals(await fs.readFile(original)), format)
  }
  for (const [wrong, expected] of [
    [['--version', '1.0.0'], /Version 1\.0\.0 exists already/],
    [['--version', 'banana'], /'banana' is not a version/],
    [['--regions', 'mars'], /The server has no region 'mars'/],
    [['--end-of-life', 'soon'], /--end-of-life takes a date, not 'soon'/],
  ] as const) {
    const { exitCode, stderr } = await command('publish', original, '--definition', 'web', ...wrong)
    assert.equal(exitCode, 2)
    assert.match(stderr, expected)
  }
  const existing = await command('pull', 'images/gallery/web', path.join(folder, 'pulled.raw'))
  assert.equal(existing.exitCode, 2)
  assert.match(existing.stderr, /exists already/)
  const unknown = await command('pull', 'images/gallery/web/9.9.9', path.join(folder, 'x'))
  assert.equal(unknown.exitCode, 1)
  assert.match(unknown.stderr, /ResourceNotFound/)

  const status = await told('status')
  assert.match(status.kernel, /^(native$|JavaScript; the native kernel, which is faster, )/)
  assert.equal(status.resources['Microsoft.Compute/disks'], undefined, 'no temporary disk is left')
  assert.deepEqual(
    status.regions.map((region: { name: string }) => region.name),
    ['eastus', 'westeurope'],
  )

  const origin = await told('provenance', 'images/gallery/web/1.0.0')
  assert.deepEqual([origin.state, origin.statement.subject.length], ['signed', 1])
  const [key] = await told('provenance', '--rotate-key')
  assert.notEqual(key.keyid, origin.signedBy.keyid)
  const shown = await command('provenance', 'images/gallery/web')
  assert.match(shown.stdout, /signed by {4}[0-9a-f]{16}\n {2}published .* by .*\n {2}made of {6}disk \/subscriptions\//)
  const { stdout: envelope } = await command('provenance', 'images/gallery/web', '--envelope')
  assert.equal(JSON.parse(envelope).payloadType, 'application/vnd.in-toto+json')
  assert.equal((await command('provenance')).exitCode, 2)
  const { stdout: whole } = await command('verify', '--region', 'eastus')
  assert.match(whole, /2 versions signed by this installation, 0 not signed/)

  await flipByte(path.join(folder, 'westeurope'))
  const reported = await command('verify', '--region', 'westeurope')
  assert.equal(reported.exitCode, 1)
  assert.match(reported.stderr, /1 chunk is damaged or missing.*\n.*Run it with --repair/)
  const { regions: running } = await told('verify', '--repair', '--region', 'westeurope')
  assert.deepEqual([running[0].corrupt, running[0].healed], [1, 1])

  await server.stop()
  // Elsewhere: what was healed lies in another pack now.
  await flipByte(path.join(folder, 'westeurope'), 0.25)
  const { regions: alone } = await told('verify', '--repair')
  assert.deepEqual(
    alone.map((region: { corrupt: number; healed: number }) => [region.corrupt, region.healed]),
    [
      [0, 0],
      [1, 1],
    ],
  )
  const { regions: kept } = await told('gc', '--dry-run')
  assert.equal(kept[1].manifests, 0, 'what is published is no garbage')
})

test('what is damaged for good is known after a restart too, until the image is published again', async t => {
  const { folder, server, start, command, told } = await serve(t)
  const original = path.join(folder, 'disk.raw')
  await fs.writeFile(original, systemRandom.bytes(3 * mib))
  const { sha256 } = await told('publish', original, '--definition', 'web', '--regions', 'eastus')
  await server.stop()
  await flipByte(path.join(folder, 'eastus'))
  const found = await command('verify', '--repair')
  assert.equal(found.exitCode, 1)
  assert.match(found.stderr, /could not be healed: no replica has them.*\n.*Publish them again/)

  await start()
  const damaged = await command('status')
  assert.match(damaged.stdout, /eastus: 1 chunk is damaged.*\n.*verify --repair.*eastus\/damaged\.log\n/)
  const again = await told('publish', original, '--definition', 'web', '--regions', 'eastus')
  assert.ok(again.newBytes > 0 && again.newBytes <= mib, `${again.newBytes} bytes were stored again`)
  for (const version of ['1.0.0', '1.0.1']) {
    const pulled = await told('pull', `images/gallery/web/${version}`, path.join(folder, `${version}.raw`))
    assert.equal(pulled.sha256, sha256)
  }
  assert.doesNotMatch((await command('status')).stdout, /damaged/)
})

test('files are compared to the last byte', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-same-'))
  t.after(() => fs.rm(folder, { recursive: true, force: true }))
  const write = async (name: string, bytes: Buffer) => {
    await fs.writeFile(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const whole = Buffer.alloc(8 * mib + 3, 5)
  const changed = Buffer.from(whole)
  changed[8 * mib + 2] = 6
  const [a, b, c] = [await write('a', whole), await write('b', changed), await write('c', whole.subarray(0, 8 * mib))]
  assert.equal(await firstDifference(a, a), undefined)
  assert.equal(await firstDifference(a, b), 8 * mib + 2)
  assert.equal(await firstDifference(a, c), 8 * mib)
})
