import { metadataHeaders, metadataOf } from './blob-properties.ts'
import { type BlobRequest, headerOf } from './blob-request.ts'
import type { ContainerRow } from './blob-table.ts'
import { requireConditions } from './conditions.ts'
import { accountOf, type Endpoint, type Verb } from './endpoint.ts'
import { type Stamp, stampHeaders } from './etags.ts'
import { storageError } from './storage-error.ts'

const stampOf = (row: ContainerRow): Stamp => ({ etag: row.etag, modifiedMs: row.modified_ms })

const requireContainer = async (endpoint: Endpoint, request: BlobRequest): Promise<ContainerRow> => {
  const row = await endpoint.table.container(request.account, request.container ?? '')
  if (!row) throw storageError.containerNotFound()
  return row
}

/** Create Container. Public access is refused: nothing is ever readable without a signature. */
export const createContainer: Verb = async (endpoint, request) => {
  if (headerOf(request, 'x-ms-blob-public-access') !== undefined) throw storageError.publicAccessNotPermitted()
  await accountOf(endpoint, request)
  const stamp = endpoint.stamp()
  const made = await endpoint.table.createContainer({
    account: request.account,
    name: request.container ?? '',
    etag: stamp.etag,
    modified_ms: stamp.modifiedMs,
    metadata: JSON.stringify(metadataOf(request)),
  })
  if (!made) throw storageError.containerAlreadyExists()
  return { status: 201, headers: stampHeaders(stamp) }
}

/** Delete Container with every blob in it. Its name is free again at once; Azure keeps it for half a minute. */
export const deleteContainer: Verb = async (endpoint, request) => {
  const row = await requireContainer(endpoint, request)
  requireConditions(request, stampOf(row))
  await endpoint.bytes.free(await endpoint.table.removeContainers(row.account, row.name))
  return { status: 202 }
}

/** Get Container Properties and Get Container Metadata, whose headers are a part of the former. */
export const getContainer: Verb = async (endpoint, request) => {
  const row = await requireContainer(endpoint, request)
  const headers = { ...stampHeaders(stampOf(row)), ...metadataHeaders(row.metadata) }
  const leases = { 'x-ms-lease-status': 'unlocked', 'x-ms-lease-state': 'available' }
  const retention = { 'x-ms-has-immutability-policy': 'false', 'x-ms-has-legal-hold': 'false' }
  return { status: 200, headers: { ...headers, ...leases, ...retention } }
}

/** Set Container Metadata: replaces all of it. */
export const setContainerMetadata: Verb = async (endpoint, request) => {
  const row = await requireContainer(endpoint, request)
  requireConditions(request, stampOf(row))
  const stamp = endpoint.stamp()
  await endpoint.table.setContainerMetadata(row.account, row.name, JSON.stringify(metadataOf(request)), stamp)
  return { status: 200, headers: stampHeaders(stamp) }
}
