import { armError } from '#arm/arm-error.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import type { DiskOrigin } from '../disk-origin.ts'
import { propertiesOf } from '../disks/disk-document.ts'
import { diskError } from '../disks/disk-errors.ts'
import { diskAsOrigin } from '../disks/find-origin.ts'
import { findSource, sourceKind } from '../source-bytes.ts'
import { findVhd } from '../vhd-source.ts'
import { type ImageDisk, type ImageProperties, imageOf } from './image-document.ts'
import { imageError } from './image-errors.ts'

/** A disk of the image to be: where its bytes come from, and what the image says of it. */
export interface FoundDisk {
  readonly slot: 'os' | number
  readonly origin: DiskOrigin
  readonly sizeGB?: number
  /** The disk or snapshot, for those that come from one. */
  readonly source?: ResourceDocument
}

/** Looks up the sources of an image's disks, with the caller's rights; throws when one will not do. */
export const findDisks = async (arm: Arm, parts: ComputeParts, change: Change): Promise<readonly FoundDisk[]> => {
  const { storageProfile } = imageOf(change.wanted)
  const { osDisk, dataDisks = [] } = storageProfile ?? {}
  if (!osDisk) throw imageError.osDiskMissing()
  if (new Set(dataDisks.map(disk => disk.lun)).size < dataDisks.length) throw imageError.lunTwice()
  const found: FoundDisk[] = []
  for (const [slot, disk] of [['os', osDisk] as const, ...dataDisks.map(disk => [disk.lun, disk] as const)])
    found.push({ slot, ...(await findDisk(arm, parts, disk, slot, change)) })
  checkOs(imageOf(change.wanted), found[0]?.source)
  return found
}

const findDisk = async (
  arm: Arm,
  parts: ComputeParts,
  disk: ImageDisk,
  slot: 'os' | number,
  change: Change,
): Promise<Omit<FoundDisk, 'slot'>> => {
  const path = `image.properties.storageProfile.${slot === 'os' ? 'osDisk' : `dataDisks[${slot}]`}`
  if (disk.diskEncryptionSet?.id) throw armError.notServed('Encryption with a disk encryption set')
  if (disk.storageAccountType === 'UltraSSD_LRS' || disk.storageAccountType === 'PremiumV2_LRS')
    throw armError.notServed(`The disk type ${disk.storageAccountType}`)
  const sources = [disk.managedDisk?.id, disk.snapshot?.id, disk.blobUri].filter(source => source !== undefined)
  if (sources.length !== 1) throw imageError.oneSource(path)
  const size = disk.diskSizeGB === undefined ? {} : { sizeGB: disk.diskSizeGB }
  if (disk.blobUri !== undefined) return { origin: await findVhd(arm, parts, { uri: disk.blobUri }, change), ...size }
  const [kind, member] = disk.managedDisk?.id ? (['disk', 'managedDisk'] as const) : (['snapshot', 'snapshot'] as const)
  const id = sources[0] as string
  if (sourceKind(id) !== kind) throw imageError.sourceKindInvalid(id, `${path}.${member}.id`)
  const source = (await findSource(arm, id, [kind], change))?.document
  if (!source) throw imageError.sourceNotFound(id, `${path}.${member}.id`)
  if (source.location !== change.wanted.location)
    throw diskError.sourceElsewhere(source.id, source.location ?? '', change.wanted.location ?? '')
  return { origin: diskAsOrigin(source, arm.clock.now()), source, ...size }
}

/** An image that says otherwise than its OS disk would make machines that do not boot. */
const checkOs = ({ storageProfile, hyperVGeneration = 'V1' }: ImageProperties, source?: ResourceDocument): void => {
  if (!source) return
  const { osType = '' } = storageProfile?.osDisk ?? {}
  const its = propertiesOf(source)
  if (its.osType && its.osType !== osType) throw imageError.osTypeMismatch(osType, source.id, its.osType)
  if (its.hyperVGeneration && its.hyperVGeneration !== hyperVGeneration)
    throw imageError.generationMismatch(hyperVGeneration, source.id, its.hyperVGeneration)
}
