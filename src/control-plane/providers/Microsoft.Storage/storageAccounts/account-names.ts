import type { Transaction } from '#foundation/database.ts'
import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import { accountError } from './account-errors.ts'

export const accountTypeName = 'Microsoft.Storage/storageAccounts'

/** learn.microsoft.com: storage account overview, names. */
export const isAccountName = (name: string): boolean => /^[a-z0-9]{3,24}$/.test(name)

/** Who has the name, which is unique in all subscriptions. */
export const ownerOf = async (
  resources: Resources,
  name: string,
  transaction?: Transaction,
): Promise<ResourceDocument | undefined> => {
  for await (const document of eachDocument(resources, { type: accountTypeName }, transaction))
    if (document.name.toLowerCase() === name.toLowerCase()) return document
  return undefined
}

/** Throws when another account has the name. */
export const requireFreeName = async (
  resources: Resources,
  { name, key }: ResourceDocument,
  transaction?: Transaction,
): Promise<void> => {
  const owner = await ownerOf(resources, name, transaction)
  if (owner && owner.key !== key) throw accountError.nameTaken(name)
}
