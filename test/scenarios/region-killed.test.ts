import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { hashInThread } from '#data-plane/chunks/hash-workers.ts'
import { contentOf, ingestBytes, noise, temporaryStore } from '#data-plane/chunks/temporary-store.ts'
import { httpsStore } from '#data-plane/nodes/https-store.ts'
import { joinText, type NodeAccess } from '#data-plane/nodes/join.ts'
import { openRegions } from '#data-plane/replication/open-regions.ts'
import { reconcile } from '#data-plane/replication/reconcile.ts'
import { RegionUnreachable } from '#data-plane/replication/regions.ts'
import { readAll } from '#data-plane/replication/test-regions.ts'
import { systemClock } from '#foundation/clock.ts'
import { nodeFiles } from '#foundation/files.ts'
import { silentLog } from '#foundation/log.ts'
import { systemRandom } from '#foundation/random.ts'
import { bytesOf } from '#foundation/sparse-bytes.ts'
import { joinRegion } from '../../src/region-access.ts'

const launcher = path.join(import.meta.dirname, '../../bin/opengallery.mjs')

/** A region as a user starts it, in a process of its own, that can be killed and started again at its port. */
const startRegionProcess = async (t: TestContext) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-region-'))
  const { join, access } = await joinRegion('', 'westeurope', '127.0.0.1')
  const joinFile = path.join(folder, 'westeurope.join')
  await fs.writeFile(joinFile, joinText(join), { mode: 0o600 })
  let child: ChildProcess | undefined
  let port = 0
  const kill = async () => {
    const killed = child
    child = undefined
    if (!killed || killed.exitCode !== null) return
    const gone = new Promise(resolve => killed.once('exit', resolve))
    killed.kill('SIGKILL')
    await gone
  }
  const start = async () => {
    const joined = port === 0 ? ['--join', joinFile] : [] // later starts have kept it
    const listen = ['--data', path.join(folder, 'data'), '--listen', `127.0.0.1:${port}`]
    const started = spawn(process.execPath, [launcher, 'region', '--name', 'westeurope', ...listen, ...joined], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    })
    child = started
    port = await new Promise<number>((resolve, reject) => {
      let said = ''
      const hear = (text: Buffer) => {
        said += text
        const [, heard] = /listens at port (\d+), store main/.exec(said) ?? []
        if (heard !== undefined) resolve(Number(heard))
      }
      started.stdout.on('data', hear)
      started.stderr.on('data', hear)
      started.once('exit', () => reject(new Error(`The region did not come up:\n${said}`)))
    })
  }
  t.after(async () => {
    await kill()
    await fs.rm(folder, { recursive: true, force: true })
  })
  await start()
  return { folder, access, url: `https://127.0.0.1:${port}/main`, start, kill }
}

const galleryRegions = (folder: string, url: string, access: NodeAccess) =>
  openRegions(
    [
      { name: 'eastus', stores: [pathToFileURL(path.join(folder, 'eastus')).href] },
      { name: 'westus2', stores: [pathToFileURL(path.join(folder, 'westus2')).href] },
      { name: 'westeurope', stores: [url] },
    ],
    {
      files: nodeFiles,
      random: systemRandom,
      clock: systemClock,
      log: silentLog,
      workers: hashInThread(),
      accessOf: async () => access,
    },
  )

test('a region that is killed in the middle of a copy keeps what it had, and the next copy sends the rest', async t => {
  const region = await startRegionProcess(t)
  const { store: near } = await temporaryStore(t)
  const whole = noise(1, 80 * 2 ** 20)
  const { manifest } = await ingestBytes(near, whole, 'a')
  const far = await httpsStore(region.url, async () => region.access, { clock: systemClock })()
  t.after(() => far.close())
  let [sentBytes, isKilled] = [0, false]
  const dying = {
    manifestRoot: near.manifestRoot,
    async *chunks(ids: Parameters<typeof near.chunks>[0]) {
      for await (const chunk of near.chunks(ids)) {
        sentBytes += chunk.sizeBytes
        if (!isKilled && sentBytes > 72 * 2 ** 20) {
          isKilled = true
          await region.kill()
        }
        yield chunk
      }
    },
  }
  await assert.rejects(far.receive(manifest, dying, 'a'), { name: 'NodeUnreachable' })
  await assert.rejects(far.held('a'), { name: 'NodeUnreachable' })
  await region.start()
  assert.equal(await far.held('a'), undefined, 'nothing was promised')
  const { newBytes } = await far.receive(manifest, near, 'a')
  assert.ok(newBytes > 0 && newBytes < whole.length - 30 * 2 ** 20, `${newBytes} bytes were sent again`)
  assert.ok((await contentOf(far, manifest)).equals(whole))
})

test('a region that is down delays only itself, and is brought up to date when it is back', async t => {
  const region = await startRegionProcess(t)
  const regions = await galleryRegions(region.folder, region.url, region.access)
  t.after(() => regions.close())
  const image = noise(2, 3_000_000)
  const { manifest } = await regions.ingest('eastus', bytesOf(image), 'source')
  await region.kill()
  const promises = async function* () {
    for (const name of regions.names) yield { hold: 'v1', region: name, manifest, copies: 1 }
  }
  const owned = (hold: string) => hold === 'v1' || hold === 'orphan'
  const away = await reconcile(regions, promises(), owned, silentLog)
  assert.deepEqual([away.kept, away.failed.map(each => each.region)], [2, ['westeurope']])
  assert.ok(away.failed[0]?.error instanceof RegionUnreachable)
  await region.start()
  assert.deepEqual(await reconcile(regions, promises(), owned, silentLog), { released: 0, kept: 3, failed: [] })
  assert.ok((await readAll(regions, 'westeurope', manifest)).equals(image))
  await regions.hold('westeurope', manifest, 'orphan', 1)
  assert.equal((await reconcile(regions, promises(), owned, silentLog)).released, 1)
})
