import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import * as https from 'node:https'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../src/cli/main.ts'
import type { Shell } from '../../src/cli/shell.ts'
import { terminalOf } from '../../src/cli/terminal.ts'
import { runCommand } from '../../src/cli/test-shell.ts'
import { parseVhdFooter } from '../../src/data-plane/disks/fixed-vhd.ts'
import { TestNbdClient } from '../../src/data-plane/nbd/test-nbd-client.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const mib = 2 ** 20
/** Smaller disks are padded to 20 MiB. */
const size = 24 * mib

let server: TestServer
let folder: string
let image: Buffer
let id: string
let manifest: string

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'og-nbd-'))
  const regions = ['eastus', 'westus2'].map(name => ({ name, stores: [`file://${folder}/${name}`] }))
  server = await startTestServer({ dataFolder: path.join(folder, 'data'), regions })
  image = Buffer.alloc(size)
  image.set(systemRandom.bytes(mib), 0)
  image.set(systemRandom.bytes(2 * mib), 5 * mib)
  await fs.writeFile(path.join(folder, 'disk.raw'), image)
  id = await publish()
  manifest = (await get('HEAD', '')).headers.etag?.replaceAll('"', '') ?? ''
})
after(async () => {
  await server?.stop()
  await fs.rm(folder, { recursive: true, force: true })
})

const publish = async (): Promise<string> => {
  const line = `publish ${folder}/disk.raw --definition web --regions eastus --json --data ${server.dataFolder}`
  const { stdout, stderr } = await runCommand(line.split(' '))
  assert.match(stdout, /^\{/, stderr)
  return JSON.parse(stdout).id
}

interface Got {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Buffer
}

const get = (method: string, query: string, headers: Record<string, string> = {}): Promise<Got> =>
  new Promise((resolve, reject) => {
    const url = `${server.url}/opengallery/image?${query.includes('id=') ? '' : `id=${id}&`}${query}`
    const authorization = `Bearer ${server.token}`
    https
      .request(url, { method, ca: server.ca, headers: { authorization, ...headers } }, async answer => {
        const body = Buffer.concat(await answer.toArray())
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers as Record<string, string>, body })
      })
      .on('error', reject)
      .end()
  })

test('a version is downloaded whole, or any part of it', async () => {
  const whole = await get('GET', 'format=raw')
  assert.equal(whole.status, 200)
  assert.ok(whole.body.equals(image))
  assert.equal(whole.headers['content-length'], String(image.length))
  assert.equal(whole.headers['accept-ranges'], 'bytes')
  assert.match(whole.headers.etag ?? '', /^"[0-9a-f]{64}"$/)
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=5242879-5242890', 5 * mib - 1, 5 * mib + 11],
    ['bytes=4000000-', 4_000_000, size],
    ['bytes=-513', size - 513, size],
    ['bytes=25165823-99999999999', size - 1, size],
  ] as const) {
    const part = await get('GET', '', { range, 'if-range': `"${manifest}"` })
    assert.equal(part.status, 206, range)
    assert.equal(part.headers['content-range'], `bytes ${start}-${end - 1}/${image.length}`)
    assert.ok(part.body.equals(image.subarray(start, end)), range)
  }
  for (const range of ['bytes=25165824-', 'bytes=-0']) {
    const beyond = await get('GET', '', { range })
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${image.length}`])
  }
  for (const range of ['bytes=5-4', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-'])
    assert.equal((await get('HEAD', '', { range })).status, 200, range)
  assert.equal((await get('HEAD', '', { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200)
  assert.equal((await get('GET', '', { 'if-none-match': `W/"x", "${manifest}"` })).status, 304)
  assert.equal((await get('GET', '', { 'if-match': '"x"' })).status, 412)
  const head = await get('HEAD', 'format=vhd')
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, `${size + 512}`, 0])
})

test('as a VHD it has a footer', async () => {
  const { body } = await get('GET', 'format=vhd')
  assert.ok(body.subarray(0, image.length).equals(image))
  assert.equal(parseVhdFooter(body.subarray(image.length)).imageSizeBytes, image.length)
})

test('who may not read, or asks for what is not there, is refused', async () => {
  assert.equal((await get('GET', '', { authorization: 'Bearer x' })).status, 401)
  const { subscriptionId } = server.admin
  const foreign = id.replace(subscriptionId, '11111111-1111-4111-8111-111111111111')
  for (const [query, status] of [
    ['format=qcow2', 400],
    ['format=constructor', 400],
    ['format=raw&format=vhd', 400],
    ['region=westus2', 400],
    ['region=mars', 400],
    ['lun=3', 400],
    ['lun=x', 400],
    [`id=${id.slice(0, id.lastIndexOf('/versions'))}`, 400],
    ['id=', 400],
    [`id=${id}&id=${id}`, 400],
    [`id=${id.replace('1.0.0', '9.9.9')}`, 404],
    [`id=${foreign}`, 403],
  ] as const) {
    const answer = await get('GET', query)
    assert.equal(answer.status, status, query)
    assert.ok(JSON.parse(String(answer.body)).error.code, query)
  }
  assert.equal((await server.fetch('POST', `/opengallery/nbd?id=${foreign}`)).status, 403)
  const disk = `${id.slice(0, id.indexOf('/galleries/'))}/disks/none`
  for (const [query, status] of [
    ['', 400],
    [`disk=${id}`, 400],
    [`disk=${disk}`, 404],
    [`disk=${disk.replace(subscriptionId, '11111111-1111-4111-8111-111111111111')}`, 403],
  ] as const)
    assert.equal((await server.fetch('POST', `/opengallery/upload-base?id=${id}&${query}`)).status, status, query)
  assert.equal((await server.fetch('POST', `/opengallery/nbd?id=${id}&listen=nonsense`)).status, 400)
  assert.equal((await server.fetch('POST', `/opengallery/nbd?id=${id}&listen=192.0.2.1:0`)).status, 400)
})

test('an upload starts as a version only while it is empty', async () => {
  const disk = `${id.slice(0, id.indexOf('/galleries/'))}/disks/begun`
  const send = async (method: string, path: string, body?: object) =>
    await server.fetch(method, `${path}${path.includes('?') ? '&' : '?'}api-version=2024-03-02`, {
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
  const creationData = { createOption: 'Upload', uploadSizeBytes: size + 512 }
  await send('PUT', disk, { location: 'eastus', properties: { creationData, osType: 'Linux' } })
  const access = { access: 'Write', durationInSeconds: 600 }
  while ((await send('GET', disk)).json.properties.diskState !== 'ReadyToUpload') await systemClock.sleep(20)
  await send('POST', `${disk}/beginGetAccess`, access)
  while ((await send('GET', disk)).json.properties.diskState !== 'ActiveUpload') await systemClock.sleep(20)
  const start = () => send('POST', `/opengallery/upload-base?id=${id}&disk=${disk}`)
  assert.equal((await start()).status, 200)
  const again = await start()
  assert.deepEqual([again.status, again.json.error.code], [409, 'UploadBegun'])
})

test('downloads that nobody finishes leave nothing behind', async () => {
  for (let i = 0; i < 34; i++) {
    await new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${server.token}` }
      https
        .get(`${server.url}/opengallery/image?id=${id}`, { ca: server.ca, headers }, answer => {
          assert.equal(answer.statusCode, 200)
          answer.once('close', resolve).destroy()
        })
        .on('error', reject)
    })
  }
  assert.ok((await get('GET', '')).body.equals(image))
})

