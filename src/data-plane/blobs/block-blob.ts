import { type ManifestId, ManifestMissing, type Piece } from '#data-plane/chunks/chunk-store.ts'
import { element } from '#data-plane/xml/write-xml.ts'
import { httpProperties, metadataOf } from './blob-properties.ts'
import { type BlobRequest, headerOf } from './blob-request.ts'
import type { BlobRow, BlockRow, CommittedBlock } from './blob-table.ts'
import { accountOf, type Endpoint, keyOf, lockKey, requireBlob, type Verb } from './endpoint.ts'
import { stampHeaders } from './etags.ts'
import { bodyLength, bodyOf, wholeBody } from './request-body.ts'
import { storageError } from './storage-error.ts'
import { freedBytes, type NewBlob, requireReplaceable, writeBlob } from './write-blob.ts'
import { type BlockChoice, parseBlockList, xmlDocument } from './xml.ts'

const mebibyte = 1024 * 1024
// learn.microsoft.com: Scalability targets for Blob storage, since version 2019-12-12.
const maxPutBlobBytes = 5000 * mebibyte
const maxBlockBytes = 4000 * mebibyte
const maxBlocks = 50_000
const maxUncommittedBlocks = 100_000
const maxBlockListBytes = 10 * mebibyte

const plainHeaders = { 'x-ms-request-server-encrypted': 'false' } as const

/** Put Blob of a block blob: the body is the blob. */
export const putBlockBlob: Verb = async (endpoint, request, access) => {
  const length = bodyLength(request, maxPutBlobBytes)
  const http = httpProperties(request, true)
  metadataOf(request)
  await requireReplaceable(endpoint, request, access)
  const { region } = await accountOf(endpoint, request)
  const { manifest, hold, md5 } = await endpoint.bytes.store(region, bodyOf(request, length), length)
  const bytes = { kind: 'BlockBlob' as const, region, size_bytes: length, draft: null, manifest, hold, sequence: 0 }
  try {
    const made: NewBlob = { bytes, http: { 'content-md5': md5, ...http }, blocks: [] }
    const stamp = await writeBlob(endpoint, request, access, async () => made)
    return { status: 201, headers: { ...stampHeaders(stamp), ...plainHeaders, 'content-md5': md5 } }
  } catch (error) {
    await endpoint.bytes.free(freedBytes(bytes))
    throw error
  }
}

const blockId = (request: BlobRequest): string => {
  const id = request.query.get('blockid') ?? ''
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(id) || id.length % 4 !== 0 || Buffer.from(id, 'base64').length > 64)
    throw storageError.invalidBlockId()
  return id
}

/** Put Block: acknowledged bytes are durable, though they belong to no blob before a list names them. */
export const putBlock: Verb = async (endpoint, request) => {
  const block = blockId(request)
  const length = bodyLength(request, maxBlockBytes)
  if (length === 0) throw storageError.invalidHeader('content-length')
  const key = keyOf(request)
  const { account, container, name: blob } = key
  const old = await endpoint.table.blob(key)
  if (old && old.kind !== 'BlockBlob') throw storageError.invalidBlobType()
  if (!(await endpoint.table.container(account, container))) throw storageError.containerNotFound()
  const { count, sample } = await endpoint.table.countBlocks(key)
  if (count >= maxUncommittedBlocks) throw storageError.blockCountExceedsLimit()
  // Azure wants the ids of one blob to be of one length.
  if (sample !== null && sample.length !== block.length) throw storageError.invalidBlobOrBlock()
  const { region } = await accountOf(endpoint, request)
  const { manifest, hold, md5 } = await endpoint.bytes.store(region, bodyOf(request, length), length)
  const row: BlockRow = {
    account,
    container,
    blob,
    block,
    region,
    size_bytes: length,
    manifest,
    hold,
    created_ms: endpoint.clock.now().getTime(),
  }
  try {
    await endpoint.lock.shared(lockKey(key), async () => endpoint.bytes.free(await endpoint.table.putBlock(row)))
  } catch (error) {
    await endpoint.bytes.free({ holds: [{ region, hold }], drafts: [] })
    throw error
  }
  const sent: Record<string, string> = headerOf(request, 'content-md5') === undefined ? {} : { 'content-md5': md5 }
  return { status: 201, headers: { ...plainHeaders, ...sent } }
}

