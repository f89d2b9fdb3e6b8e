import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as tls from 'node:tls'
import { AccountSASPermissions, generateAccountSASQueryParameters } from '@azure/storage-blob'
import { isBlobHold } from './blob-bytes.ts'
import { credential, startTestEndpoint } from './test-endpoint.ts'

const mebibyte = 1024 * 1024
const id = (n: number) => Buffer.from(`block-${n}`).toString('base64')

test('a restart in the middle of an upload keeps every acknowledged block and page, and drops what nobody names', async () => {
  const endpoint = await startTestEndpoint()
  const client = (name: string) => endpoint.service().getContainerClient('con').getBlockBlobClient(name)
  const pages = () => endpoint.service().getContainerClient('con').getPageBlobClient('disk')
  await endpoint.service().getContainerClient('con').create()
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
  await endpoint.remove()
})

test('an upload whose client goes away leaves nothing, and blocks that no list names are dropped in time', async () => {
  const endpoint = await startTestEndpoint()
  const container = endpoint.service().getContainerClient('con')
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
  await endpoint.restart()
  let held = 0
  for await (const _ of endpoint.regions.holds('eastus')) held++
  assert.equal(held, 1, 'the block that was acknowledged')
  await endpoint.remove()
})
