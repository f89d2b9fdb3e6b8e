import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold } from '../disk-holds.ts'
import { diskOf } from '../stored-disk.ts'
import { grantName, hiddenOf } from './disk-document.ts'

/**
 * Removes a disk or snapshot: its signed URL, its unfinished upload, its hold. What work cut short had held is nobody's from then
 * on, and upkeep lets go of it.
 */
export const deleteDisk = ({ regions, blobs }: ComputeParts): ResourceOperation => ({
  kind: 'delete disk',
  async run({ document, step }) {
    const region = document.location ?? ''
    await step('revoke', () => blobs.revoke(grantName(document)))
    await step('give up the bytes', async () => {
      const { upload } = hiddenOf(document)
      if (upload) await (await regions.findDraft(region, upload.draft))?.discard()
      const disk = diskOf(document)
      if (disk) await regions.release(region, diskHold(document, 'disk', disk))
    })
    return { remove: true }
  },
})
