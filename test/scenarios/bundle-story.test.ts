import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '#foundation/clock.ts'
import { systemRandom } from '#foundation/random.ts'
import { importBundle } from '../../src/cli/bundles/import-bundle.ts'
import { openClient } from '../../src/cli/client/open-client.ts'
import { findServer } from '../../src/cli/client/server-access.ts'
import { firstDifference } from '../../src/cli/demo/same-bytes.ts'
import { runCommand } from '../../src/cli/test-shell.ts'
import { configOf } from '../../src/config.ts'
import { startServer } from '../../src/main.ts'

const mib = 2 ** 20

interface Place {
  readonly folder: string
  /** What is to end before the folder goes. */
  readonly ends: (() => unknown)[]
}

const makePlace = async (t: TestContext): Promise<Place> => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-bundle-'))
  const ends: (() => unknown)[] = []
  t.after(async () => {
    for (const end of ends.reverse()) await end()
    await fs.rm(folder, { recursive: true, force: true })
  })
  return { folder, ends }
}

/** An installation in a folder of its own, and its command. */
const site = async ({ folder, ends }: Place, name: string, regionNames: readonly string[]) => {
  const data = path.join(folder, name)
  const regions = regionNames.map(region => ({ name: region, stores: [`file://${folder}/${name}-${region}`] }))
  await fs.mkdir(data)
  await fs.writeFile(path.join(data, 'regions.json'), JSON.stringify(regions))
  let server = await startServer(configOf({ dataFolder: data, port: 0, regions }))
  ends.push(() => server.stop())
  const command = (...args: string[]) => runCommand([...args, '--data', data])
  return {
    data,
    command,
    async told(...args: string[]) {
      const { exitCode, stdout, stderr } = await command(...args, '--json')
      assert.equal(exitCode, 0, stderr)
      return JSON.parse(stdout)
    },
    async refused(expected: RegExp, ...args: string[]) {
      const { exitCode, stderr } = await command(...args)
      assert.notEqual(exitCode, 0)
      assert.match(stderr, expected)
    },
    stop: () => server.stop(),
    async start() {
      server = await startServer(configOf({ dataFolder: data, port: 0, regions }))
    },
  }
}

const makeImage = async (file: string, dataBytes: number) => {
  await fs.writeFile(file, systemRandom.bytes(dataBytes))
  await fs.truncate(file, dataBytes * 3 + 512)
}

