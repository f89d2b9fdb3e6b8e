import { eachDocument } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { Resources } from '#resources/resources.ts'
import type { Access } from './access.ts'

/**
 * The same documents, and access follows them: whose tenant a subscription is, is known as soon as it is saved, and what hangs on a
 * resource (assignments, locks) goes in the commit that removes it. A later resource of the same name begins with nobody's rights.
 */
export const followedResources = async (resources: Resources, access: Access): Promise<Resources> => {
  const note = ({ type, name, properties }: ResourceDocument): void => {
    const isSubscription = type.toLowerCase() === 'microsoft.resources/subscriptions'
    if (isSubscription) access.subscriptionIs(name, String(properties.tenantId))
  }
  for await (const document of eachDocument(resources, { type: 'Microsoft.Resources/subscriptions' })) note(document)
  return {
    find: (key, transaction) => resources.find(key, transaction),
    list: (selection, transaction) => resources.list(selection, transaction),
    count: selection => resources.count(selection),
    childIds: (parentKey, limit, transaction) => resources.childIds(parentKey, limit, transaction),
    change: (key, change) => resources.change(key, change),
    async insert(transaction, document, sortKey) {
      await resources.insert(transaction, document, sortKey)
      transaction.afterCommit(() => note(document))
    },
    async update(transaction, document) {
      const saved = await resources.update(transaction, document)
      transaction.afterCommit(() => note(document))
      return saved
    },
    async remove(transaction, key) {
      await resources.remove(transaction, key)
      await access.store.removeScope(transaction, key)
    },
  }
}
