import { type Catalog, ImageNotHere, NoSuchImage } from '#data-plane/catalog/catalog.ts'
import { FetchRefused } from '#data-plane/catalog/fetch-image.ts'
import { DownloadFailed } from '#data-plane/catalog/https-download.ts'
import { type ImageName, urnOf } from '#data-plane/catalog/image-name.ts'
import { ChunkCorrupt, type ManifestId, ManifestMissing, type Watch } from '#data-plane/chunks/chunk-store.ts'
import { decodeVhd } from '#data-plane/disks/decode-disk.ts'
import { vhdFooterBytes, vhdFooterOf } from '#data-plane/disks/fixed-vhd.ts'
import { HostileDisk, UnsupportedDisk } from '#data-plane/disks/hostile-disk.ts'
import { HostNotAllowed, openRemoteFile, RemoteFileFailed } from '#data-plane/disks/remote-file.ts'
import type { SparseBytes } from '#foundation/sparse-bytes.ts'
import type { FormerStatement } from '#provenance/statement.ts'
import type { Resources } from '#resources/resources.ts'
import type { ComputeParts } from './compute-parts.ts'
import { diskError } from './disks/disk-errors.ts'
import { requireVouched } from './galleries/images/versions/check-version.ts'
import { platformImageError } from './platform-image-errors.ts'
import type { StoredDisk } from './stored-disk.ts'
import { takeWrittenDisk } from './take-written-disk.ts'

/** Where the bytes of a new disk come from: decided when the request is answered, taken by the operation behind it. */
export type DiskOrigin =
  | { readonly from: 'nothing'; readonly sizeBytes: number }
  /** A disk, snapshot, image or version, as it was when the request came. */
  | {
      readonly from: 'stored'
      readonly manifest: ManifestId
      readonly sizeBytes: number
      readonly id: string
      /** Key of the image version that it is a disk of: it is asked once more whether it is what was signed. */
      readonly version?: string
      /** Said of the bytes where a bundle brought them from. */
      readonly former?: FormerStatement
    }
  /** A VHD in one of our own storage accounts, likewise. */
  | { readonly from: 'blob'; readonly manifest: ManifestId; readonly region: string; readonly uri: string }
  /** A platform image, of which the region has nothing until it is first used there. */
  | { readonly from: 'catalog'; readonly name: ImageName; readonly sizeBytes?: number }
  /** A disk that a machine may be writing to: as it is when the work comes to it. */
  | { readonly from: 'machine'; readonly key: string; readonly sizeBytes: number; readonly id: string }
  /** A VHD elsewhere; the URL may carry a signature, so it is never shown. */
  | { readonly from: 'url'; readonly url: string }

