import { ArmError } from '#arm/arm-error.ts'
import type { ResourceOperation } from '#arm/resource-type.ts'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { vhdFooterBytes } from '#data-plane/disks/fixed-vhd.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { diskHold, passingHold } from '../disk-holds.ts'
import { requireVhd } from '../disk-origin.ts'
import { asHidden, grantName, hiddenOf, type Upload, type UploadedBytes } from './disk-document.ts'
import { diskError } from './disk-errors.ts'
import { sizeOutcome } from './plan-disk.ts'

/**
 * Takes a signed URL back. What was uploaded becomes the disk, without its VHD footer and without being read again; when the footer
 * is not that of a fixed VHD of this size, the operation fails and the disk waits on for its upload.
 */
export const endAccess = ({ regions, blobs }: ComputeParts): ResourceOperation => ({
  kind: 'end disk access',
  async run({ document, input, step, signal, report }) {
    const { upload } = hiddenOf(document)
    const region = document.location ?? ''
    await step('revoke', () => blobs.revoke(grantName(document)))
    if (!upload?.started) return { hidden: asHidden({ access: null }) }
    const hold = (work: 'sealed' | 'sliced') => passingHold(document, work, String(input.pass))
    const { manifest, bytes } = await step('seal', () => seal(document, upload, hold('sealed'), regions))
    report(50)
    const disk = await step('cut off the footer', async () => {
      const sizeBytes = upload.sizeBytes - vhdFooterBytes
      const sliced = await regions.slice(region, manifest, 0, sizeBytes, hold('sliced'))
      return { manifest: sliced.manifest, sizeBytes }
    })
    await step('hold', async () => {
      await regions.hold(region, disk.manifest, diskHold(document, 'disk', disk), 1, { signal })
    })
    await step('let go', async () => {
      for (const work of ['sealed', 'sliced'] as const) await regions.release(region, hold(work))
      await (await regions.findDraft(region, upload.draft))?.discard()
    })
    return {
      properties: sizeOutcome(document, disk.sizeBytes),
      hidden: asHidden({ disk, bytes, upload: null, access: null }),
    }
  },
  failed: () => ({ hidden: asHidden({ access: null }) }),
})

/** What was uploaded as a manifest; throws for what is no fixed VHD. */
const seal = async (
  document: ResourceDocument,
  upload: Upload,
  hold: string,
  regions: ComputeParts['regions'],
): Promise<{ manifest: ManifestId; bytes: UploadedBytes }> => {
  const region = document.location ?? ''
  const draft = await regions.draft(region, upload.draft, upload.sizeBytes)
  const sealed = await draft.seal(hold)
  const file = await regions.open(region, sealed.manifest)
  try {
    const { isFixed } = await requireVhd(file, 'of the upload', document.name)
    if (!isFixed) throw diskError.vhdNotFixed(document.name, 'of the upload')
  } catch (error) {
    if (error instanceof ArmError) await regions.release(region, hold)
    throw error
  } finally {
    await file.close()
  }
  const bytes = {
    dataBytes: sealed.dataBytes,
    newBytes: draft.written.newBytes + sealed.newBytes,
    storedBytes: draft.written.storedBytes + sealed.storedBytes,
  }
  return { manifest: sealed.manifest, bytes }
}
