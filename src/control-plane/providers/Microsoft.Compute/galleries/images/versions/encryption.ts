import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import { versionError } from './version-errors.ts'
import type { SentRegion } from './version-schema.ts'

type Sent = NonNullable<SentRegion['encryption']>

/** Which disk of a version a set encrypts, and how Azure names it in its messages. */
interface EncryptedDisk {
  readonly disk: 'osDiskImage' | number
  readonly set: string
}

const nameOf = (disk: EncryptedDisk['disk']) => (typeof disk === 'number' ? `LUN ${disk}` : disk)

/**
 * Refuses encryption with keys of one's own, with the sentence that Azure has for the first thing that is wrong: there are no
 * disk encryption sets here, so at the latest the set itself is missing.
 */
export const refuseEncryption = (
  regions: readonly SentRegion[],
  luns: readonly number[],
  subscriptionId: string,
  isUpdate: boolean,
): void => {
  const asking = regions.filter(({ encryption }) => encryption && isAskedFor(encryption))
  if (asking[0] && isUpdate) throw versionError.encryptionSetAdded(asking[0].name)
  const encrypted = asking.map(({ name, encryption = {} }) => ({
    region: name,
    disks: disksOf(encryption, name, luns),
  }))
  const first = encrypted[0]
  if (!first) return
  for (const { disks } of encrypted) for (const one of disks) requireSetId(one, subscriptionId)
  for (const { disk, set } of first.disks) requireEverywhere(disk, set, first.region, regions)
  const missing = encrypted.flatMap(({ disks }) => disks)[0]
  if (missing) throw versionError.encryptionSetNotFound(missing.set)
}

/** Clients write empty objects and lists for none. */
const isAskedFor = ({ osDiskImage, dataDiskImages = [] }: Sent): boolean =>
  Boolean(osDiskImage?.diskEncryptionSetId ?? osDiskImage?.securityProfile ?? dataDiskImages[0])

const disksOf = (sent: Sent, region: string, luns: readonly number[]): readonly EncryptedDisk[] => {
  const { osDiskImage, dataDiskImages = [] } = sent
  if (osDiskImage?.securityProfile) throw armError.notServed('Encryption of confidential virtual machines')
  for (const { lun } of dataDiskImages) {
    if (!luns.includes(lun)) throw versionError.encryptionLunUnknown(lun, luns)
    if (dataDiskImages.filter(one => one.lun === lun).length > 1) throw versionError.encryptionLunTwice(lun, region)
  }
  return [
    ...(osDiskImage?.diskEncryptionSetId === undefined
      ? []
      : [{ disk: 'osDiskImage' as const, set: osDiskImage.diskEncryptionSetId }]),
    ...dataDiskImages.flatMap(({ lun, diskEncryptionSetId }) =>
      diskEncryptionSetId === undefined ? [] : [{ disk: lun, set: diskEncryptionSetId }],
    ),
  ]
}

const requireSetId = ({ disk, set }: EncryptedDisk, subscriptionId: string) => {
  const id = ResourceId.parse(set)
  if (id?.type.toLowerCase() !== 'microsoft.compute/diskencryptionsets')
    throw versionError.encryptionSetMalformed(typeof disk === 'number' ? 'dataDiskImages' : disk)
  if (id.subscriptionId?.toLowerCase() !== subscriptionId.toLowerCase())
    throw versionError.encryptionSetElsewhere(set, subscriptionId)
}

const requireEverywhere = (
  disk: EncryptedDisk['disk'],
  set: string,
  region: string,
  regions: readonly SentRegion[],
) => {
  const lacking = regions.find(({ encryption }) =>
    typeof disk === 'number'
      ? !encryption?.dataDiskImages?.some(one => one.lun === disk && one.diskEncryptionSetId !== undefined)
      : encryption?.osDiskImage?.diskEncryptionSetId === undefined,
  )
  if (lacking) throw versionError.encryptionSetMissing(nameOf(disk), lacking.name, set, region)
}
