import type { ResourceOperation } from '#arm/resource-type.ts'
import type { BlobAccount, Blobs } from '#data-plane/blobs/blobs.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { keysOf } from './account-keys.ts'
import { accountTypeName } from './account-names.ts'

/** Opens a new account at the data endpoint. */
export const keepAccount = (blobs: Blobs): ResourceOperation => ({
  kind: 'keep storage account',
  async run({ document, step }) {
    await step('open', () => openAccount(blobs, document))
    return {}
  },
})

/** Tells the data endpoint an account's keys. Repeatable. */
const openAccount = (blobs: Blobs, document: ResourceDocument): Promise<void> =>
  blobs.keepAccount(blobAccount(document))

/** The account as the data endpoint knows it. */
export const blobAccount = (document: ResourceDocument): BlobAccount => {
  const [first, second] = keysOf(document)
  return { name: document.name, region: document.location ?? '', keys: [first.value, second.value] }
}

/**
 * Makes the data endpoint know the accounts' keys as they are stored: at the start, in case the last process ended between
 * the change of a key there and its being saved here.
 */
export const openAccounts = async (resources: Resources, blobs: Blobs): Promise<void> => {
  for await (const document of eachDocument(resources, { type: accountTypeName }))
    if (document.provisioningState === 'Succeeded') await openAccount(blobs, document)
}
