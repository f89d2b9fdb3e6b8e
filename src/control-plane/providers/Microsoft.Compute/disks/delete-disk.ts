import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { holdName } from '../stored-disk.ts'
import { grantName, hiddenOf } from './disk-document.ts'
import { passingHold } from './make-disk.ts'

/** Removes a disk or snapshot: its signed URL, its unfinished upload and every hold it may have, also those of work cut short. */
export const deleteDisk = ({ regions, blobs }: ComputeParts): ResourceOperation => ({
  kind: 'delete disk',
  async run({ document, step }) {
    const region = document.location ?? ''
    await step('revoke', () => blobs.revoke(grantName(document)))
    await step('give up the bytes', async () => {
      const { upload } = hiddenOf(document)
      if (upload) await (await regions.findDraft(region, upload.draft))?.discard()
      await regions.release(region, holdName(document, 'disk'))
      for (const work of ['taken', 'grown', 'upload'] as const)
        await regions.release(region, passingHold(document, work))
    })
    return { remove: true }
  },
})
