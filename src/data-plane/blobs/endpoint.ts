import type { Regions } from '#data-plane/replication/regions.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Log } from '#foundation/log.ts'
import type { Random } from '#foundation/random.ts'
import type { Access } from './access.ts'
import type { BlobBytes } from './blob-bytes.ts'
import type { KeyedLock } from './blob-lock.ts'
import type { BlobRequest, Reply } from './blob-request.ts'
import type { BlobKey, BlobTable } from './blob-table.ts'
import type { BlobAccount } from './blobs.ts'
import type { Stamp } from './etags.ts'
import { storageError } from './storage-error.ts'

/** What every operation works with. */
export interface Endpoint {
  readonly regions: Regions
  readonly table: BlobTable
  readonly bytes: BlobBytes
  /** Keeps what changes a blob apart; shared for writes that may run side by side, as Put Page and Put Block. */
  readonly lock: KeyedLock
  readonly stamp: () => Stamp
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Where an account is reached, with a trailing slash. */
  url(account: string): string
}

/** One operation: the caller was let in already, conditions and bodies are its own affair. */
export type Verb = (endpoint: Endpoint, request: BlobRequest, access: Access) => Promise<Reply>

/** The blob that a request names. */
export const keyOf = (request: BlobRequest): BlobKey => {
  if (request.container === undefined || request.blob === undefined) throw storageError.invalidUri()
  return { account: request.account, container: request.container, name: request.blob }
}

/** One text for a blob's key; no part can hold a line break but the last. */
export const lockKey = ({ account, container, name }: BlobKey): string => `${account}\n${container}\n${name}`

/** The account, which may have been removed since the request was let in. */
export const accountOf = async (endpoint: Endpoint, request: BlobRequest): Promise<BlobAccount> => {
  const account = await endpoint.table.account(request.account)
  if (!account) throw storageError.authenticationFailed()
  return account
}

/** The blob that a request names. Throws what tells whether it or its container is missing. */
export const requireBlob = async (endpoint: Endpoint, key: BlobKey) => {
  const row = await endpoint.table.blob(key)
  if (row) return row
  if (!(await endpoint.table.container(key.account, key.container))) throw storageError.containerNotFound()
  throw storageError.blobNotFound()
}
