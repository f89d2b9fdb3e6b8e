import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { Json, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { bytesOfGB } from '../disk-size.ts'
import { findImageVersion } from '../find-image-version.ts'
import { findSource, sourceKind } from '../source-bytes.ts'
import { diskOf, disksOf, type StoredDisk } from '../stored-disk.ts'
import { findVhd } from '../vhd-source.ts'
import { type CreationData, type DiskProperties, diskStateOf, propertiesOf } from './disk-document.ts'
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
      return await imageDisk(arm, data, change)
  }
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
  const stored = requireBytes(document, arm.clock.now())
  const { osType, hyperVGeneration, purchasePlan, supportedCapabilities, supportsHibernation, securityProfile } =
    document.properties
  return {
    origin: { from: 'stored', ...stored, id: document.id },
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

/** The bytes of a disk or snapshot that is complete and at rest; throws for one that is not. */
export const requireBytes = (document: ResourceDocument, now: Date): StoredDisk => {
  const stored = diskOf(document)
  const { provisioningState: state } = document
  if (stored && (state === 'Succeeded' || state === 'Failed' || state === 'Canceled')) return stored
  throw diskError.sourceNotReady(document.id, state === 'Succeeded' ? diskStateOf(document, now) : state)
}

const imageDisk = async (arm: Arm, data: CreationData, change: Change): Promise<Beginning> => {
  const { id = '', lun } = data.galleryImageReference ?? {}
  const version = await findImageVersion(arm, id, change)
  const disks = disksOf(version)
  if (!disks) throw diskError.sourceNotReady(version.id, version.provisioningState)
  const stored = lun === undefined ? disks.os : disks.data.find(disk => disk.lun === lun)
  if (!stored) throw diskError.imageReferenceInvalid()
  const origin: DiskOrigin = {
    from: 'stored',
    manifest: stored.manifest,
    sizeBytes: stored.sizeBytes,
    id: version.id,
  }
  if (lun !== undefined) return { origin, inherited: {} }
  const definition = await arm.resources.find((ResourceId.parse(version.id) as ResourceId).parent.key)
  const { osType, hyperVGeneration, purchasePlan, architecture } = definition?.properties ?? {}
  return {
    origin,
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
