import { type BlobRequest, headerOf } from './blob-request.ts'
import type { BlobTable } from './blob-table.ts'
import { checkSas, type SasGrant } from './sas.ts'
import { isFresh, isSigned, parseSharedKey, stringsToSign } from './shared-key.ts'
import { storageError } from './storage-error.ts'

/** What the caller of a request may do. */
export interface Access {
  /** Whether one of the permission letters was granted. */
  may(letters: string): boolean
  /** Headers that the signed URL puts into the response. */
  readonly responseHeaders: Readonly<Record<string, string>>
}

/** What an operation asks of a signed URL: any one of the letters, and the kind of resource it works on. */
export interface Need {
  readonly letters: string
  readonly type: 's' | 'c' | 'o'
  /** Whether a service SAS can allow it at all: containers themselves are only for account signatures and keys. */
  readonly service: 'never' | 'container' | 'blob'
}

const everything: Access = { may: () => true, responseHeaders: {} }

/** Finds out who asks, and whether they may. Nothing is readable without a signature. */
export const authorise = async (request: BlobRequest, need: Need, table: BlobTable, now: Date): Promise<Access> => {
  const account = await table.account(request.account)
  const keys = (account?.keys ?? []).map(key => Buffer.from(key, 'base64'))
  const header = headerOf(request, 'authorization')
  if (header !== undefined) {
    requireSharedKey(request, header, keys, now)
    return everything
  }
  if (!request.query.has('sig')) throw storageError.noAuthentication()
  const sas = checkSas(request, keys, now)
  requireNeed(sas, need)
  return {
    may: letters => [...letters].some(letter => sas.permissions.includes(letter)),
    responseHeaders: sas.responseHeaders,
  }
}

const requireSharedKey = (request: BlobRequest, header: string, keys: readonly Buffer[], now: Date): void => {
  const given = parseSharedKey(header)
  if (!given || given.account !== request.account || !isFresh(request, now)) throw storageError.authenticationFailed()
  if (!stringsToSign(request).some(text => isSigned(text, given.signature, keys)))
    throw storageError.authenticationFailed()
}

const requireNeed = (sas: SasGrant, need: Need): void => {
  if (sas.resourceTypes !== undefined) {
    if (!sas.resourceTypes.includes(need.type)) throw storageError.resourceTypeMismatch()
  } else if (need.service === 'never' || (need.service === 'container' && sas.scope !== 'container')) {
    throw storageError.permissionMismatch()
  }
  if (![...need.letters].some(letter => sas.permissions.includes(letter))) throw storageError.permissionMismatch()
}
