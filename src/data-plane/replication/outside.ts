import type { ChunkSource, ChunkStore, ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { firstOf } from './failover.ts'
import { has } from './make-copies.ts'
import type { StoreSlot } from './store-slot.ts'

/**
 * A source from outside that knows only a part of the chunks. The rest is asked of the receiving store itself: that lacks them too,
 * and gets them as it gets lost ones, from whichever store has them.
 */
export const fromOutside = (from: ChunkSource, store: ChunkStore): ChunkSource => ({
  manifestRoot: manifest => from.manifestRoot(manifest),
  async *chunks(ids) {
    const wanted = new Set(ids)
    for await (const chunk of from.chunks(ids)) {
      wanted.delete(chunk.id)
      yield chunk
    }
    if (wanted.size > 0) yield* store.chunks([...wanted])
  },
})

/** The first store that has a manifest whole; one that is away is passed over. */
export const offerOf = (slots: readonly StoreSlot[], manifest: ManifestId): Promise<ChunkSource> =>
  firstOf(slots, manifest, async slot => {
    if (await has(slot, manifest)) return slot.source
    throw new ManifestMissing(manifest)
  })
