import { ArmError } from '#arm/arm-error.ts'
import type { Arm, Caller } from '#arm/resource-type.ts'
import type { BundledImage } from '#data-plane/bundles/bundle-head.ts'
import type { ManifestId } from '#data-plane/chunks/chunk-store.ts'
import {
  checkVersion,
  provenanceOf,
  requireVouched,
  type SigningParts,
} from '#providers/Microsoft.Compute/galleries/images/versions/check-version.ts'
import { disksBySlot } from '#providers/Microsoft.Compute/galleries/images/versions/disk-slots.ts'
import { shortName } from '#providers/Microsoft.Compute/galleries/images/versions/target-regions.ts'
import { disksOf } from '#providers/Microsoft.Compute/stored-disk.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import {
  type BundleContent,
  type BundledResource,
  type BundledVersion,
  type ExportRequest,
  idOfPath,
  pathOfId,
  type VersionRef,
} from './bundle-content.ts'
import { bundleError } from './bundle-errors.ts'

/** Since when: what a receipt says that the site has, or all that was published up to a date. */
export type Since = { readonly receipt: string; readonly versions: readonly VersionRef[] } | { readonly date: Date }

export interface ExportOrder {
  readonly only: readonly string[]
  readonly since?: Since
}

/** On whose behalf the resources are read. */
interface Reader {
  readonly caller: Caller
  readonly signing: SigningParts
  readonly origin: string
  readonly subscriptionId: string
}

export interface ExportPlan {
  readonly content: BundleContent
  readonly images: readonly BundledImage[]
  readonly base: readonly ManifestId[]
}

/** What goes into a bundle: the versions chosen, but for those that the site has, and the resources that they lie in. */
export const planExport = async (order: ExportOrder, arm: Arm, reader: Reader): Promise<ExportPlan> => {
  const all = await succeededVersions(arm)
  const chosen = all.filter(version => isChosen(pathOf(version), order.only))
  for (const path of order.only)
    if (!all.some(version => isChosen(pathOf(version), [path]))) throw bundleError.nothingChosen(path)
  if (chosen.length === 0) throw bundleError.nothingChosen('any definition')
  const base = baseOf(chosen, order.since)
  const known = new Set(base.map(keyOfRef))
  const wanted = chosen.filter(version => !known.has(keyOfRef(refOf(version))))
  if (wanted.length === 0) throw bundleError.nothingNew()
  const versions = await Promise.all(wanted.map(version => bundledVersion(version, arm, reader)))
  const sizes = new Map(versions.flatMap(({ disks }) => disks.map(disk => [disk.manifest, disk.sizeBytes])))
  const content = { request: requestOf(order), parents: await parentsOf(versions, arm, reader), versions, base }
  return {
    content,
    images: [...sizes].map(([manifest, sizeBytes]) => ({ manifest, sizeBytes })),
    base: [...new Set(base.flatMap(({ manifests }) => manifests))],
  }
}

/** The request as a bundle keeps it. */
const requestOf = ({ only, since }: ExportOrder): ExportRequest => ({
  only,
  ...(since && { since: 'receipt' in since ? since.receipt : since.date.toISOString() }),
})

const succeededVersions = async (arm: Arm): Promise<ResourceDocument[]> => {
  const versions = await listAll(arm.resources, { type: 'Microsoft.Compute/galleries/images/versions' })
  return versions.filter(one => one.provisioningState === 'Succeeded' && disksOf(one))
}

const pathOf = (document: ResourceDocument): string => pathOfId(document.id)

/** Whether a path is one of those chosen, or lies in one. */
const isChosen = (path: string, only: readonly string[]): boolean =>
  only.length === 0 || only.some(one => `${path}/`.toLowerCase().startsWith(`${one}/`.toLowerCase()))

const disksIn = (version: ResourceDocument) => {
  const disks = disksOf(version)
  return disks ? disksBySlot(disks).map(({ slot, disk }) => ({ slot, ...disk })) : []
}