/** `opengallery serve-nbd` as it runs, and Ctrl+C for it. */
const serving = (...args: string[]) => {
  const lines: string[] = []
  const told = Promise.withResolvers<string>()
  let interrupt = () => {}
  const stream = (isResult: boolean) => ({
    write: (text: string) => {
      lines.push(text)
      if (isResult) told.resolve(text.trim())
    },
  })
  const shell: Shell = {
    terminal: terminalOf({ stdout: stream(true), stderr: stream(false) }, {}),
    env: {},
    clock: systemClock,
    onInterrupt(listener) {
      interrupt = listener
      return () => {}
    },
  }
  const ended = run(['serve-nbd', ...args, '--data', server.dataFolder], shell)
  void ended.then(code => told.reject(new Error(`ended with ${code}: ${lines.join('')}`)))
  return { uri: () => told.promise, interrupt: () => interrupt(), ended, lines }
}

const socketOf = (uri: string) => ({ socketFile: new URL(uri).searchParams.get('socket') ?? '' })

test('serve-nbd serves until Ctrl+C, and keeps the bytes of a version that is deleted meanwhile', async () => {
  const own = Buffer.from(systemRandom.bytes(mib))
  own.copy(image, 3 * mib)
  await fs.writeFile(path.join(folder, 'disk.raw'), image)
  const doomed = await publish()
  const link = path.join(folder, 'link.sock')
  const command = serving(doomed, '--socket', link)
  const uri = await command.uri()
  assert.equal(uri, `nbd+unix:///?socket=${link}`)
  const real = await fs.readlink(link)
  assert.ok(real.startsWith(path.join(server.dataFolder, 'nbd')))
  assert.equal((await fs.stat(real)).mode & 0o777, 0o600)

  const client = await TestNbdClient.open(socketOf(uri))
  const collect = async () => (await server.fetch('POST', '/opengallery/gc?region=eastus')).json
  await collect() // what publishing left
  assert.equal((await server.fetch('DELETE', `${doomed}?api-version=2024-03-03`)).status, 202)
  while ((await server.fetch('GET', `${doomed}?api-version=2024-03-03`)).status !== 404)
    await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal((await collect()).manifests, 1, 'what is said of it goes; itself is still read')
  const { data, error } = await client.ask(0, 0, image.length)
  assert.equal(error, 0)
  assert.ok(data.equals(image))

  command.interrupt()
  assert.equal(await command.ended, 0)
  await client.hungUp()
  await assert.rejects(fs.lstat(link))
  while (await fs.stat(real).catch(() => undefined)) await new Promise(resolve => setTimeout(resolve, 10))
  assert.equal((await collect()).manifests, 1, 'nobody needs it any more')
})

test('on a port the version is served under TLS, to who has the key; the end of the server ends it', async () => {
  const command = serving('images/gallery/web/1.0.0', '--listen', '127.0.0.1:0')
  const uri = new URL(await command.uri())
  assert.equal(uri.protocol, 'nbds:')
  const caFolder = uri.searchParams.get('tls-certificates') ?? ''
  const ca = await fs.readFile(path.join(caFolder, 'ca-cert.pem'), 'utf8')
  const client = await TestNbdClient.greeted({ host: '127.0.0.1', port: Number(uri.port) })
  assert.deepEqual(
    (await client.option(5)).map(({ type }) => type),
    [1],
  )
  await client.startTls(ca)
  assert.equal((await client.go(7, 'guess')).at(-1)?.type, 0x80000006)
  assert.equal((await client.go(7, uri.pathname.slice(1))).at(-1)?.type, 1)
  assert.equal((await client.ask(0, 0, 4096)).data.length, 4096)
  await server.stop()
  await client.hungUp()
  assert.equal(await command.ended, 1)
  assert.match(command.lines.join(''), /The server has ended the export|No answer/)
})
