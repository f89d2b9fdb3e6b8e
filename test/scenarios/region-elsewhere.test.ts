import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { openClient } from '../../src/cli/client/open-client.ts'
import { findServer } from '../../src/cli/client/server-access.ts'
import { openJoin } from '../../src/cli/server/join-file.ts'
import { keepRegions, parseRegions } from '../../src/cli/server/region-settings.ts'
import { runCommand } from '../../src/cli/test-shell.ts'
import { configOf } from '../../src/config.ts'
import { startServer } from '../../src/main.ts'
import { startRegion } from '../../src/region.ts'

const freePort = async (): Promise<number> => {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

test('a region elsewhere joins, takes versions and gives them, fails alone, catches up by itself, and is read without the server', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-region-story-'))
  const at = (name: string) => path.join(folder, name)
  const [data, port] = [at('data'), await freePort()]
  const regions = [
    { name: 'eastus', stores: [pathToFileURL(at('eastus')).href] },
    { name: 'westus2', stores: [pathToFileURL(at('westus2')).href] },
    ...parseRegions([`westeurope=https://127.0.0.1:${port}/main`], data),
  ]
  assert.throws(() => parseRegions(['westeurope=https://127.0.0.1:1/a/b'], data), /not a store/)
  const server = await startServer(configOf({ dataFolder: data, port: 0, regions, lookIntervalMs: 100 }))
  const undo: (() => unknown)[] = [() => fs.rm(folder, { recursive: true, force: true }), () => server.stop()]
  t.after(async () => {
    for (const close of undo.reverse()) await close()
  })
  const command = (...args: string[]) => runCommand([...args, '--data', data])
  const told = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await command(...args)
    assert.equal(exitCode, 0, stderr)
    return stdout
  }

  const joinFile = at('westeurope.join')
  const joining = ['region', 'join', '--name', 'westeurope', '--address', `127.0.0.1:${port}`, '--out', joinFile]
  assert.match(await told(...joining), new RegExp(`--region westeurope=https://127.0.0.1:${port}/main`))
  assert.match((await command(...joining)).stderr, /exists already/)
  for (const secret of [joinFile, path.join(data, 'region-access', 'westeurope.json')])
    assert.equal((await fs.stat(secret)).mode & 0o777, 0o600)
  const { token } = JSON.parse(await fs.readFile(path.join(data, 'region-access', 'westeurope.json'), 'utf8'))
  assert.ok(!(await fs.readFile(joinFile, 'utf8')).includes(token), 'the region knows the hash of the token only')

  const start = async () =>
    await startRegion({
      dataFolder: at('region'),
      join: await openJoin(at('region'), 'westeurope', joinFile),
      host: '127.0.0.1',
      port,
      clock: systemClock,
      log: silentLog,
    })
  let region = await start()
  const client = openClient(await findServer(data, {}), systemClock)
  undo.push(
    () => region.stop(),
    () => client.close(),
  )

  const [one, two] = [systemRandom.bytes(2 ** 20), systemRandom.bytes(2 ** 20)]
  await fs.writeFile(at('one.raw'), one)
  await fs.writeFile(at('two.raw'), two)
  const everywhere = ['--definition', 'web', '--regions', 'eastus,westus2,westeurope']
  // The location is the region elsewhere: the upload itself goes there.
  await told('publish', at('one.raw'), ...everywhere, '--location', 'westeurope')
  await told('pull', 'images/gallery/web/1.0.0', at('back.raw'), '--region', 'westeurope')
  assert.ok((await fs.readFile(at('back.raw'))).equals(one))

  await region.stop()
  const failed = await command('publish', at('two.raw'), ...everywhere)
  assert.equal(failed.exitCode, 1)
  assert.match(failed.stderr, /failed in one or more regions.*\{region:westeurope, detail:/)
  const id = `/subscriptions/${server.admin.subscriptionId}/resourceGroups/images/providers/Microsoft.Compute/galleries/gallery/images/web/versions/1.0.1`
  const look = async () => {
    const version = await client.arm.get(id, { $expand: 'ReplicationStatus' })
    const { provisioningState, replicationStatus } = version.properties as {
      provisioningState: string
      replicationStatus: { summary: { region: string; state: string }[] }
    }
    const states = Object.fromEntries(replicationStatus.summary.map(({ region, state }) => [region, state]))
    return { provisioningState, states }
  }
  assert.deepEqual(await look(), {
    provisioningState: 'Failed',
    states: { 'East US': 'Completed', 'West US 2': 'Completed', 'West Europe': 'Failed' },
  })
  await told('pull', 'images/gallery/web/1.0.1', at('near.raw'), '--region', 'westus2')

  region = await start()
  while ((await look()).provisioningState !== 'Succeeded') await systemClock.sleep(50)
  assert.deepEqual(await look(), {
    provisioningState: 'Succeeded',
    states: { 'East US': 'Completed', 'West US 2': 'Completed', 'West Europe': 'Completed' },
  })
  await told('pull', 'images/gallery/web/1.0.1', at('mended.raw'), '--region', 'westeurope')
  assert.ok((await fs.readFile(at('mended.raw'))).equals(two))

  const readerFile = at('westeurope.reader')
  await keepRegions(data, regions) // as the command does when it starts a server
  await told('region', 'reader', '--name', 'westeurope', '--out', readerFile)
  await server.stop()
  const alone = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runCommand(['region', ...args, '--with', readerFile])
    assert.equal(exitCode, 0, stderr)
    return stdout
  }
  const { images } = JSON.parse(await alone('images', '--json')) as { images: { version: string; slot: string }[] }
  assert.deepEqual(images.map(({ version, slot }) => `${version} ${slot}`).sort(), [
    'images/gallery/web/1.0.0 os',
    'images/gallery/web/1.0.1 os',
  ])
  const pulled = await alone('pull', 'images/gallery/web', at('alone.raw'))
  assert.match(String(pulled), /each chunk checked, signed by [0-9a-f]{16}/)
  // The region knows the disk, a whole number of MiB, and not how long the file was that it was made of.
  const begins = async (file: string, bytes: Uint8Array) =>
    assert.ok((await fs.readFile(at(file))).subarray(0, bytes.length).equals(bytes), file)
  await begins('alone.raw', two)
  await alone('pull', 'images/gallery/web/1.0.0', at('former.raw'))
  await begins('former.raw', one)
  const lacking = await runCommand(['region', 'pull', 'images/gallery/web/9.0.0', at('x.raw'), '--with', readerFile])
  assert.ok(lacking.exitCode === 1 && /holds no os disk/.test(lacking.stderr))
})
