import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { bytesOfGB } from '../disk-size.ts'
import { findImageVersion } from '../find-image-version.ts'
import { findPlatformImage } from '../find-platform-image.ts'
import type { ImageUse } from '../galleries/sharing/image-use.ts'
import { platformReference } from '../platform-image-id.ts'
import { findSource, sourceKind } from '../source-bytes.ts'
import { diskOf, disksOf } from '../stored-disk.ts'
import { findVhd } from '../vhd-source.ts'
import { type CreationData, type DiskProperties, diskStateOf, hiddenOf, propertiesOf } from './disk-document.ts'
import { diskError } from './disk-errors.ts'

/** What a source says of the disk that is made of it, unless the request says otherwise. */
export type Inherited = Readonly<
  Partial<
    Record<
      | 'osType'
      | 'hyperVGeneration'
      | 'purchasePlan'
      | 'supportedCapabilities'
      | 'supportsHibernation'
      | 'securityProfile',
      Json
    >
  >
>

export interface Beginning {
  readonly origin: DiskOrigin
  readonly inherited: Inherited
  readonly sourceUniqueId?: string | undefined
  /** Of a gallery's version. */
  readonly use?: ImageUse
}

/** Where a new disk's bytes come from, for every createOption but Upload. Throws the refusals of a source that will not do. */
export const findOrigin = async (
  arm: Arm,
  parts: ComputeParts,
  data: CreationData,
  change: Change,
): Promise<Beginning> => {
  switch (data.createOption) {
    case 'Empty':
      return { origin: emptyDisk(change), inherited: {} }
    case 'Import': {
      const { sourceUri: uri = '', storageAccountId } = data
      return { origin: await findVhd(arm, parts, { uri, storageAccountId }, change), inherited: {} }
    }
    case 'Copy':
      return await copyOf(arm, data.sourceResourceId ?? '', change)
    default:
      return data.imageReference
        ? await platformDisk(parts, data.imageReference, change)
        : await imageDisk(arm, data, change)
  }
}

const platformDisk = async (
  parts: ComputeParts,
  { id = '', lun }: NonNullable<CreationData['imageReference']>,
  change: Change,
): Promise<Beginning> => {
  const named = ResourceId.parse(id)
  const reference = named && platformReference(named)
  // No image of the catalogue has data disks.
  if (!reference || lun !== undefined) throw diskError.imageReferenceInvalid()
  const image = await findPlatformImage(parts, reference, change.wanted.location ?? '')
  const { origin, osType, hyperVGeneration, architecture } = image
  return { origin, inherited: { osType, hyperVGeneration, supportedCapabilities: { architecture } } }
}

const emptyDisk = ({ wanted }: Change): DiskOrigin => {
  const { diskSizeGB } = propertiesOf(wanted)
  if (diskSizeGB === undefined) throw armError.missingProperty('disk.properties.diskSizeGB')
  return { from: 'nothing', sizeBytes: bytesOfGB(diskSizeGB) }
}

const copyOf = async (arm: Arm, id: string, change: Change): Promise<Beginning> => {
  const kind = sourceKind(id)
  if (kind !== 'disk' && kind !== 'snapshot') throw diskError.sourceKindInvalid(id)
  const source = await findSource(arm, id, ['disk', 'snapshot'], change)
  if (!source) throw diskError.sourceNotFound(id)
  const { document } = source
  if (document.location !== change.wanted.location)
    throw diskError.sourceElsewhere(document.id, document.location ?? '', change.wanted.location ?? '')
  const { osType, hyperVGeneration, purchasePlan, supportedCapabilities, supportsHibernation, securityProfile } =
    document.properties
  return {
    origin: diskAsOrigin(document, arm.clock.now()),
    inherited: definedOf({
      osType,
      hyperVGeneration,
      purchasePlan,
      supportedCapabilities,
      supportsHibernation,
      securityProfile,
    }),
    sourceUniqueId: propertiesOf(document).uniqueId,
  }
}

/**
 * A disk or snapshot that is complete, as the origin of another one's bytes; throws for one that is not. One that a machine may be
 * writing to is taken as it is when the work comes to it.
 */
export const diskAsOrigin = (document: ResourceDocument, now: Date): OriginOfDisk => {
  const stored = diskOf(document)
  const { provisioningState: state, id, key } = document
  if (!stored || !(state === 'Succeeded' || state === 'Failed' || state === 'Canceled'))
    throw diskError.sourceNotReady(id, state === 'Succeeded' ? diskStateOf(document, now) : state)
  const isWritten = hiddenOf(document).overlay === 'written'
  return isWritten ? { from: 'machine', key, sizeBytes: stored.sizeBytes, id } : { from: 'stored', ...stored, id }
}

type OriginOfDisk = Extract<DiskOrigin, { from: 'stored' | 'machine' }>

const imageDisk = async (arm: Arm, data: CreationData, change: Change): Promise<Beginning> => {
  const { lun, ...reference } = data.galleryImageReference ?? {}
  const { version, name, use } = await findImageVersion(arm, reference, change)
  const disks = disksOf(version)
  if (!disks) throw diskError.sourceNotReady(name, version.provisioningState)
  const stored = lun === undefined ? disks.os : disks.data.find(disk => disk.lun === lun)
  if (!stored) throw diskError.imageReferenceInvalid()
  const origin: DiskOrigin = {
    from: 'stored',
    manifest: stored.manifest,
    sizeBytes: stored.sizeBytes,
    id: name,
    version: version.key,
  }
  if (lun !== undefined) return { origin, inherited: {}, use }
  const definition = await arm.resources.find(version.parentKey)
  const { osType, hyperVGeneration, purchasePlan, architecture } = definition?.properties ?? {}
  return {
    origin,
    use,
    inherited: definedOf({
      osType,
      hyperVGeneration,
      purchasePlan,
      supportedCapabilities: architecture === undefined ? undefined : { architecture },
    }),
  }
}

const definedOf = (members: Readonly<Record<string, Json | undefined>>): Inherited =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Inherited

/** Throws when the request contradicts its source. */
export const checkAgainstSource = (wanted: DiskProperties, inherited: Inherited): void => {
  if (wanted.osType !== undefined && inherited.osType !== undefined && wanted.osType !== inherited.osType)
    throw diskError.osTypeMismatch(wanted.osType, String(inherited.osType))
}
