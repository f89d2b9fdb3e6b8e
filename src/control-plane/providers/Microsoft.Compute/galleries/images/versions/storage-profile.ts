import { armError } from '#arm/arm-error.ts'
import { withoutQuery } from '../../../disk-origin.ts'
import { sizeInGB } from '../../../disk-size.ts'
import type { StoredDisks } from '../../../stored-disk.ts'
import type { SourceDisk } from './find-sources.ts'
import { requireLuns } from './source-form.ts'
import { versionError } from './version-errors.ts'
import type { DiskImage, VersionProperties } from './version-properties.ts'
import type { DiskSource, SentProperties } from './version-schema.ts'

type Sent = NonNullable<SentProperties['storageProfile']>
type Stored = VersionProperties['storageProfile']

const path = 'galleryImageVersion.properties.storageProfile'

/** The storage profile of a new version: what was sent, and one entry for every disk that the sources turned out to have. */
export const newStorageProfile = (
  sent: Sent,
  managedImage: string | undefined,
  disks: readonly SourceDisk[],
): Stored => {
  const luns = disks.map(({ slot }) => slot).filter(slot => slot !== 'os')
  const unknown = sent.dataDiskImages?.find(({ lun }) => !luns.includes(lun))
  if (unknown) throw versionError.oneSource([`storageProfile.dataDiskImages[lun ${unknown.lun}] without source`])
  const source = managedImage === undefined ? sent.source : { id: managedImage }
  const data = disks.flatMap(({ slot, hostCaching }) => {
    const one = sent.dataDiskImages?.find(({ lun }) => lun === slot)
    return slot === 'os' ? [] : [{ lun: slot, ...diskImage(one, hostCaching ?? 'None') }]
  })
  const os = disks.find(({ slot }) => slot === 'os')
  return {
    ...(source ? { source: source as NonNullable<Stored['source']> } : {}),
    osDiskImage: diskImage(sent.osDiskImage, os?.hostCaching ?? 'ReadWrite'),
    ...(data.length > 0 ? { dataDiskImages: data.toSorted((a, b) => a.lun - b.lun) } : {}),
  }
}

const diskImage = (
  sent: Pick<DiskImage, 'source'> & { hostCaching?: DiskImage['hostCaching'] } = {},
  byDefault: DiskImage['hostCaching'],
): DiskImage => ({
  hostCaching: sent.hostCaching ?? byDefault,
  ...(sent.source ? { source: withoutSignature(sent.source) } : {}),
})

/** Who may read a version may not read whatever the signature of its source's uri opens. */
const withoutSignature = (source: DiskSource): DiskSource =>
  source.uri === undefined ? source : { ...source, uri: withoutQuery(source.uri) }

/**
 * Nothing of a version's disks can be changed. az sends them back without their sources, other clients as they got them: what is
 * absent is unchanged, and what is there must be the same.
 */
export const unchangedStorageProfile = (stored: Stored, sent: Sent = {}): Stored => {
  requireSameSource(stored.osDiskImage.source, sent.osDiskImage?.source, `${path}.osDiskImage.source`)
  const data = sent.dataDiskImages ?? []
  requireLuns(data.map(({ lun }) => lun))
  for (const { lun, hostCaching, source } of data) {
    const known = stored.dataDiskImages?.find(disk => disk.lun === lun)
    if (!known) throw versionError.newDataDisk()
    if (hostCaching !== undefined && hostCaching !== known.hostCaching)
      throw armError.propertyChangeNotAllowed(`${path}.dataDiskImages.hostCaching`)
    requireSameSource(known.source, source, `${path}.dataDiskImages.source`)
  }
  return stored
}

const requireSameSource = (known: DiskSource = {}, sent: DiskSource = {}, at: string) => {
  for (const member of ['id', 'storageAccountId'] as const)
    if (sent[member] && sent[member].toLowerCase() !== known[member]?.toLowerCase())
      throw armError.propertyChangeNotAllowed(`${at}.${member}`)
  if (sent.uri && withoutQuery(sent.uri) !== known.uri) throw armError.propertyChangeNotAllowed(`${at}.uri`)
}

/** The sources of a version whose bytes could not be had, to be tried again: with the signatures that this request brings. */
export const sourcesAgain = (stored: Stored, sent: Sent = {}): Sent => ({
  ...stored,
  osDiskImage: { ...stored.osDiskImage, ...again(stored.osDiskImage.source, sent.osDiskImage?.source) },
  dataDiskImages: (stored.dataDiskImages ?? []).map(image => ({
    ...image,
    ...again(image.source, sent.dataDiskImages?.find(({ lun }) => lun === image.lun)?.source),
  })),
})

/** The profile of a version that is tried again: a source that is taken as a whole may have other data disks by now. */
export const storageProfileAgain = (profile: Sent, disks: readonly SourceDisk[]): Stored => {
  const dataDiskImages = profile.dataDiskImages?.filter(({ lun }) => disks.some(({ slot }) => slot === lun)) ?? []
  return newStorageProfile({ ...profile, dataDiskImages }, undefined, disks)
}

const again = (stored: DiskSource | undefined, sent: DiskSource = {}) =>
  stored ? { source: { ...stored, ...(sent.uri ? { uri: sent.uri } : {}) } } : {}

/** Shows the sizes that the disks turned out to have. */
export const withSizes = (stored: Stored, { os, data }: StoredDisks): Stored => ({
  ...stored,
  osDiskImage: { ...(os ? { sizeInGB: sizeInGB(os.sizeBytes) } : {}), ...stored.osDiskImage },
  ...(stored.dataDiskImages
    ? {
        dataDiskImages: stored.dataDiskImages.map(image => {
          const disk = data.find(({ lun }) => lun === image.lun)
          return { ...image, ...(disk ? { sizeInGB: sizeInGB(disk.sizeBytes) } : {}) }
        }),
      }
    : {}),
})
