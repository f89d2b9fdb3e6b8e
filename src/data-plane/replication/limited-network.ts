import type { StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import type { Clock } from '#foundation/clock.ts'
import type { Network } from './network.ts'
import { SharedRate } from './shared-rate.ts'

/**
 * A network that carries no more than so many bytes in a second, all copies together. Regions that receive at one time share it
 * evenly, chunk by chunk, however many copies each of them is making.
 */
export const limitedNetwork = (bytesPerSecond: number, clock: Clock, network: Network): Network => {
  const rate = new SharedRate(bytesPerSecond, clock)
  return (given, from, to) => {
    const source = network(given, from, to)
    const carried = (chunks: AsyncIterable<StoredChunk>) =>
      readAhead(chunks, chunk => rate.carry(to.region, chunk.stored.length))
    return {
      ...(source.packs && { packs: source.packs.bind(source) }), // a link carries nothing
      async manifestRoot(manifest) {
        const root = await source.manifestRoot(manifest)
        await rate.carry(to.region, root.length)
        return root
      },
      chunks: ids => carried(source.chunks(ids)),
      ...(source.stored && { stored: ids => carried(kept(source.stored?.(ids) ?? source.chunks(ids))) }),
    }
  }
}

/** Who reads ahead has several at a time, and the source has memory for one. */
async function* kept(chunks: AsyncIterable<StoredChunk>): AsyncGenerator<StoredChunk> {
  for await (const chunk of chunks) yield { ...chunk, stored: Uint8Array.from(chunk.stored) }
}

/** Who takes a chunk is in the queue for the next one already, or it would miss its turn while it looks at the first. */
async function* readAhead<T>(list: AsyncIterable<T>, arrive: (item: T) => Promise<void>): AsyncGenerator<T> {
  const items = list[Symbol.asyncIterator]()
  const next = () => {
    const coming = (async () => {
      const item = await items.next()
      if (!item.done) await arrive(item.value)
      return item
    })()
    coming.catch(() => {}) // told when its turn comes
    return coming
  }
  const queue = [next(), next()]
  try {
    for (let coming = queue.shift(); coming; coming = queue.shift()) {
      const item = await coming
      if (item.done) return
      queue.push(next())
      yield item.value
    }
  } finally {
    void items.return?.().catch(() => {}) // a line that hangs must not keep whoever turned away from it
  }
}
