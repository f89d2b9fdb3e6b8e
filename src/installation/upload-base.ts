import type { FastifyInstance } from 'fastify'
import { armError } from '#arm/arm-error.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import { ChunkCorrupt, DraftBegun, type ManifestId, ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { accessOf, hiddenOf } from '#providers/Microsoft.Compute/disks/disk-document.ts'
import { diskError } from '#providers/Microsoft.Compute/disks/disk-errors.ts'
import { callerOf } from './caller-of.ts'
import type { ImageParts } from './image-routes.ts'
import { type Given, storedVersion, type VersionQuery } from './stored-version.ts'

interface UploadBaseRoute {
  Querystring: Omit<VersionQuery, 'region'> & { disk?: Given }
}

const diskType = 'Microsoft.Compute/disks'

/**
 * `POST /opengallery/upload-base?disk=DISK&id=VERSION[&lun=N]`: an upload that nobody has written to starts as the bytes of a version,
 * so that only what differs must be sent; all else of the upload stays as Azure has it. For who may write to the disk and read the version.
 */
export const uploadBaseRoute = (parts: ImageParts) => (app: FastifyInstance) => {
  app.post<UploadBaseRoute>('/opengallery/upload-base', async request => {
    const caller = await callerOf(request, parts)
    const { disk = '', id, lun } = request.query
    const refused = () => armError.invalidQueryParameter('disk', String(disk).slice(0, 300))
    const diskId = typeof disk === 'string' ? ResourceId.parse(disk) : undefined
    if (!diskId || diskId.type.toLowerCase() !== diskType.toLowerCase()) throw refused()
    await requireRight(caller, `${diskType}/beginGetAccess/action`, diskId, parts.arm)
    const document = await parts.arm.resources.find(diskId.key)
    if (!document) throw armError.resourceNotFound(`${diskType}/${diskId.names.join('/')}`, diskId.resourceGroup ?? '')
    const { upload } = hiddenOf(document)
    const region = document.location ?? ''
    const version = await storedVersion({ id, lun, region }, caller, parts)
    const isOpen = upload && accessOf(document, parts.clock.now())?.level === 'Write'
    const draft = isOpen ? await parts.regions.findDraft(region, upload.draft) : undefined
    if (!draft) throw refused()
    try {
      await draft.begin(version.manifest as ManifestId)
    } catch (error) {
      if (error instanceof ChunkCorrupt) throw diskError.sourceDamaged(version.document.id)
      if (error instanceof DraftBegun) throw diskError.uploadBegun(document.id)
      if (error instanceof ManifestMissing) throw refused()
      throw error
    }
    return { region, sizeBytes: version.sizeBytes, manifest: version.manifest }
  })
}
