import { ArmError } from '#arm/arm-error.ts'
import type { ResourceOperation } from '#arm/resource-type.ts'
import type { Watch } from '#data-plane/chunks/chunk-store.ts'
import { vhdFooterBytes } from '#data-plane/disks/fixed-vhd.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { requireVhd } from '../disk-origin.ts'
import { holdName, type StoredDisk } from '../stored-disk.ts'
import { asHidden, grantName, hiddenOf, type Upload, type UploadedBytes } from './disk-document.ts'
import { diskError } from './disk-errors.ts'
import { passingHold } from './make-disk.ts'
import { sizeOutcome } from './plan-disk.ts'

/**
 * Takes a signed URL back. What was uploaded becomes the disk, without its VHD footer and without being read again; when the footer
 * is not that of a fixed VHD of this size, the operation fails and the disk waits on for its upload.
 */
export const endAccess = (parts: ComputeParts): ResourceOperation => ({
  kind: 'end disk access',
  async run({ document, step, signal, report }) {
    const { regions, blobs } = parts
    const { upload } = hiddenOf(document)
    const region = document.location ?? ''
    await step('revoke', () => blobs.revoke(grantName(document)))
    if (!upload?.started) return { hidden: asHidden({ access: null }) }
    const onProgress = (done: number, total: number) => report(total === 0 ? 0 : (done / total) * 90)
    const { disk, bytes } = await step('turn the upload into the disk', () =>
      sealUpload(document, upload, parts, { signal, onProgress }),
    )
    await step('let go', async () => {
      await regions.release(region, passingHold(document, 'upload'))
      await (await regions.findDraft(region, upload.draft))?.discard()
    })
    return {
      properties: sizeOutcome(document, disk.sizeBytes),
      hidden: asHidden({ disk, bytes, upload: null, access: null }),
    }
  },
  failed: () => ({ hidden: asHidden({ access: null }) }),
})

const sealUpload = async (
  document: ResourceDocument,
  upload: Upload,
  { regions }: ComputeParts,
  watch: Watch,
): Promise<{ disk: StoredDisk; bytes: UploadedBytes }> => {
  const region = document.location ?? ''
  const passing = passingHold(document, 'upload')
  const draft = await regions.draft(region, upload.draft, upload.sizeBytes)
  const sealed = await draft.seal(passing)
  const { manifest } = sealed
  const file = await regions.open(region, manifest)
  try {
    const { isFixed } = await requireVhd(file, 'of the upload', document.name)
    if (!isFixed) throw diskError.vhdNotFixed(document.name, 'of the upload')
  } catch (error) {
    if (error instanceof ArmError) await regions.release(region, passing)
    throw error
  } finally {
    await file.close()
  }
  watch.signal?.throwIfAborted()
  const sizeBytes = upload.sizeBytes - vhdFooterBytes
  const sliced = await regions.slice(region, manifest, 0, sizeBytes, holdName(document, 'disk'))
  const bytes = {
    dataBytes: sealed.dataBytes,
    newBytes: draft.written.newBytes + sealed.newBytes,
    storedBytes: draft.written.storedBytes + sealed.storedBytes,
  }
  return { disk: { manifest: sliced.manifest, sizeBytes }, bytes }
}