test('versions travel in a file, the next time only what is new, and nothing altered is taken', async t => {
  const place = await makePlace(t)
  const at = (name: string) => path.join(place.folder, name)
  const here = await site(place, 'here', ['eastus', 'westus'])
  const there = await site(place, 'there', ['northeurope', 'westeurope'])
  await makeImage(at('one.raw'), 3 * mib)
  await fs.copyFile(at('one.raw'), at('two.raw'))
  const two = await fs.open(at('two.raw'), 'r+')
  await two.write(systemRandom.bytes(64 * 1024), 0, 64 * 1024, mib)
  await two.close()
  const publish = (image: string, definition: string, regions: string) =>
    here.told('publish', at(image), '--definition', definition, '--regions', regions)
  await publish('one.raw', 'web', 'eastus,westus')
  const bundle = at('all.bundle')
  await here.refused(
    /no version of images\/gallery\/nothing/,
    'bundle',
    'export',
    bundle,
    '--definition',
    'images/gallery/nothing',
  )
  await fs.writeFile(`${bundle}.part`, 'my own notes, in a file of this name')
  await here.refused(/no interrupted export/, 'bundle', 'export', bundle)
  await fs.rm(`${bundle}.part`)
  const all = await here.told('bundle', 'export', bundle)
  assert.deepEqual(all.versions, ['images/gallery/web/1.0.0'])
  assert.ok(all.sizeBytes > 3 * mib && all.sizeBytes < 3.2 * mib, `${all.sizeBytes}`)

  // Nobody is believed whose key was not named.
  await there.refused(/BundleSignerNotTrusted/, 'bundle', 'import', bundle)
  const { publicKey } = await here.told('bundle', 'key')
  assert.equal((await here.command('bundle', 'key')).stdout, `${publicKey}\n`)
  assert.equal((await fs.stat(path.join(here.data, 'bundle.key'))).mode & 0o777, 0o600)
  await fs.writeFile(at('other.key'), `${(await there.told('bundle', 'key')).publicKey}\n`)
  await there.told('bundle', 'trust', at('other.key'))
  await there.refused(/BundleSignerNotTrusted/, 'bundle', 'import', bundle)
  await fs.writeFile(at('here.key'), `${publicKey}\n`)

  // A bit anywhere: the head, the middle, the signature at the end.
  const bytes = await fs.readFile(bundle)
  for (const offset of [3, 70, 150, bytes.length >> 1, bytes.length - 40, bytes.length - 1]) {
    const altered = Buffer.from(bytes)
    altered[offset] = (altered[offset] ?? 0) ^ 0x10
    await fs.writeFile(at('altered.bundle'), altered)
    await there.refused(/The bundle is refused/, 'bundle', 'import', at('altered.bundle'), '--trust', at('here.key'))
  }

  const map = ['--regions', 'eastus=westeurope']
  const first = await there.told('bundle', 'import', bundle, ...map, '--receipt', at('1.json'))
  assert.deepEqual(first.made, ['images/gallery/web/1.0.0'])
  assert.match(first.notes.join(), /westus is not here/)
  await there.told('pull', 'images/gallery/web/1.0.0', at('back.raw'))
  assert.equal(await firstDifference(at('one.raw'), at('back.raw')), undefined)
  // Signed anew by the one who took it, with what the one who gave it said.
  const made = await here.told('provenance', 'images/gallery/web/1.0.0')
  const taken = await there.told('provenance', 'images/gallery/web/1.0.0')
  assert.deepEqual([made.state, taken.state, taken.former.state], ['signed', 'signed', 'signed'])
  assert.deepEqual(taken.former.envelope, made.envelope)
  assert.deepEqual(taken.statement.subject, made.statement.subject)
  assert.notEqual(taken.signedBy.keyid, made.signedBy.keyid)
  assert.equal(taken.statement.predicate.buildDefinition.resolvedDependencies[0].annotations.kind, 'bundle')
  const again = await there.told('bundle', 'import', bundle, ...map)
  assert.deepEqual([again.made, again.sentBytes], [[], 0], 'what is here is not made or sent again')

  // Since the receipt: only what is new, also when it goes to another region than what it builds on.
  await here.refused(/Nothing was published since/, 'bundle', 'export', at('none.bundle'), '--since', at('1.json'))
  await publish('two.raw', 'web', 'eastus')
  await publish('two.raw', 'db', 'westus')
  const more = await here.told('bundle', 'export', at('more.bundle'), '--since', at('1.json'))
  assert.deepEqual(more.versions.toSorted(), ['images/gallery/db/1.0.0', 'images/gallery/web/1.0.1'])
  assert.ok(more.sizeBytes < mib, `${more.sizeBytes}`)
  const second = await there.told(
    'bundle',
    'import',
    at('more.bundle'),
    '--receipt',
    at('2.json'),
    '--regions',
    'eastus=westeurope,westus=northeurope',
  )
  assert.equal(second.made.length, 2)
  for (const [version, region] of [
    ['web/1.0.1', 'westeurope'],
    ['db/1.0.0', 'northeurope'],
  ] as const) {
    await there.told('pull', `images/gallery/${version}`, at(`${region}.raw`), '--region', region)
    assert.equal(await firstDifference(at('two.raw'), at(`${region}.raw`)), undefined)
  }
  const { receipt } = JSON.parse(await fs.readFile(at('2.json'), 'utf8'))
  assert.equal(receipt.versions.length, 3, 'a receipt tells all that is there')
  await here.refused(/Nothing was published since/, 'bundle', 'export', at('none.bundle'), '--since', at('2.json'))
  const forged = JSON.parse(await fs.readFile(at('1.json'), 'utf8'))
  forged.receipt.sequence++
  await fs.writeFile(at('forged.json'), JSON.stringify(forged))
  await here.refused(
    /receipt is refused: its signature/,
    'bundle',
    'export',
    at('none.bundle'),
    '--since',
    at('forged.json'),
  )

  // A site that lacks what a bundle builds on is told so, and nothing is made there.
  const elsewhere = await site(place, 'elsewhere', ['eastus'])
  await elsewhere.refused(/BundleBaseMissing/, 'bundle', 'import', at('more.bundle'), '--trust', at('here.key'))
  await elsewhere.refused(/ResourceNotFound|ResourceGroupNotFound/, 'pull', 'images/gallery/web', at('x.raw'))
})

