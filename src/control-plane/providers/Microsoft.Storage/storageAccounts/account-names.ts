import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'

export const accountTypeName = 'Microsoft.Storage/storageAccounts'

/** learn.microsoft.com: storage account overview, names. */
export const isAccountName = (name: string): boolean => /^[a-z0-9]{3,24}$/.test(name)

/**
 * Who has the name, which is unique in all subscriptions. When two came at once, the older one; the other's creation fails, as if
 * it had come later.
 */
export const ownerOf = async (resources: Resources, name: string): Promise<ResourceDocument | undefined> => {
  let owner: ResourceDocument | undefined
  let after: string | undefined
  do {
    const page = await resources.list({ type: accountTypeName, ...(after ? { after } : {}) })
    for (const document of page.documents)
      if (document.name.toLowerCase() === name.toLowerCase() && (!owner || isOlder(document, owner))) owner = document
    after = page.next
  } while (after)
  return owner
}

const isOlder = (one: ResourceDocument, other: ResourceDocument): boolean =>
  `${one.systemData.createdAt} ${one.uid}` < `${other.systemData.createdAt} ${other.uid}`
