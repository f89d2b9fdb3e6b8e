import type { Draft } from '#data-plane/chunks/chunk-store.ts'
import { element } from '#data-plane/xml/write-xml.ts'
import type { Extent, SparseBytes } from '#foundation/sparse-bytes.ts'
import { httpProperties } from './blob-properties.ts'
import { type BlobRequest, headerOf, numberHeader, type Reply } from './blob-request.ts'
import type { BlobRow } from './blob-table.ts'
import { pageBytes, pageRange, readRange } from './byte-range.ts'
import { isConditional, requireConditions } from './conditions.ts'
import { accountOf, type Endpoint, keyOf, lockKey, requireBlob, type Verb } from './endpoint.ts'
import { type Stamp, stampHeaders } from './etags.ts'
import { bodyLength, bodyOf } from './request-body.ts'
import { streamed } from './send-range.ts'
import { storageError } from './storage-error.ts'
import { writeBlob } from './write-blob.ts'

/** Azure's limit; a blob of that size takes no room before it is written. */
export const maxPageBlobBytes = 8 * 1024 ** 4
const maxPutPageBytes = 4 * 1024 * 1024

/** Put Blob of a page blob: all zeros, of the length asked for. */
export const createPageBlob: Verb = async (endpoint, request, access) => {
  const sizeBytes = numberHeader(request, 'x-ms-blob-content-length', maxPageBlobBytes)
  if (sizeBytes === undefined) throw storageError.missingHeader('x-ms-blob-content-length')
  if (sizeBytes % pageBytes !== 0) throw storageError.invalidHeader('x-ms-blob-content-length')
  if (bodyLength(request, 0) !== 0) throw storageError.invalidHeader('content-length')
  const sequence = numberHeader(request, 'x-ms-blob-sequence-number') ?? 0
  const http = httpProperties(request, true)
  const { region } = await accountOf(endpoint, request)
  const stamp = await writeBlob(endpoint, request, access, async () => {
    const draft = (await endpoint.bytes.beginDraft(region, sizeBytes)).id
    const bytes = {
      kind: 'PageBlob' as const,
      region,
      size_bytes: sizeBytes,
      draft,
      manifest: null,
      hold: null,
      sequence,
    }
    return { bytes, http }
  })
  return { status: 201, headers: { ...stampHeaders(stamp), 'x-ms-request-server-encrypted': 'false' } }
}

/** A page write that was checked and read from the wire, ready to be done. */
export interface PageWrite {
  readonly headers: Readonly<Record<string, string>>
  apply(draft: Draft): Promise<void>
}

/** Takes in a Put Page (update or clear) for an image of this size. Its MD5 is checked before anything is written. */
export const readPageWrite = async (request: BlobRequest, sizeBytes: number): Promise<PageWrite> => {
  const action = headerOf(request, 'x-ms-page-write')?.toLowerCase()
  const { start, end } = pageRange(request, sizeBytes)
  if (action === 'clear') {
    if (bodyLength(request, 0) !== 0) throw storageError.invalidHeader('content-length')
    return { headers: {}, apply: draft => draft.clear(start, end - start) }
  }
  if (action !== 'update') throw storageError.invalidHeader('x-ms-page-write')
  const length = bodyLength(request, maxPutPageBytes)
  if (length !== end - start) throw storageError.invalidHeader('content-length', 'It differs from the range.')
  const body = bodyOf(request, length)
  let bytes: Buffer = Buffer.alloc(0)
  for await (const segment of body.segments(maxPutPageBytes + 1)) bytes = segment
  const md5 = body.md5()
  const headers: Record<string, string> = headerOf(request, 'content-md5') === undefined ? {} : { 'content-md5': md5 }
  return { headers, apply: draft => draft.write(start, bytes) }
}

const requireSequence = (request: BlobRequest, { sequence }: BlobRow): void => {
  const limit = (name: string) => numberHeader(request, `x-ms-if-sequence-number-${name}`)
  const [most, below, exact] = [limit('le'), limit('lt'), limit('eq')]
  if ((most !== undefined && sequence > most) || (below !== undefined && sequence >= below))
    throw storageError.sequenceNumberConditionNotMet()
  if (exact !== undefined && sequence !== exact) throw storageError.sequenceNumberConditionNotMet()
}

