import type { Provider } from '#arm/resource-type.ts'
import type { Blobs } from '#data-plane/blobs/blobs.ts'
import type { Log } from '#foundation/log.ts'
import { accountType } from './storageAccounts/account.ts'
import { checkNameAvailability } from './storageAccounts/check-name-availability.ts'
import { keepAccount } from './storageAccounts/keep-account.ts'

/** What the storage provider needs of the data plane. */
export interface StorageParts {
  readonly blobs: Blobs
  readonly log: Log
}

export const storageProvider = ({ blobs }: StorageParts): Provider => ({
  namespace: 'Microsoft.Storage',
  types: [accountType(blobs)],
  operations: [keepAccount(blobs)],
  actions: { checkNameAvailability },
})
