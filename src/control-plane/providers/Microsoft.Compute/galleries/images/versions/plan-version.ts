import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { DocumentChanged } from '#resources/resources.ts'
import { disksOf } from '../../../stored-disk.ts'
import { isSince } from '../../api-versions.ts'
import { requireRoom } from '../../room.ts'
import { requireAtHome } from '../../sharing/require-shareable.ts'
import {
  deletedFacts,
  deletedVersion,
  findSoftDeleted,
  isFrom,
  softDeletedProperties,
} from '../../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { refuseEncryption } from './encryption.ts'
import { findSources, type SourceDisk, type SourceParts } from './find-sources.ts'
import { requireMatch } from './match-definition.ts'
import { PUBLISH, type PublishInput } from './publish.ts'
import { settlePublishing } from './publishing-profile.ts'
import { regionStates } from './region-states.ts'
import { readSourceForm } from './source-form.ts'
import { newStorageProfile, sourcesAgain, storageProfileAgain, unchangedStorageProfile } from './storage-profile.ts'
import { shortName } from './target-regions.ts'
import { versionError } from './version-errors.ts'
import {
  imageVersionType,
  sentProperties,
  type TargetRegion,
  type VersionProperties,
  versionProperties,
} from './version-properties.ts'
import type { SentProperties } from './version-schema.ts'

/** The rules of a PUT or PATCH of a version. */
export const planVersion = async (change: Change, arm: Arm, parts: SourceParts): Promise<Plan> => {
  const given = sentProperties((change.given.properties ?? {}) as JsonObject)
  refuseUnserved(given)
  if (change.existing) {
    if (given.restore === true) throw versionError.notSoftDeleted(change.existing.name)
    return planUpdate(change, given, change.existing, arm, parts)
  }
  const gallery = await arm.resources.find(change.parent?.parentKey ?? '')
  if (gallery) requireAtHome(change.wanted, gallery)
  const deleted = await findSoftDeleted(change.id, arm)
  if (!deleted && given.restore === true) throw versionError.notSoftDeleted(change.id.name)
  // az undeletes by a PUT without properties.
  const restores = given.restore ?? (given.storageProfile ?? given.publishingProfile) === undefined
  if (deleted && restores) return planRestore(change, given, deleted, arm)
  if (deleted && isFrom(deleted, change.parent))
    throw versionError.softDeleted(change.id.name, softDeletedProperties(deleted).hardDeletionTargetTime)
  return planCreate(change, given, arm, parts)
}

const refuseUnserved = ({ publishingProfile, securityProfile }: SentProperties) => {
  if ((publishingProfile?.targetExtendedLocations ?? []).length > 0)
    throw armError.notServed('publishingProfile.targetExtendedLocations (edge zones)')
  if (securityProfile?.uefiSettings) throw armError.notServed('securityProfile.uefiSettings')
}

const managedImageOf = (given: SentProperties) => given.publishingProfile?.source?.managedImage?.id

const publishWork = (input: PublishInput) => ({ kind: PUBLISH, input: input as unknown as JsonObject })

const planCreate = async (change: Change, given: SentProperties, arm: Arm, parts: SourceParts): Promise<Plan> => {
  const { wanted, request } = change
  const { subscriptionId = '', location = '' } = wanted
  await requireRoom(imageVersionType, subscriptionId, location, arm)
  const sent = sentProperties(wanted.properties)
  const storageProfile = sent.storageProfile ?? {}
  const managedImage = managedImageOf(given)
  const form = readSourceForm(storageProfile, managedImage)
  const publishingProfile = settlePublishing(sent.publishingProfile ?? {}, change, arm)
  const sources = await findSources(form, change, arm, parts)
  const luns = sources.disks.map(({ slot }) => slot).filter(slot => slot !== 'os')
  refuseEncryption(sent.publishingProfile?.targetRegions ?? [], luns, subscriptionId, false)
  for (const facts of sources.facts) requireMatch(facts, change.parent as ResourceDocument)
  const properties: VersionProperties = {
    publishingProfile,
    storageProfile: newStorageProfile(storageProfile, managedImage, sources.disks),
    safetyProfile: { ...settleSafety(sent.safetyProfile, request.apiVersion), reportedForPolicyViolation: false },
  }
  return {
    document: withProperties(wanted, properties),
    work: publishWork({ sources: sources.disks, publisher: request.caller }),
  }
}

const withProperties = (document: ResourceDocument, properties: VersionProperties): ResourceDocument => ({
  ...document,
  properties: properties as unknown as JsonObject,
})

// Since 2022-03-03 a version keeps its regions unless it is said to be free to lose them; older clients could always drop some.
const settleSafety = (
  sent: SentProperties['safetyProfile'] = {},
  apiVersion: string,
): Omit<VersionProperties['safetyProfile'], 'reportedForPolicyViolation'> => ({
  allowDeletionOfReplicatedLocations: sent.allowDeletionOfReplicatedLocations ?? !isSince(apiVersion, '2022-03-03'),
  blockDeletionBeforeEndOfLife: sent.blockDeletionBeforeEndOfLife ?? false,
})