/** Put Block List: the blob becomes the blocks named, in their order; their bytes are not read again. */
export const putBlockList: Verb = async (endpoint, request, access) => {
  const chosen = await endpoint.bytes.inMemory(async () =>
    parseBlockList((await wholeBody(request, maxBlockListBytes)).toString('utf8')),
  )
  if (!chosen) throw storageError.invalidXml()
  if (chosen.length > maxBlocks) throw storageError.blockListTooLong()
  const { region } = await accountOf(endpoint, request)
  const stamp = await writeBlob(endpoint, request, access, async old => {
    if (old && old.kind !== 'BlockBlob') throw storageError.invalidBlobType()
    const known = await knownBlocks(endpoint, request, old)
    const blocks = chosen.map(({ choice, id }) => known(choice, id))
    const sizeBytes = blocks.reduce((sum, block) => sum + block.sizeBytes, 0)
    const hold = endpoint.bytes.newHold()
    const pieces = blocks.map(block => block.piece)
    const { manifest } = await endpoint.regions.compose(region, pieces, hold).catch(dropped)
    return {
      bytes: { kind: 'BlockBlob', region, size_bytes: sizeBytes, draft: null, manifest, hold, sequence: 0 },
      http: httpProperties(request, false),
      blocks: blocks.map(({ id, sizeBytes }) => ({ id, sizeBytes })),
    }
  })
  return { status: 201, headers: { ...stampHeaders(stamp), ...plainHeaders } }
}

/** A block that nobody had named for a week, and that went in this moment. */
const dropped = (error: unknown): never => {
  throw error instanceof ManifestMissing ? storageError.invalidBlockList() : error
}

interface KnownBlock extends CommittedBlock {
  readonly piece: Piece
}

/** Finds blocks by id: uncommitted ones in their own manifests, committed ones as ranges of the blob's. */
const knownBlocks = async (endpoint: Endpoint, request: BlobRequest, old: BlobRow | undefined) => {
  const uncommitted = new Map<string, KnownBlock>()
  for (const { block: id, size_bytes: sizeBytes, manifest } of await endpoint.table.uncommittedBlocks(keyOf(request)))
    uncommitted.set(id, { id, sizeBytes, piece: { manifest: manifest as ManifestId, offset: 0, length: sizeBytes } })
  const committed = new Map<string, KnownBlock>()
  let offset = 0
  for (const { id, sizeBytes } of old ? await endpoint.table.committedBlocks(old.id) : []) {
    committed.set(id, { id, sizeBytes, piece: { manifest: old?.manifest as ManifestId, offset, length: sizeBytes } })
    offset += sizeBytes
  }
  return (choice: BlockChoice, id: string): KnownBlock => {
    const found =
      (choice === 'Committed' ? undefined : uncommitted.get(id)) ??
      (choice === 'Uncommitted' ? undefined : committed.get(id))
    if (!found) throw storageError.invalidBlockList()
    return found
  }
}

/** Get Block List; a blob of which only uncommitted blocks exist has one too. */
export const getBlockList: Verb = async (endpoint, request) => {
  const wanted = request.query.get('blocklisttype')?.toLowerCase() ?? 'committed'
  if (!['committed', 'uncommitted', 'all'].includes(wanted)) throw storageError.invalidQuery('blocklisttype')
  const key = keyOf(request)
  const uncommitted = await endpoint.table.uncommittedBlocks(key)
  const row = uncommitted.length > 0 ? await endpoint.table.blob(key) : await requireBlob(endpoint, key)
  if (row && row.kind !== 'BlockBlob') throw storageError.invalidBlobType()
  const committed = row ? await endpoint.table.committedBlocks(row.id) : []
  const list = (name: string, blocks: readonly CommittedBlock[]) =>
    element(
      name,
      blocks.map(({ id, sizeBytes }) => element('Block', [element('Name', id), element('Size', sizeBytes)])),
    )
  const waiting = uncommitted.map(({ block, size_bytes }) => ({ id: block, sizeBytes: size_bytes }))
  const parts = [
    ...(wanted === 'uncommitted' ? [] : [list('CommittedBlocks', committed)]),
    ...(wanted === 'committed' ? [] : [list('UncommittedBlocks', waiting)]),
  ]
  const stamp = row ? stampHeaders({ etag: row.etag, modifiedMs: row.modified_ms }) : {}
  return {
    status: 200,
    headers: { ...stamp, 'content-type': 'application/xml', 'x-ms-blob-content-length': String(row?.size_bytes ?? 0) },
    body: xmlDocument(element('BlockList', parts)),
  }
}
