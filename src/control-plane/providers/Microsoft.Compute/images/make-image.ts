import type { ResourceOperation } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { sizeInGB } from '../disk-size.ts'
import { type DiskJob, settleDisk } from '../settle-disk.ts'
import { hiddenDisks, type StoredDisk, type StoredDisks } from '../stored-disk.ts'
import { told } from '../told.ts'
import { imageOf } from './image-document.ts'

/** Gives an image its own hold on the bytes of each of its sources, which may then be deleted. */
export const makeImage = (parts: ComputeParts): ResourceOperation => ({
  kind: 'make image',
  async run({ document, input, step, signal, report }, { resources }) {
    const { disks } = input as unknown as { readonly disks: readonly (DiskJob & { slot: 'os' | number })[] }
    const made: { slot: 'os' | number; disk: StoredDisk }[] = []
    for (const [index, job] of disks.entries()) {
      const watch = { step, signal, report: (share: number) => report(((index + share) / disks.length) * 95) }
      made.push({ slot: job.slot, disk: await settleDisk(document, job, { ...parts, resources }, watch) })
    }
    const stored = asStored(made)
    return { properties: withSizes(document, stored), hidden: hiddenDisks(stored) }
  },
  explain: told,
})

const asStored = (made: readonly { slot: 'os' | number; disk: StoredDisk }[]): StoredDisks => {
  const os = made.find(({ slot }) => slot === 'os')?.disk
  const data = made.flatMap(({ slot, disk }) => (slot === 'os' ? [] : [{ ...disk, lun: slot }]))
  return { ...(os ? { os } : {}), data }
}

/** The image as it turned out: every disk says how large it is. */
const withSizes = (document: ResourceDocument, { os, data }: StoredDisks): JsonObject => {
  const { storageProfile } = imageOf(document)
  const sizeOf = (lun: number) => data.find(disk => disk.lun === lun)?.sizeBytes ?? 0
  return {
    storageProfile: {
      ...(storageProfile as unknown as JsonObject),
      osDisk: { ...(storageProfile?.osDisk as unknown as JsonObject), diskSizeGB: sizeInGB(os?.sizeBytes ?? 0) },
      dataDisks: (storageProfile?.dataDisks ?? []).map(disk => ({
        ...(disk as unknown as JsonObject),
        diskSizeGB: sizeInGB(sizeOf(disk.lun)),
      })),
    },
  }
}
