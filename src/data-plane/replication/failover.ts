import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { ChunkCorrupt, ChunkMissing, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import type { Outlet, SparseBytes } from '#foundation/sparse-bytes.ts'
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

const blockBytes = 2 ** 20

/** What `writeTo` does, for bytes that have none: those of a store in another process. */
const writePlainly = async (bytes: SparseBytes, to: Outlet, signal?: AbortSignal): Promise<void> => {
  const block = Buffer.allocUnsafe(blockBytes)
  for await (const { offset, length } of bytes.extents())
    for (let at = offset; at < offset + length; at += blockBytes) {
      signal?.throwIfAborted()
      const part = block.subarray(0, Math.min(blockBytes, offset + length - at))
      await bytes.read(at, part)
      await to.write(part, at)
      to.onWritten?.(part.length)
    }
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

  /** Begins anew with the next store when one fails. */
  const fromAny = async (work: (bytes: SparseBytes) => Promise<void>): Promise<void> => {
    for (;;) {
      const from = current
      try {
        return await from.slot.run(() => work(from.bytes))
      } catch (error) {
        await moveOn(from, error)
      }
    }
  }

  return {
    sizeBytes,
    extents: () => current.bytes.extents(),
    read: (offset, target) => fromAny(bytes => bytes.read(offset, target)),
    ...(current.bytes.writeTo && {
      writeTo: (to, signal) => fromAny(bytes => bytes.writeTo?.(to, signal) ?? writePlainly(bytes, to, signal)),
    }),
    // Without a look whether the disk is still there: what is verified is right, and what needs a disk is left to `read`.
    readNow: (offset, target) => current.bytes.readNow?.(offset, target) ?? false,
    close: () => current.bytes.close(),
  }
}
