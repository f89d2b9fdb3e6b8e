import type { ResourceOperation } from '#arm/resource-type.ts'
import { invariant } from '#foundation/invariant.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskOf } from '../stored-disk.ts'
import { type Access, asHidden, hiddenOf } from './disk-document.ts'

/** Signs the URL of a disk; for an upload it leads to a draft in the region's store, where pages become chunks as they arrive. */
export const grantAccess = ({ regions, blobs }: ComputeParts): ResourceOperation => ({
  kind: 'grant disk access',
  async run({ document, input, step }) {
    const access = input as unknown as Access
    const region = document.location ?? ''
    const { upload } = hiddenOf(document)
    const expires = new Date(access.expires)
    const url = await step('sign', async () => {
      if (access.level === 'Write') {
        invariant(upload, 'Write access is granted for uploads only.')
        await regions.draft(region, upload.draft, upload.sizeBytes, !upload.started)
        return await blobs.grant(access.grant, { region, draft: upload.draft }, 'write', expires)
      }
      const disk = diskOf(document)
      invariant(disk, 'Read access is granted for complete disks only.')
      return await blobs.grant(access.grant, { region, manifest: disk.manifest }, 'read', expires)
    })
    return {
      hidden: asHidden({ access, ...(upload ? { upload: { ...upload, started: true } } : {}) }),
      // az and the SDKs read the body at Location; older ones `properties.output` of the operation.
      output: { accessSAS: url },
    }
  },
})
