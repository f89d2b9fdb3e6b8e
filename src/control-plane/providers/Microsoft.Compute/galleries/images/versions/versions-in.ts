import type { Arm, Location } from '#arm/resource-type.ts'
import { listAll } from '#resources/list-all.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import {
  consumableVersions,
  deletedVersion,
  softDeletedProperties,
} from '../../softDeletedArtifactTypes/artifacts/versions/soft-deleted-version.ts'
import { isAvailableIn } from './region-states.ts'
import { compareVersions, parseVersion, type VersionNumber } from './version-number.ts'
import { imageVersionType } from './version-properties.ts'

/** A version that can be used, where a region has every byte of it. */
export interface AvailableVersion {
  readonly version: ResourceDocument
  /** Until when one that was deleted can still be used by who names it; absent for one that was not. */
  readonly consumptionEndTime?: string
}

/** The versions of a definition that can be used in a region, by number; those in the recycle bin too, until their retention ends. */
export const versionsIn = async (
  definition: ResourceDocument,
  { name }: Pick<Location, 'name'>,
  arm: Arm,
): Promise<readonly AvailableVersion[]> =>
  (await usableVersions(definition, arm)).filter(({ version }) => isAvailableIn(version, name))

/** Those that can be used in the regions that have them. */
export const usableVersions = async (definition: ResourceDocument, arm: Arm): Promise<readonly AvailableVersion[]> => {
  const stored = await listAll(arm.resources, { type: imageVersionType, parentKey: definition.key })
  const active = stored.map(version => ({ version })).filter(({ version }) => version.provisioningState !== 'Deleting')
  const deleted = (await consumableVersions(definition, arm)).map(document => ({
    version: deletedVersion(document),
    consumptionEndTime: softDeletedProperties(document).consumptionEndTime,
  }))
  return [...active, ...deleted].toSorted((one, other) => compareVersions(numberOf(one), numberOf(other)))
}

const numberOf = ({ version }: AvailableVersion): VersionNumber => parseVersion(version.name) as VersionNumber
