import { storedOf } from '#data-plane/chunks/stored-batches.ts'
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
    return {
      ...(source.packs && { packs: source.packs.bind(source) }), // a link carries nothing
      async manifestRoot(manifest) {
        const root = await source.manifestRoot(manifest)
        await rate.carry(to.region, root.length)
        return root
      },
      chunks: ids => readAhead(source.chunks(ids), ({ stored }) => rate.carry(to.region, stored.length)),
      ...(source.stored && {
        stored: ids =>
          readAhead(storedOf(source, ids), async ({ chunks }) => {
            for (const { storedBytes } of chunks) await rate.carry(to.region, storedBytes)
          }),
      }),
    }
  }
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
