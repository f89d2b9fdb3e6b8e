import type { ChunkSource, StoredBatch, StoredChunk } from '#data-plane/chunks/chunk-store.ts'
import { chunksIn, inBatches } from '#data-plane/chunks/stored-batches.ts'
import type { Network } from '#data-plane/replication/network.ts'

/** What goes wrong on the way, each as a chance per chunk; all zero is a good day. */
export interface Weather {
  breaks: number
  loses: number
  twists: number
  doubles: number
  swaps: number
  /** Regions that nobody hears from. */
  readonly away: Set<string>
}

export const goodWeather = (): Weather => ({ breaks: 0, loses: 0, twists: 0, doubles: 0, swaps: 0, away: new Set() })

const reset = (): Error => Object.assign(new Error('The connection was reset.'), { code: 'ECONNRESET' })

/** A network that delays, loses, doubles, reorders, damages and breaks off, as chance and the weather have it. */
export const fakeNetwork = (weather: Weather, next: () => number): Network => {
  const delay = async () => {
    for (let turns = Math.floor(next() * 6); turns > 0; turns--) await undefined
  }
  const twisted = (chunk: StoredChunk): StoredChunk => {
    const stored = Uint8Array.from(chunk.stored)
    const at = Math.floor(next() * stored.length)
    stored[at] = stored[at]! ^ (1 << Math.floor(next() * 8))
    return { ...chunk, stored }
  }
  return (source, from, to): ChunkSource => {
    const cross = async () => {
      await delay()
      if (weather.away.has(from.region) || weather.away.has(to.region) || next() < weather.breaks) throw reset()
    }
    async function* carried(chunks: AsyncIterable<StoredChunk>): AsyncGenerator<StoredChunk> {
      await cross()
      let late: StoredChunk | undefined
      for await (const chunk of chunks) {
        await cross()
        if (next() < weather.loses) continue
        if (!late && next() < weather.swaps) {
          late = chunk
          continue
        }
        yield next() < weather.twists ? twisted(chunk) : chunk
        if (next() < weather.doubles) yield chunk
        if (late) yield late
        late = undefined
      }
      if (late) yield late
    }
    return {
      // Between folders of one machine; a region that nobody hears from gives nothing away.
      ...(source.packs && {
        packs: async ids => {
          await cross()
          return (await source.packs?.(ids)) ?? []
        },
      }),
      async manifestRoot(manifest) {
        await cross()
        const root = await source.manifestRoot(manifest)
        await cross()
        return next() < weather.twists ? root.subarray(0, root.length - 1) : root
      },
      chunks: ids => carried(source.chunks(ids)),
      ...(source.stored && { stored: ids => spoilt(inBatches(carried(oneByOne(source.stored!(ids))))) }),
    }
  }
}

async function* oneByOne(batches: AsyncIterable<StoredBatch>): AsyncGenerator<StoredChunk> {
  for await (const batch of batches) {
    const chunks = chunksIn({ ...batch, bytes: Uint8Array.from(batch.bytes) })
    batch.bytes.fill(0xee)
    batch.release()
    yield* chunks
  }
}

/** What was released is no good to anybody any more. */
async function* spoilt(batches: AsyncIterable<StoredBatch>): AsyncGenerator<StoredBatch> {
  for await (const batch of batches) {
    const release = () => {
      batch.bytes.fill(0xee)
      batch.release()
    }
    yield { ...batch, release }
  }
}