const planUpdate = async (
  change: Change,
  given: SentProperties,
  existing: ResourceDocument,
  arm: Arm,
  parts: SourceParts,
): Promise<Plan> => {
  const { wanted, request } = change
  const former = versionProperties(existing)
  const sent = sentProperties(wanted.properties)
  requireSameManagedImage(managedImageOf(given), former)
  refuseEncryption(given.publishingProfile?.targetRegions ?? [], [], wanted.subscriptionId ?? '', true)
  const properties: VersionProperties = {
    publishingProfile: settlePublishing(sent.publishingProfile ?? sentAs(former).publishingProfile ?? {}, change, arm),
    storageProfile: unchangedStorageProfile(former.storageProfile, given.storageProfile),
    safetyProfile: { ...former.safetyProfile, ...settleSafety(sent.safetyProfile, request.apiVersion) },
  }
  requireReplicatedRegions(existing, properties, arm)
  const document = withProperties(wanted, properties)
  if (existing.provisioningState === 'Succeeded' && sameReplicas(former, properties)) return { document }
  if (disksOf(existing)) return { document, work: publishWork({}) }
  const profile = sourcesAgain(former.storageProfile, given.storageProfile)
  const sources = await findAgain(profile, change, arm, parts)
  return {
    document: withProperties(wanted, { ...properties, storageProfile: storageProfileAgain(profile, sources) }),
    work: publishWork({ sources, publisher: request.caller }),
  }
}

const requireSameManagedImage = (id: string | undefined, { storageProfile }: VersionProperties) => {
  if (id !== undefined && id.toLowerCase() !== storageProfile.source?.id?.toLowerCase())
    throw armError.propertyChangeNotAllowed('galleryImageVersion.properties.publishingProfile.source.managedImage.id')
}

/**
 * A region that failed, or has not come to hold the version, may always be left out: that is how a failed version is mended. So may
 * one that is no longer there.
 */
const requireReplicatedRegions = (
  existing: ResourceDocument,
  { publishingProfile, safetyProfile }: VersionProperties,
  arm: Arm,
) => {
  if (safetyProfile.allowDeletionOfReplicatedLocations) return
  const kept = publishingProfile.targetRegions.map(({ name }) => name)
  const left = versionProperties(existing).publishingProfile.targetRegions.filter(({ name }) => !kept.includes(name))
  const isHeld = (region: TargetRegion) =>
    arm.findLocation(region.name) && regionStates(existing)[shortName(region, arm)]?.state === 'Completed'
  if (left.some(isHeld)) throw versionError.regionsIncomplete(existing.name)
}

const sameReplicas = (one: VersionProperties, other: VersionProperties): boolean =>
  replicasOf(one) === replicasOf(other)

const replicasOf = ({ publishingProfile }: VersionProperties) =>
  publishingProfile.targetRegions
    .map(({ name, regionalReplicaCount }) => `${name}=${regionalReplicaCount}`)
    .sort()
    .join()

/** The sources of a version whose first attempt failed before it had bytes of its own. */
const findAgain = async (
  profile: NonNullable<SentProperties['storageProfile']>,
  change: Change,
  arm: Arm,
  parts: SourceParts,
): Promise<readonly SourceDisk[]> => {
  const form = readSourceForm(profile, undefined)
  const { disks, facts } = await findSources(form, change, arm, parts)
  for (const one of facts) requireMatch(one, change.parent as ResourceDocument)
  return disks
}

/** What is stored reads like what was sent: members are only added. */
const sentAs = (stored: VersionProperties) => stored as unknown as SentProperties

/**
 * Gives a deleted version back as it was; its holds were never released, so the work finds every byte in its place. A definition that
 * was made anew takes it only if it promises the same.
 */
const planRestore = (
  { wanted, parent }: Change,
  given: SentProperties,
  deleted: ResourceDocument,
  { resources }: Arm,
): Plan => {
  const { restore, ...more } = given
  const [member] = Object.keys(more)
  if (member !== undefined) throw versionError.restoreAlone(member)
  const version = deletedVersion(deleted)
  if (wanted.location !== version.location)
    throw armError.invalidResourceLocation(
      version.name,
      version.location ?? '',
      version.groupKey?.split('/').at(-1) ?? '',
      wanted.location ?? '',
    )
  if (!isFrom(deleted, parent)) requireMatch(deletedFacts(deleted), parent as ResourceDocument)
  const tags = Object.keys(wanted.tags ?? {}).length > 0 ? wanted.tags : version.tags
  const { tags: _unused, ...rest } = wanted
  return {
    document: {
      ...rest,
      ...(tags ? { tags } : {}),
      uid: version.uid,
      properties: version.properties,
      hidden: version.hidden,
    },
    work: publishWork({ restores: deleted.key }),
    // It may have been reported meanwhile, or given up.
    async inCommit(transaction, saved) {
      const kept = await resources.find(deleted.key, transaction)
      if (kept?.version !== deleted.version) throw new DocumentChanged(deleted.key)
      return saved
    },
  }
}