export const refOf = (version: ResourceDocument): VersionRef => ({
  path: pathOf(version),
  manifests: disksIn(version).map(disk => disk.manifest),
})

const keyOfRef = ({ path, manifests }: VersionRef): string => `${path.toLowerCase()} ${manifests.join()}`

const baseOf = (chosen: readonly ResourceDocument[], since: Since | undefined): readonly VersionRef[] => {
  if (!since) return []
  if ('receipt' in since) return since.versions
  return chosen.filter(version => Date.parse(version.systemData.createdAt) <= since.date.getTime()).map(refOf)
}

type Shown = { location: string; tags?: Record<string, string>; properties?: JsonObject }

/** The resource as its reader sees it: with the reader's rights, and without what nobody is shown. */
const read = async (path: string, arm: Arm, { subscriptionId, caller, origin }: Reader): Promise<BundledResource> => {
  const answer = await arm.send({ method: 'GET', path: idOfPath(subscriptionId, path), caller, origin })
  if (answer.status >= 400) throw asError(answer)
  const { location, tags, properties } = answer.body as unknown as Shown
  const { provisioningState: _state, ...rest } = properties ?? {}
  return { path, location, ...(tags && { tags }), ...(path.includes('/') && { properties: rest }) }
}

/** An answer of ARM that refuses, as the refusal that it was. */
export const asError = ({ status, body }: { status: number; body?: unknown }): ArmError => {
  const { code = 'InternalServerError', message = 'The request failed.' } =
    (body as { error?: { code?: string; message?: string } } | undefined)?.error ?? {}
  return new ArmError(Math.max(status, 400), code, message)
}

const parentsOf = async (
  versions: readonly BundledVersion[],
  arm: Arm,
  reader: Reader,
): Promise<readonly BundledResource[]> => {
  const paths = new Set<string>()
  for (const depth of [1, 2, 3]) for (const { path } of versions) paths.add(path.split('/').slice(0, depth).join('/'))
  return await Promise.all([...paths].map(path => read(path, arm, reader)))
}

interface Profile {
  readonly publishingProfile: JsonObject & { readonly targetRegions: readonly (JsonObject & { name: string })[] }
  readonly storageProfile: {
    readonly osDiskImage: { readonly hostCaching: string }
    readonly dataDiskImages?: readonly { readonly lun: number; readonly hostCaching: string }[]
  }
  readonly safetyProfile?: JsonObject
}

/** Regions go by their short names: the other side may not know how ours are displayed. Sources stay: only bytes travel. */
const bundledVersion = async (version: ResourceDocument, arm: Arm, reader: Reader): Promise<BundledVersion> => {
  requireVouched(version, reader.signing)
  const shown = await read(pathOf(version), arm, reader)
  const { publishingProfile, storageProfile, safetyProfile } = shown.properties as unknown as Profile
  const { publishedDate: _date, ...publishing } = publishingProfile
  const targetRegions = publishing.targetRegions.map(region => ({ ...region, name: shortName(region, arm) }))
  return {
    ...shown,
    properties: {
      publishingProfile: { ...publishing, targetRegions },
      storageProfile: {
        osDiskImage: { hostCaching: storageProfile.osDiskImage.hostCaching },
        dataDiskImages: (storageProfile.dataDiskImages ?? []).map(({ lun, hostCaching }) => ({ lun, hostCaching })),
      },
      ...(safetyProfile && { safetyProfile }),
    },
    disks: disksIn(version),
    ...said(version, reader.signing),
  }
}

/** What we say of the version, with the key that proves it on the other side. */
const said = (version: ResourceDocument, signing: SigningParts): Pick<BundledVersion, 'provenance'> => {
  const checked = checkVersion(version, signing)
  const key = 'keyid' in checked ? signing.imageKeys.all().find(({ keyid }) => keyid === checked.keyid) : undefined
  const envelope = provenanceOf(version)?.envelope
  return key && envelope ? { provenance: { envelope, key: { keyid: key.keyid, publicKey: key.publicKey } } } : {}
}
