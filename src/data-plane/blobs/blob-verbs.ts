import { describeBlob, httpProperties, metadataHeaders, metadataOf, setsHttpProperties } from './blob-properties.ts'
import { type BlobRequest, headerOf, numberHeader } from './blob-request.ts'
import type { BlobRow } from './blob-table.ts'
import { pageBytes } from './byte-range.ts'
import { requireConditions } from './conditions.ts'
import { type Endpoint, keyOf, lockKey, requireBlob, type Verb } from './endpoint.ts'
import { type Stamp, stampHeaders } from './etags.ts'
import { maxPageBlobBytes } from './page-blob.ts'
import { sendRange } from './send-range.ts'
import { storageError } from './storage-error.ts'

const stampOf = (row: BlobRow): Stamp => ({ etag: row.etag, modifiedMs: row.modified_ms })

/** Get Blob. A block blob that is overwritten midway is sent to its end as it was; pages of a page blob may change meanwhile. */
export const getBlob: Verb = async (endpoint, request, access) => {
  const row = await requireBlob(endpoint, keyOf(request))
  requireConditions(request, stampOf(row))
  const { headers, md5 } = describeBlob(row)
  const described = { headers: { ...headers, ...access.responseHeaders }, md5 }
  return await sendRange(request, described, row.size_bytes, () => endpoint.bytes.open(row))
}

/** Get Blob Properties: the headers of Get Blob without its bytes. */
export const getBlobProperties: Verb = async (endpoint, request, access) => {
  const row = await requireBlob(endpoint, keyOf(request))
  requireConditions(request, stampOf(row))
  const { headers, md5 } = describeBlob(row)
  const hash: Record<string, string> = md5 ? { 'content-md5': md5 } : {}
  return {
    status: 200,
    headers: { ...headers, ...hash, ...access.responseHeaders, 'content-length': String(row.size_bytes) },
  }
}

/** Get Blob Metadata. SDKs read it from the headers of Get Blob Properties instead; scripts use it. */
export const getBlobMetadata: Verb = async (endpoint, request) => {
  const row = await requireBlob(endpoint, keyOf(request))
  requireConditions(request, stampOf(row))
  return { status: 200, headers: { ...stampHeaders(stampOf(row)), ...metadataHeaders(row.metadata) } }
}

/** Runs a change of a blob alone, after its conditions were checked. */
const changing = (
  endpoint: Endpoint,
  request: BlobRequest,
  change: (row: BlobRow) => Promise<Record<string, string>>,
): Promise<Record<string, string>> => {
  const key = keyOf(request)
  return endpoint.lock.exclusive(lockKey(key), async () => {
    const row = await requireBlob(endpoint, key)
    requireConditions(request, stampOf(row))
    return await change(row)
  })
}

/** Set Blob Metadata: replaces all of it; a request without any removes it. */
export const setBlobMetadata: Verb = async (endpoint, request) => {
  const metadata = JSON.stringify(metadataOf(request))
  const headers = await changing(endpoint, request, async row => {
    const stamp = endpoint.stamp()
    await endpoint.table.updateBlob(row.id, { metadata, etag: stamp.etag, modified_ms: stamp.modifiedMs })
    return stampHeaders(stamp)
  })
  return { status: 200, headers: { ...headers, 'x-ms-request-server-encrypted': 'false' } }
}

/** Set Blob Properties, which is also how a page blob is resized and its sequence number changed. */
export const setBlobProperties: Verb = async (endpoint, request) => {
  const sizeBytes = numberHeader(request, 'x-ms-blob-content-length', maxPageBlobBytes)
  const headers = await changing(endpoint, request, async row => {
    const stamp = endpoint.stamp()
    const sequence = nextSequence(request, row)
    if (sizeBytes !== undefined) await resize(endpoint, row, sizeBytes)
    // Any one of the content headers replaces them all; a mere resize or new sequence number keeps them (Azure's rule).
    const keeps = !setsHttpProperties(request) && (sizeBytes !== undefined || sequence !== row.sequence)
    await endpoint.table.updateBlob(row.id, {
      http: keeps ? row.http : JSON.stringify(httpProperties(request, false)),
      size_bytes: sizeBytes ?? row.size_bytes,
      sequence,
      etag: stamp.etag,
      modified_ms: stamp.modifiedMs,
    })
    const paged: Record<string, string> =
      row.kind === 'PageBlob' ? { 'x-ms-blob-sequence-number': String(sequence) } : {}
    return { ...stampHeaders(stamp), ...paged }
  })
  return { status: 200, headers }
}

const resize = async (endpoint: Endpoint, row: BlobRow, sizeBytes: number): Promise<void> => {
  if (row.kind !== 'PageBlob') throw storageError.invalidBlobType()
  if (sizeBytes % pageBytes !== 0) throw storageError.invalidHeader('x-ms-blob-content-length')
  await (await endpoint.bytes.draftOf(row)).resize(sizeBytes)
}

const nextSequence = (request: BlobRequest, row: BlobRow): number => {
  const action = headerOf(request, 'x-ms-sequence-number-action')
  const given = numberHeader(request, 'x-ms-blob-sequence-number')
  if (action === undefined) {
    if (given !== undefined) throw storageError.missingHeader('x-ms-sequence-number-action')
    return row.sequence
  }
  if (row.kind !== 'PageBlob') throw storageError.invalidBlobType()
  if (action === 'increment' && given === undefined) return row.sequence + 1
  if (given === undefined || (action !== 'max' && action !== 'update'))
    throw storageError.invalidHeader('x-ms-sequence-number-action')
  return action === 'max' ? Math.max(row.sequence, given) : given
}

/** Delete Blob: at once and for good, there is no soft delete. `x-ms-delete-type-permanent` says so. */
export const deleteBlob: Verb = async (endpoint, request) => {
  const snapshots = headerOf(request, 'x-ms-delete-snapshots')
  if (snapshots !== undefined && snapshots !== 'include') throw storageError.snapshotsNotPresent()
  await changing(endpoint, request, async row => {
    await endpoint.bytes.free(
      await endpoint.table.removeBlob({ account: row.account, container: row.container, name: row.name }),
    )
    return {}
  })
  return { status: 202, headers: { 'x-ms-delete-type-permanent': 'true' } }
}
