import { armError } from '#arm/arm-error.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { isReported, violationsOf, withViolations } from '../images/versions/policy-violation.ts'
import { imageVersionType, type PolicyViolation } from '../images/versions/version-properties.ts'
import {
  deletedVersion,
  findSoftDeleted,
  softDeletedVersionType,
} from '../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { findCommunityGallery } from './find-gallery.ts'
import { parseGalleryImageId } from './gallery-image-id.ts'

/** A version that is reported, and what for. */
export interface Report {
  readonly id: string
  readonly violations: readonly PolicyViolation[]
}

/**
 * Holds something against a version that its community name or its resource id names: from now on nothing new is made of it, and
 * readers do not see it. What was made goes on. Of one category the last report counts.
 */
export const reportVersion = (text: string, violation: PolicyViolation, arm: Arm): Promise<Report> =>
  changeReports(text, arm, known => [...known.filter(({ category }) => category !== violation.category), violation])

/** Takes back all that was held against a version. */
export const withdrawReports = (text: string, arm: Arm): Promise<Report> => changeReports(text, arm, () => [])

/** Every version that is reported, whether it is there or was deleted softly. */
export const reports = async ({ resources }: Pick<Arm, 'resources'>): Promise<readonly Report[]> => {
  const stored = await listAll(resources, { type: imageVersionType })
  const deleted = await listAll(resources, { type: softDeletedVersionType })
  return [...stored, ...deleted.map(deletedVersion)].filter(isReported).map(reportOf)
}

const reportOf = (version: ResourceDocument): Report => ({ id: version.id, violations: violationsOf(version) })

type Known = readonly PolicyViolation[]

const changeReports = async (text: string, arm: Arm, change: (known: Known) => Known): Promise<Report> => {
  const id = await versionOf(text, arm)
  const changed = (version: ResourceDocument) => withViolations(version, change(violationsOf(version)))
  const etag = arm.random.uuid()
  const live = await arm.resources.change(id.key, version => ({ ...changed(version), etag }))
  if (live) return reportOf(live)
  const bin = await findSoftDeleted(id, arm)
  const kept = await arm.resources.change(bin?.key ?? '', document => {
    const version = changed(deletedVersion(document)) as unknown as JsonObject
    return { ...document, hidden: { ...document.hidden, version } }
  })
  if (!kept) throw missing(text)
  return reportOf(deletedVersion(kept))
}

const versionOf = async (text: string, arm: Arm): Promise<ResourceId> => {
  const named = parseGalleryImageId(text)
  if (!named) {
    const id = ResourceId.parse(text)
    if (id?.type.toLowerCase() === imageVersionType.toLowerCase()) return id
    throw armError.invalidQueryParameter('image', text.slice(0, 300))
  }
  const { shelf, gallery: publicName, image, version } = named
  if (shelf !== 'CommunityGalleries' || version === undefined)
    throw armError.invalidQueryParameter('image', text.slice(0, 300))
  const gallery = await findCommunityGallery(publicName, arm)
  if (!gallery) throw missing(text)
  return (ResourceId.parse(gallery.id) as ResourceId).child('images', image).child('versions', version)
}

const missing = (text: string) => armError.resourceNotFound(text.slice(0, 300), '<null>')
