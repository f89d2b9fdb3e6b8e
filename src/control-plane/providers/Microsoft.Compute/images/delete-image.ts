import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold } from '../disk-holds.ts'
import { disksOf } from '../stored-disk.ts'

/** Removes an image and its holds. What a creation cut short had held is nobody's from then on, and upkeep lets go of it. */
export const deleteImage = ({ regions }: ComputeParts): ResourceOperation => ({
  kind: 'delete image',
  async run({ document, step }) {
    await step('give up the bytes', async () => {
      const { os, data } = disksOf(document) ?? { data: [] }
      if (os) await regions.release(document.location ?? '', diskHold(document, 'os', os))
      for (const disk of data) await regions.release(document.location ?? '', diskHold(document, disk.lun, disk))
    })
    return { remove: true }
  },
})
