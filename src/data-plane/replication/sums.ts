import type { VerifyReport, VerifyWish } from '#data-plane/chunks/chunk-store.ts'
import { type CollectionPlan, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { has } from './make-copies.ts'
import { RegionUnreachable } from './regions.ts'
import { type StoreSlot, StoreUnreachable } from './store-slot.ts'

/** What the stores of a region free together. */
export const summed = (plans: readonly CollectionPlan[]): CollectionPlan =>
  plans.reduce(
    (sum, plan) => ({
      manifests: sum.manifests + plan.manifests,
      chunks: sum.chunks + plan.chunks,
      freedBytes: sum.freedBytes + plan.freedBytes,
      sharedBytes: sum.sharedBytes + plan.sharedBytes,
    }),
    { manifests: 0, chunks: 0, freedBytes: 0, sharedBytes: 0 },
  )

/** Verifies one manifest wherever the region has it, or all that its stores have. */
export const verifyAll = async (
  slots: readonly StoreSlot[],
  region: string,
  manifest: ManifestId | undefined,
  watch: VerifyWish,
): Promise<VerifyReport> => {
  const reports: VerifyReport[] = []
  let failure: unknown
  for (const [index, slot] of slots.entries()) {
    const part: VerifyWish = {
      ...(watch.heals === undefined ? {} : { heals: watch.heals }),
      ...(watch.deep === undefined ? {} : { deep: watch.deep }),
      ...(watch.signal ? { signal: watch.signal } : {}),
      onProgress: (done, total) => watch.onProgress?.(index * total + done, slots.length * total),
    }
    try {
      if (manifest && !(await has(slot, manifest))) continue
      reports.push(await slot.run(store => store.verify(manifest, part)))
    } catch (error) {
      if (!(error instanceof StoreUnreachable)) throw error
      failure = error
    }
  }
  // A store that can't be read is not a store that was found good.
  if (failure) throw new RegionUnreachable(region, { cause: failure })
  if (reports.length === 0 && manifest) throw new ManifestMissing(manifest)
  return {
    chunks: reports.reduce((sum, report) => sum + report.chunks, 0),
    bytes: reports.reduce((sum, report) => sum + report.bytes, 0),
    corrupt: reports.flatMap(report => report.corrupt),
    missing: reports.flatMap(report => report.missing),
    healed: reports.flatMap(report => report.healed),
  }
}
