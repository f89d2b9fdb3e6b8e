import type { Clock } from '#foundation/clock.ts'
import type { Network } from './network.ts'

/**
 * A network that carries no more than so many bytes in a second, all copies together. Whoever wants a chunk waits for its turn behind
 * those who asked before, and asks for the next one only then: copies that run at one time share the rate, chunk by chunk.
 */
export const limitedNetwork = (bytesPerSecond: number, clock: Clock, network: Network): Network => {
  let freeAtMs = 0
  const carry = async (bytes: number): Promise<void> => {
    const nowMs = clock.now().getTime()
    freeAtMs = Math.max(freeAtMs, nowMs) + (bytes / bytesPerSecond) * 1000
    await clock.sleep(freeAtMs - nowMs)
  }
  return (given, from, to) => {
    const source = network(given, from, to)
    return {
      async manifestRoot(manifest) {
        const root = await source.manifestRoot(manifest)
        await carry(root.length)
        return root
      },
      async *chunks(ids) {
        for await (const chunk of source.chunks(ids)) {
          await carry(chunk.stored.length)
          yield chunk
        }
      },
    }
  }
}
