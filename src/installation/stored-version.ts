import { armError } from '#arm/arm-error.ts'
import { requireRight } from '#arm/require-right.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import { ManifestMissing } from '#data-plane/chunks/chunk-store.ts'
import { type Regions, RegionUnreachable } from '#data-plane/replication/regions.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import {
  requireVouched,
  type SigningParts,
} from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { disksBySlot } from '#providers/Microsoft.Compute/galleries/images/versions/disk-slots.ts'
import { isAvailableIn, regionStates } from '#providers/Microsoft.Compute/galleries/images/versions/region-states.ts'
import { imageVersionType } from '#providers/Microsoft.Compute/galleries/images/versions/version-properties.ts'
import { disksOf } from '#providers/Microsoft.Compute/stored-disk.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'

/** A parameter that is there twice arrives as a list. */
export type Given = string | string[] | undefined

/** Which bytes are meant: a version, one of its regions (the first that has it), and one of its disks (that of the system). */
export interface VersionQuery {
  readonly id?: Given
  readonly region?: Given
  readonly lun?: Given
}

export interface StoredVersion {
  readonly document: ResourceDocument
  readonly region: string
  readonly manifest: string
  readonly sizeBytes: number
  /** Verified as they are read. Until they are closed no collection takes them away, whatever becomes of the version. */
  open(): Promise<SparseBytes>
}

/** Finds the stored bytes of a version for somebody who may read it. Nothing is said of what is there before that is sure. */
export const storedVersion = async (
  query: VersionQuery,
  caller: Caller,
  { arm, regions, signing }: { arm: Arm; regions: Regions; signing: SigningParts },
): Promise<StoredVersion> => {
  const text = typeof query.id === 'string' ? query.id : ''
  const id = ResourceId.parse(text)
  if (!id || id.type.toLowerCase() !== imageVersionType.toLowerCase())
    throw armError.invalidQueryParameter('id', text.slice(0, 300))
  await requireRight(caller, `${imageVersionType}/read`, id, arm)
  const document = await arm.resources.find(id.key)
  const missing = () => armError.resourceNotFound(`${imageVersionType}/${id.names.join('/')}`, id.resourceGroup ?? '')
  if (!document) throw missing()
  const disks = disksOf(document)
  if (!disks) throw armError.operationInProgress('Read', document.name)
  requireVouched(document, signing)
  const region = regionOf(query.region, document)
  const disk = disksBySlot(disks).find(({ slot }) => slot === slotOf(query.lun))?.disk
  if (!disk) throw armError.invalidQueryParameter('lun', String(query.lun ?? '').slice(0, 20))
  const open = async () => {
    try {
      return await regions.open(region, disk.manifest)
    } catch (error) {
      // It was deleted meanwhile, or its region went away.
      if (error instanceof ManifestMissing) throw missing()
      if (error instanceof RegionUnreachable) throw armError.invalidQueryParameter('region', region)
      throw error
    }
  }
  return { document, region, ...disk, open }
}

const regionOf = (given: Given, document: ResourceDocument): string => {
  if (given === undefined) {
    const first = Object.keys(regionStates(document)).find(name => isAvailableIn(document, name))
    if (first !== undefined) return first
    throw armError.operationInProgress('Read', document.name)
  }
  const region = String(given).toLowerCase()
  if (typeof given === 'string' && isAvailableIn(document, region)) return region
  throw armError.invalidQueryParameter('region', region.slice(0, 100))
}

const slotOf = (lun: Given): 'os' | number => (lun === undefined ? 'os' : /^\d{1,2}$/.test(`${lun}`) ? Number(lun) : -1)
