import type { ResourceOperation } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { type DiskOrigin, growDisk, takeDisk } from '../disk-origin.ts'
import { grownSize, sizeInGB } from '../disk-size.ts'
import { requireFit } from '../disks/plan-disk.ts'
import { hiddenDisks, holdName, type StoredDisk, type StoredDisks } from '../stored-disk.ts'
import { imageOf } from './image-document.ts'

interface Input {
  readonly disks: readonly {
    readonly slot: 'os' | number
    readonly origin: DiskOrigin
    readonly sizeGB?: number
  }[]
}

/** Gives an image its own hold on the bytes of each of its sources, which may then be deleted. */
export const makeImage = (parts: ComputeParts): ResourceOperation => ({
  kind: 'make image',
  async run({ document, input, step, signal, report }) {
    const region = document.location ?? ''
    const { disks } = input as unknown as Input
    const made: { slot: 'os' | number; disk: StoredDisk }[] = []
    for (const [index, { slot, origin, sizeGB }] of disks.entries()) {
      const onProgress = (done: number, total: number) =>
        report(((index + (total === 0 ? 0 : done / total)) / disks.length) * 95)
      const disk = await step(`take disk ${slot}`, async () => {
        const place = { region, hold: holdName(document, slot), diskName: document.name }
        const taken = await takeDisk(origin, place, parts, { signal, onProgress })
        // The size of a fetched VHD is known only now.
        if (grownSize(sizeGB, taken.sizeBytes) === undefined) await parts.regions.release(region, place.hold)
        const sizeBytes = requireFit(sizeGB, taken.sizeBytes)
        return sizeBytes === taken.sizeBytes ? taken : await growDisk(taken, sizeBytes, place, parts.regions)
      })
      made.push({ slot, disk })
    }
    const stored = asStored(made)
    return { properties: withSizes(document, stored), hidden: hiddenDisks(stored) }
  },
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