/** Put Page: durable when answered. Writes run side by side, but for those that depend on the state before them. */
export const putPage: Verb = async (endpoint, request) => {
  const before = await requireBlob(endpoint, keyOf(request))
  if (before.kind !== 'PageBlob') throw storageError.invalidBlobType()
  return await endpoint.bytes.inMemory(async () => {
    const write = await readPageWrite(request, before.size_bytes)
    const mode = isConditional(request) ? endpoint.lock.exclusive : endpoint.lock.shared
    return await mode(lockKey(keyOf(request)), () => applyPageWrite(endpoint, request, write))
  })
}

const applyPageWrite = async (endpoint: Endpoint, request: BlobRequest, write: PageWrite): Promise<Reply> => {
  const row = await requireBlob(endpoint, keyOf(request))
  if (row.kind !== 'PageBlob') throw storageError.invalidBlobType()
  pageRange(request, row.size_bytes) // it may have been resized while the body arrived
  requireConditions(request, { etag: row.etag, modifiedMs: row.modified_ms })
  requireSequence(request, row)
  await write.apply(await endpoint.bytes.draftOf(row))
  const stamp = endpoint.stamp()
  const change = { etag: stamp.etag, modified_ms: stamp.modifiedMs }
  if (!(await endpoint.table.updateBlob(row.id, change))) throw storageError.blobNotFound()
  const headers = { ...stampHeaders(stamp), ...write.headers, 'x-ms-blob-sequence-number': String(row.sequence) }
  return { status: 201, headers: { ...headers, 'x-ms-request-server-encrypted': 'false' } }
}

/** Get Page Ranges. Pages of zeros that were written may be listed or not; cleared ones are not. */
export const getPageRanges: Verb = async (endpoint, request) => {
  const row = await requireBlob(endpoint, keyOf(request))
  if (row.kind !== 'PageBlob') throw storageError.invalidBlobType()
  const stamp = { etag: row.etag, modifiedMs: row.modified_ms }
  requireConditions(request, stamp)
  return await sendPageRanges(request, stamp, row.size_bytes, () => endpoint.bytes.open(row))
}

const maxRanges = 10_000

/** The pages that may hold data, as XML that is written while the ranges are found. */
export const sendPageRanges = async (
  request: BlobRequest,
  stamp: Stamp,
  sizeBytes: number,
  open: () => Promise<SparseBytes>,
): Promise<Reply> => {
  const limit = numberOf(request, 'maxresults', maxRanges)
  const range = sizeBytes === 0 ? undefined : readRange(request, sizeBytes)
  const marker = numberOf(request, 'marker', sizeBytes) ?? 0
  const start = Math.max(range?.start ?? 0, marker)
  const end = range?.end ?? sizeBytes
  const bytes = await open()
  const list = pageList(wholePages(bytes.extents(), start, end), limit ?? Number.POSITIVE_INFINITY)
  return {
    status: 200,
    headers: {
      ...stampHeaders(stamp),
      'content-type': 'application/xml',
      'x-ms-blob-content-length': String(sizeBytes),
    },
    body: await streamed(list, () => bytes.close()),
  }
}

const numberOf = (request: BlobRequest, name: string, max: number): number | undefined => {
  const text = request.query.get(name)
  if (!text) return undefined
  if (!/^\d{1,16}$/.test(text) || Number(text) > max) throw storageError.invalidQuery(name)
  return Number(text)
}

async function* pageList(ranges: AsyncIterable<Extent>, limit: number): AsyncGenerator<string> {
  yield '<?xml version="1.0" encoding="utf-8"?><PageList>'
  let count = 0
  for await (const { offset, length } of ranges) {
    if (count === limit) {
      yield element('NextMarker', offset)
      break
    }
    count++
    yield element('PageRange', [element('Start', offset), element('End', offset + length - 1)])
  }
  yield '</PageList>'
}

/** Extents widened to whole pages, joined where they touch, and cut to the range. */
async function* wholePages(extents: AsyncIterable<Extent>, start: number, end: number): AsyncGenerator<Extent> {
  let from = 0
  let to = 0
  for await (const { offset, length } of extents) {
    const first = Math.max(start, offset - (offset % pageBytes))
    const last = Math.min(end, Math.ceil((offset + length) / pageBytes) * pageBytes)
    if (first >= last) continue
    if (first > to || to === 0) {
      if (to > from) yield { offset: from, length: to - from }
      from = first
    }
    to = Math.max(to, last)
  }
  if (to > from) yield { offset: from, length: to - from }
}
