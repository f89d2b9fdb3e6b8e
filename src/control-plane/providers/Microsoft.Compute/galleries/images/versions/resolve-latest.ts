import type { Location } from '#arm/resource-type.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import { isAvailableIn } from './region-states.ts'
import { compareVersions, parseVersion, type VersionNumber } from './version-number.ts'
import { versionProperties } from './version-properties.ts'

/**
 * The version that «latest» means in a region: the highest by number of those that hold a complete replica there and are not
 * excluded. A region's own flag goes before the version's; an end of life that has passed does not count.
 */
export const resolveLatest = (
  versions: readonly ResourceDocument[],
  location: Location,
): ResourceDocument | undefined => {
  let latest: { version: ResourceDocument; number: VersionNumber } | undefined
  for (const version of versions) {
    const number = parseVersion(version.name)
    if (!number || version.provisioningState === 'Deleting') continue
    if (isExcludedIn(version, location) || !isAvailableIn(version, location.name)) continue
    if (!latest || compareVersions(number, latest.number) > 0) latest = { version, number }
  }
  return latest?.version
}

/** Whether a version is never the latest in a region. */
export const isExcludedIn = (version: ResourceDocument, { displayName }: Location): boolean => {
  const { targetRegions, excludeFromLatest } = versionProperties(version).publishingProfile
  return targetRegions.find(({ name }) => name === displayName)?.excludeFromLatest ?? excludeFromLatest
}
