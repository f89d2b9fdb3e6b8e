import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChunkId, Heal, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { invariant } from '#foundation/invariant.ts'
import type { Log } from '#foundation/log.ts'
import { type Network, sourceOver } from './network.ts'
import type { StoreSlot } from './store-slot.ts'

/**
 * Where each store asks for a chunk that it lost: the other stores of its region first, then those of any other.
 *
 * A store that is asked may have lost the chunk too and ask in turn. Within one such chain no store is asked twice, or the number of
 * questions would explode; and whoever is asking for a chunk at the moment is not asked for it, or two stores could wait for each
 * other for ever.
 */
export const healFromReplicas = (slots: () => readonly StoreSlot[], network: Network, log: Log) => {
  const chain = new AsyncLocalStorage<Set<string>>()
  const asking = new Set<string>()

  const ask = async (slot: StoreSlot, to: StoreSlot, id: ChunkId): Promise<StoredChunk | undefined> => {
    try {
      for await (const chunk of sourceOver(network, slot, to, false).chunks([id])) if (chunk.id === id) return chunk
    } catch {
      // Not having it, having it broken and being away are the same to the one who asks.
    }
    return undefined
  }

  const askAll = async (region: string, url: string, id: ChunkId): Promise<StoredChunk | undefined> => {
    const asked = (chain.getStore() ?? new Set<string>()).add(url)
    const asker = slots().find(slot => slot.region === region && slot.url === url)
    invariant(asker, 'Who asks is a configured store')
    const near = slots().filter(slot => slot.region === region)
    const far = slots().filter(slot => slot.region !== region)
    for (const slot of [...near, ...far]) {
      if (asked.has(slot.url) || asking.has(`${slot.url} ${id}`)) continue
      const chunk = await chain.run(asked, () => ask(slot, asker, id))
      if (!chunk) continue
      log.warn('A lost chunk was fetched from another store.', { chunk: id, from: slot.url, to: url })
      return chunk
    }
    log.error('A lost chunk is in no other store.', { chunk: id, store: url })
    return undefined
  }

  return (region: string, url: string): Heal =>
    async id => {
      const question = `${url} ${id}`
      asking.add(question)
      try {
        return await askAll(region, url, id)
      } finally {
        asking.delete(question)
      }
    }
}
