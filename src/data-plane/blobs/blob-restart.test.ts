import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import * as os from 'node:os'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import * as tls from 'node:tls'
import {
  AccountSASPermissions,
  BlobServiceClient,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { isBlobHold } from './blob-bytes.ts'
import { accountName, secrets, startTestEndpoint, type TestEndpoint } from './test-endpoint.ts'

const credential = new StorageSharedKeyCredential(accountName, secrets.accountKey)
const serviceOf = (endpoint: TestEndpoint) =>
  new BlobServiceClient(endpoint.url(), credential, { retryOptions: { maxTries: 1 } })

const mebibyte = 1024 * 1024
const id = (n: number) => Buffer.from(`block-${n}`).toString('base64')

test('a restart in the middle of an upload keeps every acknowledged block and page, and drops what nobody names', async t => {
  const endpoint = await startTestEndpoint()
  t.after(() => endpoint.remove())
  const client = (name: string) => serviceOf(endpoint).getContainerClient('con').getBlockBlobClient(name)
  const pages = () => serviceOf(endpoint).getContainerClient('con').getPageBlobClient('disk')
  await serviceOf(endpoint).getContainerClient('con').create()
  const data = randomBytes(3 * mebibyte)
  const part = (n: number) => data.subarray(n * mebibyte, (n + 1) * mebibyte)
  await client('blob').stageBlock(id(0), part(0), mebibyte)
  await client('blob').stageBlock(id(1), part(1), mebibyte)
  await pages().create(4 * mebibyte)
  await pages().uploadPages(part(2), mebibyte, mebibyte)
  const draft = await endpoint.regions.draft('eastus', 'theirs', 512)
  await draft.seal('theirs')
  await draft.seal('blob/orphan')

  await endpoint.restart()
  const held = []
  for await (const { name } of endpoint.regions.holds('eastus')) held.push(name)
  assert.ok(held.includes('theirs') && !held.includes('blob/orphan'))
  assert.equal(held.filter(isBlobHold).length, 2)
  await client('blob').stageBlock(id(2), part(2), mebibyte)
  await client('blob').commitBlockList([id(0), id(1), id(2)])
  assert.ok((await client('blob').downloadToBuffer()).equals(data))
  assert.ok((await pages().downloadToBuffer(mebibyte, mebibyte)).equals(part(2)))
  await pages().uploadPages(part(0), 0, mebibyte)

  await endpoint.restart()
  assert.ok((await client('blob').downloadToBuffer()).equals(data))
  assert.ok((await pages().downloadToBuffer(0, mebibyte)).equals(part(0)))
  assert.ok((await pages().downloadToBuffer(mebibyte, mebibyte)).equals(part(2)))
  assert.equal((await client('blob').getBlockList('committed')).committedBlocks?.length, 3)
})

test('an upload whose client goes away leaves nothing, and blocks that no list names are dropped in time', async t => {
  const endpoint = await startTestEndpoint()
  t.after(() => endpoint.remove())
  const container = serviceOf(endpoint).getContainerClient('con')
  await container.create()
  const url = new URL(`${container.url}/broken`)
  const permissions = AccountSASPermissions.parse('rwc')
  const expiresOn = new Date(Date.now() + 600_000)
  const sas = generateAccountSASQueryParameters(
    { services: 'b', resourceTypes: 'o', permissions, expiresOn },
    credential,
  )
  await new Promise<void>((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: Number(url.port) }, () => {
      const head = [
        `PUT ${url.pathname}?${sas} HTTP/1.1`,
        `Host: ${url.host}`,
        'x-ms-blob-type: BlockBlob',
        `Content-Length: ${20 * mebibyte}`,
      ]
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      socket.write(Buffer.alloc(10 * mebibyte, 1), () => socket.destroy())
    })
    socket.on('close', () => resolve())
    socket.on('error', reject)
  })
  await assert.rejects(container.getBlockBlobClient('broken').getProperties(), { statusCode: 404 })
  await container.getBlockBlobClient('loose').stageBlock(id(0), 'x', 1)
  const holds = async () => {
    let count = 0
    for await (const _ of endpoint.regions.holds('eastus')) count++
    return count
  }
  endpoint.clock.jump(6 * 24 * 3_600_000)
  await endpoint.blobs.dropOldBlocks()
  assert.equal(await holds(), 1)
  endpoint.clock.jump(2 * 24 * 3_600_000)
  await endpoint.blobs.dropOldBlocks()
  assert.equal(await holds(), 0)
  endpoint.clock.jump(-8 * 24 * 3_600_000)
  const loose = container.getBlockBlobClient('loose')
  await loose.stageBlock(id(0), 'y', 1)
  for await (const { name } of endpoint.regions.holds('eastus')) await endpoint.regions.release('eastus', name)
  await endpoint.regions.collect('eastus')
  await assert.rejects(loose.commitBlockList([id(0)]), { statusCode: 400, code: 'InvalidBlockList' })
  await loose.stageBlock(id(0), 'x', 1)
  await endpoint.restart()
  assert.equal(await holds(), 1, 'the block that was acknowledged')
  await endpoint.restart(8 * 24 * 3_600_000)
  assert.equal(await holds(), 0)
  await endpoint.regions.collect('eastus')
  assert.deepEqual(
    (await endpoint.regions.stats('eastus')).map(({ chunks, manifests }) => [chunks, manifests]),
    [[0, 0]],
    'no draft is left either',
  )
})