/** The part of a URL that may be shown. */
export const withoutQuery = (url: string): string => url.split(/[?#]/, 1)[0] ?? ''

/** What an origin is called in messages. */
export const originName = (origin: DiskOrigin): string => {
  if (origin.from === 'stored' || origin.from === 'machine') return origin.id
  if (origin.from === 'catalog') return urnOf(origin.name)
  if (origin.from === 'nothing') return 'an empty disk'
  return withoutQuery(origin.from === 'blob' ? origin.uri : origin.url)
}

/** What work on bytes needs, and the documents that may change meanwhile. */
export type TakeParts = Pick<
  ComputeParts,
  'regions' | 'catalog' | 'hosting' | 'allowedVhdHosts' | 'network' | 'signing'
> & {
  readonly resources: Pick<Resources, 'find'>
}

/** Where taken bytes go. */
export interface DiskPlace {
  readonly region: string
  readonly hold: string
  /** What the disk is called in messages. */
  readonly diskName: string
}

/** Makes the region hold an origin's bytes under a name. Repeatable. Throws `ArmError` for a source that turns out unfit. */
export const takeDisk = async (
  origin: DiskOrigin,
  place: DiskPlace,
  parts: TakeParts,
  watch: Watch,
): Promise<StoredDisk> => {
  try {
    return await take(origin, place, parts, watch)
  } catch (error) {
    if (error instanceof HostNotAllowed) throw diskError.hostNotAllowed(error.host)
    if (error instanceof RemoteFileFailed) throw diskError.fetchFailed(originName(origin), error.reason)
    // The source was deleted between the answer and the work, and its bytes were collected.
    if (error instanceof ManifestMissing) throw diskError.sourceNotFound(originName(origin))
    if (error instanceof ChunkCorrupt) throw diskError.sourceDamaged(originName(origin))
    if (error instanceof NoSuchImage) throw platformImageError.notFound(originName(origin))
    if (error instanceof ImageNotHere) throw platformImageError.notHere(originName(origin), error.command)
    throw error
  }
}

/** A disk with room behind its bytes, held under a name; nothing is copied. */
export const growDisk = async (
  disk: StoredDisk,
  sizeBytes: number,
  { region, hold }: Pick<DiskPlace, 'region' | 'hold'>,
  regions: ComputeParts['regions'],
): Promise<StoredDisk> => {
  const { manifest, sizeBytes: length } = disk
  const pieces = [
    { manifest, offset: 0, length },
    { hole: true, length: sizeBytes - length },
  ] as const
  return { manifest: (await regions.compose(region, pieces, hold)).manifest, sizeBytes }
}

const take = async (origin: DiskOrigin, place: DiskPlace, parts: TakeParts, watch: Watch): Promise<StoredDisk> => {
  const { regions, catalog, allowedVhdHosts: allowedHosts, network } = parts
  const { region, hold } = place
  switch (origin.from) {
    case 'nothing': {
      const { manifest } = await regions.compose(region, [{ hole: true, length: origin.sizeBytes }], hold)
      return { manifest, sizeBytes: origin.sizeBytes }
    }
    case 'stored':
      await requireVouchedFor(origin, parts)
      await regions.hold(region, origin.manifest, hold, 1, watch)
      return { manifest: origin.manifest, sizeBytes: origin.sizeBytes }
    case 'machine':
      return await takeWrittenDisk(origin.key, place, parts, watch)
    case 'catalog':
      return await takeImage(origin.name, place, catalog, watch)
    case 'blob':
      return await takeStoredVhd(origin, place, regions, watch)
    case 'url': {
      const file = await openRemoteFile(origin.url, { allowedHosts }, watch.signal, network)
      try {
        return await takeVhd(file, originName(origin), place, regions, watch)
      } finally {
        await file.close()
      }
    }
  }
}

/** A version that is gone meanwhile was as it should be when it was asked for: its bytes are named by what they are. */
const requireVouchedFor = async (
  { version, id }: Extract<DiskOrigin, { from: 'stored' }>,
  { resources, signing }: TakeParts,
): Promise<void> => {
  const document = version === undefined ? undefined : await resources.find(version)
  if (document) requireVouched(document, signing, id)
}

const takeImage = async (name: ImageName, { region, hold }: DiskPlace, catalog: Catalog, watch: Watch) => {
  try {
    return await catalog.take(name, region, hold, watch)
  } catch (error) {
    if (error instanceof HostileDisk || error instanceof UnsupportedDisk)
      throw platformImageError.unreadable(urnOf(name), error.reason)
    if (error instanceof FetchRefused || error instanceof DownloadFailed)
      throw platformImageError.unreadable(urnOf(name), error.message)
    throw error
  }
}

/** A VHD whose bytes a region has: a fixed one is the same chunks without the footer, nothing is read or copied. */
const takeStoredVhd = async (
  vhd: { readonly manifest: ManifestId; readonly region: string; readonly uri: string },
  place: DiskPlace,
  regions: ComputeParts['regions'],
  watch: Watch,
): Promise<StoredDisk> => {
  const source = withoutQuery(vhd.uri)
  const file = await regions.open(vhd.region, vhd.manifest)
  try {
    const { isFixed } = await requireVhd(file, source, place.diskName)
    if (!isFixed || vhd.region !== place.region) return await takeVhd(file, source, place, regions, watch)
    const sizeBytes = file.sizeBytes - vhdFooterBytes
    const { manifest } = await regions.slice(vhd.region, vhd.manifest, 0, sizeBytes, place.hold)
    return { manifest, sizeBytes }
  } finally {
    await file.close()
  }
}

const takeVhd = async (
  file: SparseBytes,
  source: string,
  place: DiskPlace,
  regions: ComputeParts['regions'],
  watch: Watch,
): Promise<StoredDisk> => {
  const { image } = await requireVhd(file, source, place.diskName)
  const { manifest } = await regions.ingest(place.region, image, place.hold, watch)
  return { manifest, sizeBytes: image.sizeBytes }
}

/** Reads a VHD's footer and header; throws Azure's refusals of what is no VHD, or one that Azure would not take. */
export const requireVhd = async (
  file: SparseBytes,
  source: string,
  diskName: string,
): Promise<{ readonly image: SparseBytes; readonly isFixed: boolean }> => {
  try {
    const footer = await vhdFooterOf(file)
    if (!footer) throw diskError.vhdWithoutCookie(diskName, source)
    if (footer.kind === 'differencing') throw diskError.vhdNotFixed(diskName, source)
    const heldBytes = file.sizeBytes - vhdFooterBytes
    if (footer.kind === 'fixed' && footer.imageSizeBytes !== heldBytes)
      throw diskError.vhdSizeMismatch(source, footer.imageSizeBytes, heldBytes)
    const { image, isWholeMebibytes } = await decodeVhd(file)
    if (!isWholeMebibytes) throw diskError.vhdNotWholeMB(source, image.sizeBytes)
    return { image, isFixed: footer.kind === 'fixed' }
  } catch (error) {
    if (error instanceof HostileDisk || error instanceof UnsupportedDisk)
      throw diskError.vhdUnreadable(source, error.reason)
    throw error
  }
}
