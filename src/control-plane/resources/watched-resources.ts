import type { Resources } from './resources.ts'

/**
 * The same documents, and word of each that is written: by its key, as the transaction is told of it. It may be committed a moment
 * later, or not at all, so whoever listens waits a little, and looks.
 */
export const watchedResources = (resources: Resources, written: (key: string) => void): Resources => ({
  find: (key, transaction) => resources.find(key, transaction),
  list: (selection, transaction) => resources.list(selection, transaction),
  count: selection => resources.count(selection),
  childIds: (parentKey, limit, transaction) => resources.childIds(parentKey, limit, transaction),
  async insert(transaction, document, sortKey) {
    await resources.insert(transaction, document, sortKey)
    written(document.key)
  },
  async update(transaction, document) {
    const saved = await resources.update(transaction, document)
    written(document.key)
    return saved
  },
  async remove(transaction, key) {
    await resources.remove(transaction, key)
    written(key)
  },
  async change(key, change) {
    const saved = await resources.change(key, change)
    if (saved) written(key)
    return saved
  },
})