test('what was acknowledged survives a kill in the middle of uploads', async t => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'opengallery-killed-'))
  const script = path.join(import.meta.dirname, 'test-endpoint-process.ts')
  const child = spawn(process.execPath, [script, folder], {
    env: { ...process.env, TEST_ENDPOINT_SECRETS: JSON.stringify(secrets) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  const service = new BlobServiceClient(url, credential, { retryOptions: { maxTries: 1 } })
  const container = service.getContainerClient('con')
  await container.create()
  const disk = container.getPageBlobClient('disk')
  await disk.create(64 * mebibyte)

  const pages = new Map<number, Buffer>()
  const blocks = new Map<string, Buffer>()
  const blobs = new Map<string, Buffer>()
  const write = async (worker: number) => {
    for (let n = 0; ; n++) {
      const bytes = Buffer.concat([randomBytes(4096), Buffer.alloc(8192), randomBytes(512)])
      const at = (worker * 1000 + n) * 16_384
      await disk.uploadPages(bytes, at, bytes.length)
      pages.set(at, bytes)
      const block = id(1000 + worker * 100 + n)
      await container.getBlockBlobClient('blocks').stageBlock(block, bytes, bytes.length)
      blocks.set(block, bytes)
      const name = `blob-${worker}-${n % 3}`
      blobs.delete(name) // between here and the answer the old or the new bytes may be there
      await container.getBlockBlobClient(name).upload(bytes, bytes.length)
      blobs.set(name, bytes)
      if (blobs.size > 6) child.kill('SIGKILL') // the others are in the middle of something
    }
  }
  const writers = [0, 1, 2].map(write)
  await Promise.allSettled(writers)
  assert.ok(pages.size > 3 && blocks.size > 3 && blobs.size > 3)

  const endpoint = await startTestEndpoint(folder)
  t.after(() => endpoint.remove())
  const again = serviceOf(endpoint).getContainerClient('con')
  for (const [at, bytes] of pages)
    assert.ok((await again.getPageBlobClient('disk').downloadToBuffer(at, bytes.length)).equals(bytes))
  for (const [name, bytes] of blobs) assert.ok((await again.getBlockBlobClient(name).downloadToBuffer()).equals(bytes))
  await again.getBlockBlobClient('blocks').commitBlockList([...blocks.keys()])
  assert.ok((await again.getBlockBlobClient('blocks').downloadToBuffer()).equals(Buffer.concat([...blocks.values()])))
})

test('a region whose disk is gone is busy, not broken', async t => {
  const endpoint = await startTestEndpoint()
  t.after(() => endpoint.remove())
  const container = serviceOf(endpoint).getContainerClient('con')
  await container.create()
  const blob = container.getBlockBlobClient('blob')
  await blob.upload('bytes', 5)
  await container.getPageBlobClient('page').create(512)
  await fs.rm(path.join(endpoint.folder, 'eastus'), { recursive: true })
  const busy = { statusCode: 503, code: 'ServerBusy' }
  await assert.rejects(blob.download(), busy)
  await assert.rejects(blob.upload('other', 5), busy)
  await assert.rejects(container.getPageBlobClient('page').uploadPages(Buffer.alloc(512, 1), 0, 512), busy)
  assert.equal((await blob.getProperties()).contentLength, 5)
})

test('a full disk takes no new bytes, gives what it has, and takes them again when there is room', async t => {
  const endpoint = await startTestEndpoint()
  t.after(() => endpoint.remove())
  const container = serviceOf(endpoint).getContainerClient('con')
  await container.create()
  const [blob, page] = [container.getBlockBlobClient('blob'), container.getPageBlobClient('page')]
  const bytes = randomBytes(mebibyte)
  await blob.upload(bytes, bytes.length)
  await page.create(16 * mebibyte)
  endpoint.fillDisk(true)
  const busy = { statusCode: 503, code: 'ServerBusy' }
  await assert.rejects(blob.upload(randomBytes(5), 5), busy)
  await assert.rejects(container.getBlockBlobClient('new').stageBlock(id(1), bytes, bytes.length), busy)
  await assert.rejects(page.uploadPages(bytes, 0, bytes.length), busy)
  assert.ok((await blob.downloadToBuffer()).equals(bytes))
  endpoint.fillDisk(false)
  await page.uploadPages(bytes, 0, bytes.length)
  assert.ok((await page.downloadToBuffer(0, bytes.length)).equals(bytes))
  await blob.upload('short', 5)
  assert.equal((await blob.downloadToBuffer()).toString(), 'short')
})
