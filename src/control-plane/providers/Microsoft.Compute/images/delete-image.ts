import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { holdName } from '../stored-disk.ts'
import { imageOf } from './image-document.ts'

/** Removes an image and its holds, also those that a creation cut short had made. */
export const deleteImage = ({ regions }: ComputeParts): ResourceOperation => ({
  kind: 'delete image',
  async run({ document, step }) {
    const luns = (imageOf(document).storageProfile?.dataDisks ?? []).map(disk => disk.lun)
    await step('give up the bytes', async () => {
      for (const slot of ['os', ...luns] as const)
        await regions.release(document.location ?? '', holdName(document, slot))
    })
    return { remove: true }
  },
})
