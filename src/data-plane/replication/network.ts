import type { ChunkSource } from '#data-plane/chunks/chunk-store.ts'
import { storedOf } from '#data-plane/chunks/stored-batches.ts'
import { type StoreSlot, StoreUnreachable, systemCode } from './store-slot.ts'

/** What lies between two stores: gives back the source as it looks from the other end. */
export type Network = (source: ChunkSource, from: StoreSlot, to: StoreSlot) => ChunkSource

/** Stores on one machine. */
export const noDistance: Network = source => source

const brokenOff = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** A connection that fails is the failure of the store at its other end: another one may be nearer. */
const guarded = async <T>(from: StoreSlot, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!brokenOff.has(systemCode(error) ?? '')) throw error
    throw new StoreUnreachable(from.region, from.url, { cause: error })
  }
}

async function* guardedList<T>(from: StoreSlot, list: AsyncIterable<T>): AsyncGenerator<T> {
  const items = list[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await guarded(from, () => items.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    await items.return?.()
  }
}

/**
 * A store as the source of another one, over the network between them. `links`: whether files may be had in common, where the
 * network lets them through.
 */
export const sourceOver = (network: Network, from: StoreSlot, to: StoreSlot, links: boolean): ChunkSource => {
  const source = network(from.source, from, to)
  const packs = links ? source.packs?.bind(source) : undefined
  return {
    ...(packs && { packs: ids => guarded(from, () => packs(ids)) }),
    manifestRoot: manifest => guarded(from, () => source.manifestRoot(manifest)),
    chunks: ids => guardedList(from, source.chunks(ids)),
    ...(source.stored && { stored: ids => guardedList(from, storedOf(source, ids)) }),
  }
}
