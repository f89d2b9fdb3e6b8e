import { armError } from '#arm/arm-error.ts'
import { sourceKind } from '../../../source-bytes.ts'
import { versionError } from './version-errors.ts'
import type { DiskSource, SentProperties } from './version-schema.ts'

type StorageProfile = NonNullable<SentProperties['storageProfile']>

/** Where the bytes of one disk come from. */
export type DiskSourceForm =
  | { readonly kind: 'resource'; readonly id: string }
  /** A VHD. The account is missing only where the uri leads to somebody else's server. */
  | { readonly kind: 'vhd'; readonly uri: string; readonly account: string | undefined; readonly path: string }

/** What a new version is made of. */
export type SourceForm =
  | { readonly kind: 'whole'; readonly id: string }
  /** A version of a community gallery, by the name that everybody knows it by. */
  | { readonly kind: 'community'; readonly communityGalleryImageId: string }
  | {
      readonly kind: 'disks'
      readonly os: DiskSourceForm
      readonly data: readonly { readonly lun: number; readonly origin: DiskSourceForm }[]
    }

/** Reads a new version's sources in every form that any api-version has had. Throws on none, two kinds, or a wrong kind. */
export const readSourceForm = (profile: StorageProfile, managedImage: string | undefined): SourceForm => {
  const { source = {}, osDiskImage, dataDiskImages = [] } = profile
  const { virtualMachineId: machine, communityGalleryImageId } = source
  const wholes = [source.id, machine, managedImage].filter(id => id !== undefined)
  const [whole] = wholes
  const disks = [
    ...(osDiskImage?.source ? ['storageProfile.osDiskImage.source'] : []),
    ...dataDiskImages.flatMap(({ lun, source: one }) =>
      one ? [`storageProfile.dataDiskImages[lun ${lun}].source`] : [],
    ),
  ]
  requireLuns(dataDiskImages.map(({ lun }) => lun))
  if (communityGalleryImageId !== undefined) {
    const others = [...(whole === undefined ? [] : ['storageProfile.source.id']), ...disks]
    if (others.length > 0) throw versionError.oneSource(['storageProfile.source.communityGalleryImageId', ...others])
    return { kind: 'community', communityGalleryImageId }
  }
  if (whole !== undefined) {
    if (wholes.some(id => id.toLowerCase() !== whole.toLowerCase())) throw versionError.oneSource(wholes)
    if (disks.length > 0) throw versionError.oneSource(['storageProfile.source.id', ...disks])
    if (machine !== undefined && sourceKind(machine) !== 'machine') throw versionError.sourceKind(machine)
    requireWholeKind(whole)
    return { kind: 'whole', id: whole }
  }
  if (!osDiskImage?.source || disks.length !== dataDiskImages.length + 1) throw versionError.oneSource(disks)
  return requireDistinct({
    kind: 'disks',
    os: originOf(osDiskImage.source, 'galleryImageVersion.properties.storageProfile.osDiskImage.source'),
    data: dataDiskImages.map(({ lun, source: one }, index) => ({
      lun,
      origin: originOf(one ?? {}, `galleryImageVersion.properties.storageProfile.dataDiskImages[${index}].source`),
    })),
  })
}

export const requireLuns = (luns: readonly number[]): void => {
  if (new Set(luns).size < luns.length) throw versionError.duplicateLuns()
}

// Azure wants a machine's id in `id` up to 2022 and in `virtualMachineId` since 2023-07-03, and has broken its clients with that: here
// either is good at any time.
const requireWholeKind = (id: string): void => {
  const kind = sourceKind(id)
  if (kind !== 'image' && kind !== 'version' && kind !== 'machine') throw versionError.sourceKind(id)
}

/** `id` is a disk or snapshot; beside `uri` it is the storage account, as the api-versions before 2022-03-03 (and az 2.45) write it. */
const originOf = ({ id, uri, storageAccountId }: DiskSource, path: string): DiskSourceForm => {
  if (uri !== undefined) {
    if (id !== undefined && storageAccountId !== undefined)
      throw versionError.oneSource([`${path}.id`, `${path}.storageAccountId`])
    return { kind: 'vhd', uri, account: storageAccountId ?? id, path }
  }
  if (storageAccountId !== undefined) throw armError.missingProperty(`${path}.uri`)
  if (id === undefined) throw versionError.oneSource([])
  const kind = sourceKind(id)
  if (kind !== 'disk' && kind !== 'snapshot') throw versionError.diskSourceKind(id)
  return { kind: 'resource', id }
}

const requireDistinct = (form: Extract<SourceForm, { kind: 'disks' }>): SourceForm => {
  const data = form.data.map(({ origin }) => nameOf(origin))
  if (form.os.kind === 'vhd' && data.includes(nameOf(form.os))) throw versionError.sameBlob(form.os.uri)
  const all = [nameOf(form.os), ...data]
  if (new Set(all).size < all.length) throw versionError.duplicateSources()
  return form
}

const nameOf = (origin: DiskSourceForm) =>
  origin.kind === 'vhd' ? (origin.uri.split('?')[0] ?? '') : origin.id.toLowerCase()
