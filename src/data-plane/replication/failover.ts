import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { ChunkCorrupt, ChunkMissing, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import { RegionUnreachable } from './regions.ts'
import type { StoreSlot } from './store-slot.ts'

const mayBeElsewhere = (error: unknown): boolean =>
  error instanceof ManifestMissing ||
  error instanceof ChunkMissing ||
  error instanceof ChunkCorrupt ||
  error instanceof RegionUnreachable

/**
 * The first answer that a region's stores give, asked one after the other: a store that lacks the bytes or is away is passed over.
 * When none can, an unreachable store counts more than a missing manifest: the bytes may be there.
 */
export const firstOf = async <T>(
  slots: readonly StoreSlot[],
  manifest: ManifestId,
  work: (slot: StoreSlot) => Promise<T>,
): Promise<T> => {
  let failure: unknown = new ManifestMissing(manifest)
  for (const slot of slots) {
    try {
      return await work(slot)
    } catch (error) {
      if (!mayBeElsewhere(error)) throw error
      if (failure instanceof ManifestMissing) failure = error
    }
  }
  throw failure
}

/** The bytes of a manifest, read from the first store that has them and from the next one when that fails midway. */
export const openWithFailover = async (slots: readonly StoreSlot[], manifest: ManifestId): Promise<SparseBytes> => {
  const open = (from: readonly StoreSlot[]) =>
    firstOf(from, manifest, async slot => ({ slot, bytes: await slot.run(store => store.open(manifest)) }))
  let current = await open(slots)
  const { sizeBytes } = current.bytes

  const moveOn = async (failed: typeof current, error: unknown): Promise<void> => {
    if (current !== failed) return // another read has moved on already
    const rest = slots.slice(slots.indexOf(failed.slot) + 1)
    if (!mayBeElsewhere(error) || rest.length === 0) throw error
    const next = await open(rest).catch(() => Promise.reject(error))
    if (current !== failed) return await next.bytes.close()
    current = next
    await failed.bytes.close().catch(() => {})
  }

  return {
    sizeBytes,
    extents: () => current.bytes.extents(),
    async read(offset, target) {
      for (;;) {
        const from = current
        try {
          return await from.slot.run(() => from.bytes.read(offset, target))
        } catch (error) {
          await moveOn(from, error)
        }
      }
    },
    close: () => current.bytes.close(),
  }
}
