import type { Access } from './access.ts'
import { metadataOf } from './blob-properties.ts'
import type { BlobRequest } from './blob-request.ts'
import type { BlobKey, BlobRow, CommittedBlock, Freed } from './blob-table.ts'
import { requireConditions } from './conditions.ts'
import { type Endpoint, keyOf, lockKey } from './endpoint.ts'
import type { Stamp } from './etags.ts'
import { storageError } from './storage-error.ts'

/** The part of a blob's row that its bytes decide. */
export type NewBytes = Pick<BlobRow, 'kind' | 'region' | 'size_bytes' | 'draft' | 'manifest' | 'hold' | 'sequence'>

/** Whether a blob may be made here: conditions, container, and the right to overwrite what is there. */
export const requireReplaceable = async (
  endpoint: Endpoint,
  request: BlobRequest,
  access: Access,
): Promise<BlobRow | undefined> => {
  const key = keyOf(request)
  const old = await endpoint.table.blob(key)
  if (!old && !(await endpoint.table.container(key.account, key.container))) throw storageError.containerNotFound()
  requireConditions(request, old && { etag: old.etag, modifiedMs: old.modified_ms })
  // The letter `c` alone lets a URL make new blobs, not replace others.
  if (old && !access.may('w')) throw storageError.overwriteUnauthorized()
  return old
}

/** What takes the place of the blob that was there. */
export interface NewBlob {
  readonly bytes: NewBytes
  readonly http: Readonly<Record<string, string>>
  readonly blocks?: readonly CommittedBlock[]
}

/** Puts what `make` makes in the place of a blob, with the request's metadata. When that fails the new bytes are given up. */
export const writeBlob = async (
  endpoint: Endpoint,
  request: BlobRequest,
  access: Access,
  make: (old: BlobRow | undefined) => Promise<NewBlob>,
): Promise<Stamp> => {
  const key: BlobKey = keyOf(request)
  const metadata = JSON.stringify(metadataOf(request))
  return await endpoint.lock.exclusive(lockKey(key), async () => {
    const { bytes, http, blocks } = await make(await requireReplaceable(endpoint, request, access))
    const stamp = endpoint.stamp()
    const times = { etag: stamp.etag, created_ms: stamp.modifiedMs, modified_ms: stamp.modifiedMs, sealed_etag: null }
    const row = { ...key, ...bytes, ...times, id: endpoint.random.uuid(), metadata, http: JSON.stringify(http) }
    try {
      await endpoint.bytes.free(await endpoint.table.replaceBlob(row, blocks))
    } catch (error) {
      await endpoint.bytes.free(freedBytes(bytes))
      throw error
    }
    return stamp
  })
}

/** The same bytes as something to give up. */
export const freedBytes = ({ region, hold, draft }: Pick<NewBytes, 'region' | 'hold' | 'draft'>): Freed => ({
  holds: hold === null ? [] : [{ region, hold }],
  drafts: draft === null ? [] : [{ region, draft }],
})
