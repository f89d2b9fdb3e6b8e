import { armError } from '#arm/arm-error.ts'
import { sizeInGB } from '../../../disk-size.ts'
import type { StoredDisks } from '../../../stored-disk.ts'
import type { SourceDisk } from './find-sources.ts'
import { requireLuns } from './source-form.ts'
import { versionError } from './version-errors.ts'
import type { DiskImage, VersionProperties } from './version-properties.ts'
import type { SentProperties } from './version-schema.ts'

type Sent = NonNullable<SentProperties['storageProfile']>
type Stored = VersionProperties['storageProfile']
type SentDataDisk = NonNullable<Sent['dataDiskImages']>[number]

const path = 'galleryImageVersion.properties.storageProfile.dataDiskImages'

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
  ...(sent.source ? { source: sent.source } : {}),
})

/**
 * Nothing of a version's disks can be changed. az sends them back without their sources, other clients as they got them: what is
 * absent is unchanged, and what is there must be the same.
 */
export const unchangedStorageProfile = (stored: Stored, sent: readonly SentDataDisk[] | undefined): Stored => {
  requireLuns((sent ?? []).map(({ lun }) => lun))
  for (const { lun, hostCaching, source } of sent ?? []) {
    const known = stored.dataDiskImages?.find(disk => disk.lun === lun)
    if (!known) throw versionError.newDataDisk()
    if (hostCaching !== undefined && hostCaching !== known.hostCaching)
      throw armError.propertyChangeNotAllowed(`${path}.hostCaching`)
    for (const member of ['id', 'uri', 'storageAccountId'] as const)
      if (source?.[member] !== undefined && source[member].toLowerCase() !== known.source?.[member]?.toLowerCase())
        throw armError.propertyChangeNotAllowed(`${path}.source.${member}`)
  }
  return stored
}

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
