import type { BundleHead } from '#data-plane/bundles/bundle-head.ts'
import { isManifestId } from '#data-plane/bundles/bundle-head.ts'
import { refuseUnless } from '#data-plane/bundles/bundle-record.ts'
import { isPublicKey } from '#data-plane/bundles/signing.ts'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import { openEnvelope } from '#provenance/envelope.ts'
import { boundBy, type FormerStatement } from '#provenance/statement.ts'
import type { JsonObject } from '#resources/resource-document.ts'

/** A group, gallery, definition or version as it is to be made on the other side. `path` is `group/gallery/definition/1.0.0`. */
export interface BundledResource {
  readonly path: string
  readonly location: string
  readonly tags?: Readonly<Record<string, string>>
  readonly properties?: JsonObject
}

export interface BundledDisk {
  readonly slot: 'os' | number
  readonly manifest: ManifestId
  readonly sizeBytes: number
}

export interface BundledVersion extends BundledResource {
  readonly properties: JsonObject
  readonly disks: readonly BundledDisk[]
  /** What the installation that exports says of them; older ones say nothing. */
  readonly provenance?: FormerStatement
}

/** A version that somebody has: its bytes are named by what they are. */
export interface VersionRef {
  readonly path: string
  readonly manifests: readonly ManifestId[]
}

/** What was asked for; an interrupted export goes on only for the same. */
export interface ExportRequest {
  /** Paths of galleries, definitions and versions; none: all. */
  readonly only: readonly string[]
  /** The id of a receipt, or a date. */
  readonly since?: string
}

/** What ARM makes of a bundle; the `content` of its head. */
export interface BundleContent {
  readonly request: ExportRequest
  /** Parents before children. */
  readonly parents: readonly BundledResource[]
  readonly versions: readonly BundledVersion[]
  readonly base: readonly VersionRef[]
}

const MOST_RESOURCES = 50_000
const segment = /^(?=.*[\p{L}\p{N}])[-\w.()\p{L}\p{N}]{1,90}$/u

export const isPath = (value: unknown, least = 1): value is string => {
  if (typeof value !== 'string' || value.length > 400) return false
  const parts = value.split('/')
  return parts.length >= least && parts.length <= 4 && parts.every(part => segment.test(part))
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length <= MOST_RESOURCES

export const isVersionRef = (value: unknown): value is VersionRef =>
  isObject(value) &&
  isPath(value.path, 4) &&
  Array.isArray(value.manifests) &&
  value.manifests.length <= 65 &&
  value.manifests.every(isManifestId)

const isResource = (value: unknown): value is BundledResource =>
  isObject(value) &&
  isPath(value.path) &&
  typeof value.location === 'string' &&
  value.location.length <= 100 &&
  (value.tags === undefined || isObject(value.tags)) &&
  (value.properties === undefined || isObject(value.properties))

const isVersion = (value: unknown): value is BundledVersion =>
  isResource(value) &&
  isPath(value.path, 4) &&
  isObject(value.properties) &&
  isList((value as BundledVersion).disks) &&
  (value as BundledVersion).disks.length <= 65 &&
  (value as BundledVersion).disks.every(
    disk => isObject(disk) && (disk.slot === 'os' || (Number.isInteger(disk.slot) && Number(disk.slot) >= 0)),
  )

/** What is said of a version is signed by the key that the bundle names, and is about the disks that the bundle brings. */
const isVouched = ({ provenance, disks }: BundledVersion): boolean => {
  if (provenance === undefined) return true
  const { envelope, key } = (isObject(provenance) ? provenance : {}) as Partial<FormerStatement>
  if (!isObject(envelope) || !isObject(key) || !isPublicKey(key.publicKey) || typeof key.keyid !== 'string')
    return false
  const opened = openEnvelope(envelope as unknown as FormerStatement['envelope'], [
    key as unknown as FormerStatement['key'],
  ])
  const said = Object.values((opened && boundBy(opened.payload)?.disks) ?? {})
  return (
    said.toSorted().join() ===
    disks
      .map(disk => disk.manifest as string)
      .toSorted()
      .join()
  )
}

/** Reads the content of a head that its signature vouches for; every disk must be one of the head's images. Throws `BundleRefused`. */
export const readContent = (head: BundleHead): BundleContent => {
  const { content } = head
  refuseUnless(isObject(content) && isObject(content.request), 'its content is not an object')
  const { parents, versions, base } = content
  refuseUnless(isList(parents) && parents.every(isResource), 'a group, gallery or definition of it')
  refuseUnless(isList(versions) && versions.every(isVersion), 'a version of it')
  refuseUnless(versions.every(isVouched), 'what is said of the origin of a version')
  refuseUnless(isList(base) && base.every(isVersionRef), 'what it builds on')
  const images = new Map(head.images.map(image => [image.manifest, image.sizeBytes]))
  for (const { manifest, sizeBytes } of versions.flatMap(version => version.disks))
    refuseUnless(images.has(manifest) && images.get(manifest) === sizeBytes, 'a disk without its image')
  return content as unknown as BundleContent
}

const kinds = ['resourceGroups', 'providers/Microsoft.Compute/galleries', 'images', 'versions'] as const

/** The resource id of a path. */
export const idOfPath = (subscriptionId: string, path: string): string =>
  path.split('/').reduce((id, name, at) => `${id}/${kinds[at]}/${name}`, `/subscriptions/${subscriptionId}`)

/** The path of a group's, gallery's, definition's or version's id. */
export const pathOfId = (id: string): string => {
  const [, , , , group, , , , ...names] = id.split('/')
  return [group, ...names.filter((_, at) => at % 2 === 0)].join('/')
}
