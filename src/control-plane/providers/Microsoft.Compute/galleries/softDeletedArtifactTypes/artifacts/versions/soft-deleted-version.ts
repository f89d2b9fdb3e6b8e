import { armError } from '#arm/arm-error.ts'
import type { ResourceId } from '#arm/resource-id.ts'
import type { Arm, ResourceType } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions } from '../../../api-versions.ts'
import type { GalleryProperties } from '../../../gallery-document.ts'
import { factsOf, type SourceFacts } from '../../../images/versions/match-definition.ts'
import { versionSortKey } from '../../../images/versions/version-number.ts'

export const softDeletedVersionType = 'Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions'

const DAY_MS = 24 * 3600 * 1000
const ARTIFACTS = 'Images'

/** What a soft-deleted version shows of itself. */
interface SoftDeletedProperties {
  readonly resourceArmId: string
  readonly softDeletedArtifactType: typeof ARTIFACTS
  readonly softDeletedTime: string
  /** Until then it counts as retained, from then on as deleted, though it can be restored. */
  readonly consumptionEndTime: string
  /** From then on its bytes are given up. */
  readonly hardDeletionTargetTime: string
}

export const softDeletedProperties = (document: ResourceDocument): SoftDeletedProperties =>
  document.properties as unknown as SoftDeletedProperties

/** The version as it was when it was deleted; its holds on bytes are kept under its own key and uid. */
export const deletedVersion = (document: ResourceDocument): ResourceDocument =>
  (document.hidden as unknown as { version: ResourceDocument }).version

/** Whether the definition is the one that it was deleted from, and not a later one of the same name. */
export const isFrom = (document: ResourceDocument, definition: ResourceDocument | undefined): boolean =>
  document.hidden.definition === definition?.uid

/** What the definition that it was deleted from said of it. */
export const deletedFacts = (document: ResourceDocument): SourceFacts => ({
  id: deletedVersion(document).id,
  ...(document.hidden.facts as Partial<SourceFacts> | undefined),
})

/** `.../galleries/g/images/i/versions/v` in the recycle bin of its gallery. */
const binOf = (version: string): { artifact: string; id: string } => {
  const parts = /^(.*\/galleries\/[^/]+)\/images\/([^/]+)\/versions\/([^/]+)$/i.exec(version)
  const artifact = `${parts?.[1]}/softDeletedArtifactTypes/${ARTIFACTS}/artifacts/${parts?.[2]}`
  return { artifact, id: `${artifact}/versions/${parts?.[3]}` }
}

/**
 * The document that keeps a deleted version until it is restored or retired. It lies in no group and no gallery, so that nothing
 * but its own name in its own definition is blocked by it.
 */
export const softDelete = (
  version: ResourceDocument,
  definition: ResourceDocument | undefined,
  policy: GalleryProperties['softDeletePolicy'],
  now: Date,
): { document: ResourceDocument; sortKey: string } => {
  const { artifact, id } = binOf(version.id)
  const after = (days: number) => new Date(now.getTime() + days * DAY_MS).toISOString()
  const { retentionPeriodInDays = 7, gracePeriodInDays = 0 } = policy ?? {}
  const properties: SoftDeletedProperties = {
    resourceArmId: version.id,
    softDeletedArtifactType: ARTIFACTS,
    softDeletedTime: now.toISOString(),
    consumptionEndTime: after(retentionPeriodInDays),
    hardDeletionTargetTime: after(retentionPeriodInDays + gracePeriodInDays),
  }
  const { subscriptionId, groupKey, ...kept } = version
  const document: ResourceDocument = {
    ...kept,
    id,
    key: id.toLowerCase(),
    type: softDeletedVersionType,
    parentKey: artifact.toLowerCase(),
    properties: { ...properties },
    hidden: {
      version: version as unknown as JsonObject,
      ...(definition
        ? { definition: definition.uid, facts: { ...factsOf(version.id, definition) } as JsonObject }
        : {}),
    },
    version: 1,
  }
  return { document, sortKey: versionSortKey(version.name) }
}

/** The soft-deleted version of that id, unless its time is over. */
export const findSoftDeleted = async (
  version: ResourceId,
  { resources, clock }: Pick<Arm, 'resources' | 'clock'>,
): Promise<ResourceDocument | undefined> => {
  const document = await resources.find(binOf(version.toString()).id.toLowerCase())
  return document && !isRetirable(document, clock.now()) ? document : undefined
}

export const isRetirable = (document: ResourceDocument, now: Date): boolean =>
  Date.parse(softDeletedProperties(document).hardDeletionTargetTime) <= now.getTime()

/** The recycle bin of an image definition. */
export const softDeletedVersion: ResourceType = {
  type: softDeletedVersionType,
  apiVersions: galleryApiVersions.filter(version => version >= '2024-03-03'),
  tracked: true,
  computed: { list },
}

async function list(artifact: ResourceId, _request: unknown, arm: Arm): Promise<readonly JsonObject[]> {
  const [, kind = '', image = ''] = artifact.names
  const gallery = artifact.parent.parent
  if (!(await arm.resources.find(gallery.key))) throw armError.parentResourceNotFound(gallery.name)
  if (kind.toLowerCase() !== ARTIFACTS.toLowerCase())
    throw armError.invalidValue('artifactType', kind.slice(0, 100), `Allowed values are: ${ARTIFACTS}.`)
  return (await kept(gallery.key, image, arm)).map(show)
}

/** What the bin has of an image, in the order of its versions. */
const kept = async (galleryKey: string, image: string, arm: Arm): Promise<readonly ResourceDocument[]> => {
  const parentKey = `${galleryKey}/softdeletedartifacttypes/images/artifacts/${image.toLowerCase()}`
  const documents = await listAll(arm.resources, { type: softDeletedVersionType, parentKey })
  const now = arm.clock.now()
  const found = await Promise.all(
    documents.map(async document => ((await isGone(document, now, arm)) ? [] : [document])),
  )
  return found.flat()
}

/**
 * What was deleted of a definition and can still be used by who names it, as in Azure: until its retention ends, and never as the
 * latest.
 */
export const consumableVersions = async (
  definition: ResourceDocument,
  arm: Arm,
): Promise<readonly ResourceDocument[]> => {
  const now = arm.clock.now().getTime()
  return (await kept(definition.parentKey, definition.name, arm)).filter(
    document => isFrom(document, definition) && Date.parse(softDeletedProperties(document).consumptionEndTime) > now,
  )
}

// A restore that is under way, or that failed, has the version back at its own place.
const isGone = async (document: ResourceDocument, now: Date, { resources }: Arm): Promise<boolean> =>
  isRetirable(document, now) || (await resources.find(deletedVersion(document).key)) !== undefined

const show = ({ id, name, type, location, tags, properties }: ResourceDocument): JsonObject => ({
  id,
  name,
  type,
  location,
  ...(tags ? { tags } : {}),
  properties,
})