test('an export and an import that were killed go on where they were', async t => {
  const place = await makePlace(t)
  const at = (name: string) => path.join(place.folder, name)
  const here = await site(place, 'here', ['eastus'])
  for (const name of ['a', 'b']) {
    await makeImage(at(`${name}.raw`), 2 * mib)
    await here.told('publish', at(`${name}.raw`), '--definition', name, '--regions', 'eastus')
  }
  const bundle = at('all.bundle')
  await here.told('bundle', 'export', bundle)
  const whole = await fs.readFile(bundle)

  // What a killed export leaves is the beginning of a bundle, torn anywhere. No server runs: the command is one for as long.
  await fs.writeFile(`${bundle}.part`, whole.subarray(0, Math.floor(whole.length * 0.6)))
  await here.refused(
    /left by another export/,
    'bundle',
    'export',
    bundle,
    '--force',
    '--definition',
    'images/gallery/a',
  )
  await here.stop()
  const resumed = await here.told('bundle', 'export', bundle, '--force')
  assert.ok(resumed.resumedBytes > 0.5 * whole.length, `${resumed.resumedBytes}`)
  assert.equal((await fs.stat(bundle)).size, whole.length)

  const data = at('there')
  const start = async (): Promise<ChildProcess> => {
    const bin = path.join(import.meta.dirname, '../../bin/opengallery.mjs')
    const args = [bin, 'start', '--data', data, '--port', '0', '--region', `eastus=${at('there-eastus')}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    place.ends.push(() => child.kill('SIGKILL'))
    const isUp = Promise.withResolvers<void>()
    child.stdout?.on('data', text => String(text).includes('Ctrl+C') && isUp.resolve())
    child.on('exit', () => isUp.reject(new Error('The server did not start.')))
    await isUp.promise
    return child
  }
  const server = await start()
  await fs.writeFile(at('here.key'), (await runCommand(['bundle', 'key', '--data', here.data])).stdout)
  const there = (...args: string[]) => runCommand([...args, '--data', data])
  const trusted = await there('bundle', 'trust', at('here.key'))
  assert.equal(trusted.exitCode, 0, trusted.stderr)
  const client = openClient(await findServer(data, {}), systemClock)
  const killAtSecondVersion = {
    verifying() {},
    importing(what: string) {
      if (what.includes('/b/')) server.kill('SIGKILL')
    },
  }
  await assert.rejects(importBundle(client.arm, bundle, '', killAtSecondVersion), /No answer from/)
  client.close()
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  const told = JSON.parse((await there('bundle', 'import', bundle, '--json')).stdout)
  assert.equal(told.made.length, 2)
  assert.ok(
    told.sentBytes < 0.6 * whole.length,
    `what had arrived is not sent again: ${told.sentBytes} of ${whole.length}`,
  )
  const pulled = await start()
  for (const name of ['a', 'b']) {
    assert.equal((await there('pull', `images/gallery/${name}`, at(`${name}.back`))).exitCode, 0)
    assert.equal(await firstDifference(at(`${name}.raw`), at(`${name}.back`)), undefined)
  }
  pulled.kill('SIGTERM')
  await once(pulled, 'exit')
})
