import { armError } from '#arm/arm-error.ts'
import type { Arm } from '#arm/resource-type.ts'
import { versionError } from './version-errors.ts'
import type { TargetRegion } from './version-properties.ts'
import type { SentRegion, StorageAccountType } from './version-schema.ts'

const MAX_REPLICAS = 100

export interface RegionRules {
  /** Where the version is at home. */
  readonly location: string
  readonly replicaCount: number
  /** What a region gets that names no storage account type. */
  readonly storageAccountType: StorageAccountType
  readonly isShallow: boolean
  /** The regions of an existing version. */
  readonly existing: readonly TargetRegion[]
}

/**
 * The regions of a version in the order in which they were asked for, under their display names and with everything filled in
 * that was left out. Throws on what can't be.
 */
export const settleRegions = (
  sent: readonly SentRegion[],
  rules: RegionRules,
  arm: Pick<Arm, 'findLocation' | 'locations'>,
): readonly TargetRegion[] => {
  const home = homeOf(rules, arm)
  const wanted = sent.length === 0 ? [{ name: home }] : sent
  const regions = wanted.map(region => settleRegion(region, rules, arm))
  const names = regions.map(({ name }) => name)
  if (new Set(names).size < names.length) throw versionError.duplicateRegions()
  if (!names.includes(home)) throw versionError.locationNotAmongRegions(names, home)
  const replicas = regions.reduce((sum, { regionalReplicaCount }) => sum + regionalReplicaCount, 0)
  if (rules.isShallow && replicas > 1) throw versionError.shallowRegions(home)
  if (replicas > MAX_REPLICAS) throw versionError.tooManyReplicas(replicas)
  return regions
}

/** The display name of a version's location; of one that is no longer configured the name that the version has for it. */
const homeOf = ({ location, existing }: RegionRules, arm: Pick<Arm, 'findLocation'>): string =>
  arm.findLocation(location)?.displayName ??
  existing.find(region => shortName(region, arm) === location)?.name ??
  location

const settleRegion = (
  sent: SentRegion,
  { replicaCount, storageAccountType, existing }: RegionRules,
  arm: Pick<Arm, 'findLocation' | 'locations'>,
): TargetRegion => {
  const name = arm.findLocation(sent.name)?.displayName ?? sent.name
  const former = existing.find(region => region.name === name)
  // A version may stay in a region that is no longer configured.
  if (!former && !arm.findLocation(sent.name))
    throw armError.locationNotAvailable(
      sent.name,
      'Microsoft.Compute/galleries',
      arm.locations.map(({ name }) => name),
    )
  if ((sent.additionalReplicaSets ?? []).length > 0) throw armError.notServed('targetRegions.additionalReplicaSets')
  const type = sent.storageAccountType ?? storageAccountType
  if (former && former.storageAccountType !== type)
    throw versionError.storageTypeMismatch(name, former.storageAccountType)
  return {
    name,
    regionalReplicaCount: requireReplicas(
      sent.regionalReplicaCount ?? replicaCount,
      'targetRegions.regionalReplicaCount',
    ),
    storageAccountType: type,
    ...(sent.excludeFromLatest === undefined ? {} : { excludeFromLatest: sent.excludeFromLatest }),
  }
}

export const requireReplicas = (count: number, path: string): number => {
  if (count < 1 || count > MAX_REPLICAS) throw versionError.replicasOutOfRange(count, path)
  return count
}

/** Azure's short name of a stored region: how the data plane knows it. */
export const shortName = (region: Pick<TargetRegion, 'name'>, arm: Pick<Arm, 'findLocation'>): string =>
  arm.findLocation(region.name)?.name ?? region.name.toLowerCase().replaceAll(' ', '')
