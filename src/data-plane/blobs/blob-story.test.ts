import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { AnonymousCredential, BlobServiceClient, PageBlobClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { accountName, secrets, startTestEndpoint, type TestEndpoint } from './test-endpoint.ts'

const credential = new StorageSharedKeyCredential(accountName, secrets.accountKey)
const serviceOf = (endpoint: TestEndpoint) =>
  new BlobServiceClient(endpoint.url(), credential, { retryOptions: { maxTries: 1 } })

const mebibyte = 1024 * 1024
let endpoint: TestEndpoint
before(async () => {
  endpoint = await startTestEndpoint()
})
after(() => endpoint.remove())

const newContainer = async (name: string) => {
  const container = serviceOf(endpoint).getContainerClient(name)
  await container.create()
  return container
}
const readAll = async (region: string, manifest: ManifestId): Promise<Buffer> => {
  const bytes = await endpoint.regions.open(region, manifest)
  const whole = Buffer.alloc(bytes.sizeBytes)
  await bytes.read(0, whole)
  await bytes.close()
  return whole
}

test('a block blob goes up in one piece and in blocks, and comes back byte for byte', async () => {
  const container = await newContainer('blocks')
  const data = randomBytes(9 * mebibyte + 77)
  for (const [name, options] of [
    ['single', {}],
    ['in/many/blöcks & more', { maxSingleShotSize: mebibyte, blockSize: mebibyte, concurrency: 4 }],
  ] as const) {
    const blob = container.getBlockBlobClient(name)
    await blob.uploadData(data, {
      ...options,
      blobHTTPHeaders: { blobContentType: 'application/x-disk', blobCacheControl: 'no-cache' },
      metadata: { source: 'test', another_one: 'zwei' },
    })
    assert.deepEqual(await blob.downloadToBuffer(), data)
    assert.deepEqual(await blob.downloadToBuffer(mebibyte - 3, 1234), data.subarray(mebibyte - 3, mebibyte + 1231))
    const properties = await blob.getProperties()
    assert.equal(properties.contentLength, data.length)
    assert.equal(properties.contentType, 'application/x-disk')
    assert.equal(properties.cacheControl, 'no-cache')
    assert.equal(properties.blobType, 'BlockBlob')
    assert.deepEqual(properties.metadata, { source: 'test', another_one: 'zwei' })
    const found = await endpoint.blobs.find(blob.url)
    assert.ok(found)
    assert.deepEqual(await readAll(found.region, found.manifest), data)
  }
  const single = await container.getBlockBlobClient('single').getProperties()
  assert.deepEqual(Buffer.from(single.contentMD5 ?? []), createHash('md5').update(data).digest())
})

test('a block list takes committed, uncommitted and latest blocks, and drops those it does not name', async () => {
  const blob = (await newContainer('lists')).getBlockBlobClient('list')
  const id = (n: number) => Buffer.from(`block-${n}`).toString('base64')
  const bytes = (n: number) => Buffer.alloc(700 + n, n)
  for (const n of [1, 2, 3]) await blob.stageBlock(id(n), bytes(n), bytes(n).length)
  const waiting = await blob.getBlockList('all')
  assert.deepEqual(
    waiting.uncommittedBlocks?.map(block => block.size),
    [701, 702, 703],
  )
  await blob.commitBlockList([id(2), id(1)])
  assert.deepEqual(await blob.downloadToBuffer(), Buffer.concat([bytes(2), bytes(1)]))
  await blob.stageBlock(id(4), bytes(4), bytes(4).length)
  await blob.commitBlockList([id(1), id(4), id(1)])
  assert.deepEqual(await blob.downloadToBuffer(), Buffer.concat([bytes(1), bytes(4), bytes(1)]))
  const list = await blob.getBlockList('all')
  assert.deepEqual(
    list.committedBlocks?.map(block => block.name),
    [id(1), id(4), id(1)],
  )
  assert.deepEqual(list.uncommittedBlocks, [])
  await assert.rejects(blob.commitBlockList([id(3)]), { statusCode: 400, code: 'InvalidBlockList' })
})

test('a page blob keeps what was written where it was written, and tells its ranges', async () => {
  const container = await newContainer('pages')
  const blob = container.getPageBlobClient('disk.vhd')
  await blob.create(64 * mebibyte)
  const data = randomBytes(2 * mebibyte)
  await blob.uploadPages(data, mebibyte, data.length)
  await blob.uploadPages(data, 40 * mebibyte, data.length)
  await blob.clearPages(mebibyte, mebibyte)
  // The SDK counts from the first byte to the last one, so one too few.
  const ranges = (await blob.getPageRanges(0, 64 * mebibyte)).pageRange
  assert.deepEqual(ranges, [
    { offset: 2 * mebibyte, count: mebibyte - 1 },
    { offset: 40 * mebibyte, count: 2 * mebibyte - 1 },
  ])
  const inside = await blob.getPageRanges(41 * mebibyte, 512)
  assert.deepEqual(inside.pageRange, [{ offset: 41 * mebibyte, count: 511 }])
  const whole = Buffer.alloc(64 * mebibyte)
  data.copy(whole, 2 * mebibyte, mebibyte)
  data.copy(whole, 40 * mebibyte)
  assert.ok((await blob.downloadToBuffer()).equals(whole))
  const first = await endpoint.blobs.find(blob.url)
  assert.ok(first && (await readAll(first.region, first.manifest)).equals(whole))
  assert.equal((await endpoint.blobs.find(blob.url))?.manifest, first.manifest)
  await blob.uploadPages(Buffer.alloc(512, 1), 0, 512)
  assert.notEqual((await endpoint.blobs.find(blob.url))?.manifest, first.manifest)

  await blob.resize(mebibyte)
  assert.equal((await blob.getProperties()).contentLength, mebibyte)
  await blob.resize(2 * mebibyte)
  assert.ok((await blob.downloadToBuffer(mebibyte, mebibyte)).equals(Buffer.alloc(mebibyte)))
  assert.equal((await blob.updateSequenceNumber('update', 7)).blobSequenceNumber, 7)
  await assert.rejects(blob.uploadPages(Buffer.alloc(512), 0, 512, { conditions: { ifSequenceNumberLessThan: 7 } }), {
    code: 'SequenceNumberConditionNotMet',
  })
})

test('lists follow prefix, delimiter and pages, and survive names that XML dislikes', async () => {
  const container = await newContainer('listing')
  const names = ['a/1', 'a/2', 'b<&>"', 'c/d/e', 'c/f', 'tab\tand\u0001control', 'z']
  for (const name of names) await container.getBlockBlobClient(name).upload('x', 1, { metadata: { n: '<1>' } })
  const flat = []
  for await (const page of container.listBlobsFlat({ includeMetadata: true }).byPage({ maxPageSize: 2 })) {
    assert.ok(page.segment.blobItems.length <= 2)
    flat.push(...page.segment.blobItems)
  }
  assert.deepEqual(
    flat.map(item => item.name),
    names,
  )
  assert.equal(flat[0]?.metadata?.n, '<1>')
  const kinds = []
  for await (const page of container.listBlobsByHierarchy('/').byPage({ maxPageSize: 3 }))
    kinds.push(
      ...(page.segment.blobPrefixes ?? []).map(prefix => `prefix ${prefix.name}`),
      ...page.segment.blobItems.map(item => item.name),
    )
  assert.deepEqual(kinds.toSorted(), ['b<&>"', 'prefix a/', 'prefix c/', 'tab\tand\u0001control', 'z'].toSorted())
  const within = []
  for await (const item of container.listBlobsByHierarchy('/', { prefix: 'c/' })) within.push(item.name)
  assert.deepEqual(within.toSorted(), ['c/d/', 'c/f'])
  const containers = []
  for await (const item of serviceOf(endpoint).listContainers({ prefix: 'list' })) containers.push(item.name)
  assert.deepEqual(containers, ['listing', 'lists'])
})

test('conditions guard reads and writes', async () => {
  const blob = (await newContainer('conditions')).getBlockBlobClient('guarded')
  const first = await blob.upload('one', 3, { conditions: { ifNoneMatch: '*' } })
  await assert.rejects(blob.upload('two', 3, { conditions: { ifNoneMatch: '*' } }), { code: 'BlobAlreadyExists' })
  await blob.upload('two', 3, { conditions: { ifMatch: first.etag ?? '' } })
  await assert.rejects(blob.upload('xxx', 3, { conditions: { ifMatch: first.etag ?? '' } }), {
    code: 'ConditionNotMet',
  })
  await assert.rejects(blob.delete({ conditions: { ifMatch: first.etag ?? '' } }), { statusCode: 412 })
  const { etag = '' } = await blob.getProperties()
  await assert.rejects(blob.download(0, undefined, { conditions: { ifNoneMatch: etag } }), { statusCode: 304 })
  assert.equal((await blob.downloadToBuffer()).toString(), 'two')
})

test('what is deleted or overwritten is held no longer', async () => {
  const container = await newContainer('deletes')
  const heldNow = async () => {
    const names = []
    for await (const { name } of endpoint.regions.holds('eastus')) names.push(name)
    return names.length
  }
  const before = await heldNow()
  const block = container.getBlockBlobClient('block')
  await block.upload('first', 5)
  await block.upload('second', 6)
  await block.stageBlock(Buffer.from('1').toString('base64'), 'loose', 5)
  const page = container.getPageBlobClient('page')
  await page.create(1024)
  await endpoint.blobs.find(page.url)
  assert.equal(await heldNow(), before + 3)
  await block.delete()
  await assert.rejects(block.getProperties(), { statusCode: 404 })
  await assert.rejects(block.download(), { code: 'BlobNotFound' })
  await container.delete()
  assert.equal(await heldNow(), before)
  await assert.rejects(container.getPageBlobClient('page').download(), { code: 'ContainerNotFound' })
})

test('a disk is written and read through signed URLs until they are revoked', async () => {
  const { blobs, regions } = endpoint
  const data = randomBytes(4096)
  const draft = await regions.draft('eastus', 'disk-1', mebibyte)
  const later = new Date(endpoint.clock.now().getTime() + 3_600_000)
  const upload = await blobs.grant('disk-1', { region: 'eastus', draft: draft.id }, 'write', later)
  const writer = new PageBlobClient(upload, new AnonymousCredential())
  const properties = await writer.getProperties()
  assert.equal(properties.blobType, 'PageBlob')
  assert.equal(properties.contentLength, mebibyte)
  await writer.uploadPages(data, 8192, data.length)
  assert.deepEqual((await writer.getPageRanges(0, mebibyte)).pageRange, [{ offset: 8192, count: 4095 }])
  assert.ok((await writer.downloadToBuffer(8192, 4096)).equals(data))
  await assert.rejects(writer.delete(), { code: 'AuthorizationPermissionMismatch' })

  const { manifest } = await draft.seal('disk-1')
  await blobs.revoke('disk-1')
  await assert.rejects(writer.uploadPages(data, 0, data.length), { statusCode: 403, code: 'AuthenticationFailed' })

  const download = await blobs.grant('disk-1', { region: 'eastus', manifest }, 'read', later)
  assert.match(download, /\/md-disk-1\/disk\/abcd\?sv=.*&sr=b&si=.*&sig=/)
  const reader = new PageBlobClient(download, new AnonymousCredential())
  const vhd = await reader.downloadToBuffer()
  assert.equal(vhd.length, mebibyte + 512)
  assert.equal(vhd.subarray(mebibyte, mebibyte + 8).toString(), 'conectix')
  assert.ok(vhd.subarray(8192, 8192 + 4096).equals(data))
  await assert.rejects(reader.uploadPages(data, 0, data.length), { code: 'AuthorizationPermissionMismatch' })
  endpoint.clock.jump(3_700_000)
  await assert.rejects(reader.download(), { code: 'AuthenticationFailed' })
  const anew = new Date(endpoint.clock.now().getTime() + 3_600_000)
  const again = await blobs.grant('disk-1', { region: 'eastus', manifest }, 'read', anew)
  assert.equal(await blobs.grant('disk-1', { region: 'eastus', manifest }, 'read', anew), again)
  await new PageBlobClient(again, new AnonymousCredential()).getProperties()
  await assert.rejects(reader.download(), { code: 'AuthenticationFailed' })
  endpoint.clock.jump(-3_700_000)
})

test('an account that is removed takes its blobs along', async () => {
  const account = { name: 'shortlived', region: 'eastus', keys: ['a2V5MQ==', 'a2V5Mg=='] as const }
  await endpoint.blobs.keepAccount(account)
  await endpoint.blobs.removeAccount('shortlived')
  await endpoint.blobs.removeAccount('shortlived')
  assert.equal(await endpoint.blobs.find(`${endpoint.blobs.endpoint('shortlived')}con/blob`), undefined)
  assert.equal(endpoint.blobs.parse('https://elsewhere.example/acct/con/blob'), undefined)
  assert.deepEqual(endpoint.blobs.parse(`${endpoint.blobs.endpoint('acct')}con/a%20b/c?sig=x`), {
    account: 'acct',
    container: 'con',
    blob: 'a b/c',
  })
})
