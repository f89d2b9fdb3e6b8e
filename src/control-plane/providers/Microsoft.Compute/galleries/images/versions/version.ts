import { Type } from 'typebox'
import type { Arm, ResourceType, View } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import { galleryApiVersions, isSince } from '../../api-versions.ts'
import type { SourceParts } from './find-sources.ts'
import { planVersion } from './plan-version.ts'
import { replicationStatus } from './region-states.ts'
import { planRetract } from './retract.ts'
import { requireVersionName, versionSortKey } from './version-number.ts'
import { imageVersionType, versionProperties } from './version-properties.ts'
import { versionProperties as schema } from './version-schema.ts'

/**
 * A version of an image: the bytes of its disks, in the regions where machines are to be made of it.
 *
 *   PUT --> Creating --+--> Succeeded --PUT, PATCH--> Updating --+--> Succeeded
 *                      +--> Failed -----PUT, PATCH-------^       +--> Failed
 *   DELETE --> Deleting --> gone, or in the recycle bin --PUT with restore--> Creating
 */
export const imageVersion = (parts: SourceParts): ResourceType => ({
  type: imageVersionType,
  apiVersions: galleryApiVersions,
  tracked: true,
  schema: Type.Object({ properties: Type.Optional(schema) }),
  bodyName: 'galleryImageVersion',
  checkName: requireVersionName,
  sortKey: versionSortKey,
  plan: (change, arm) => planVersion(change, arm, parts),
  planDelete: planRetract,
  present,
  expands: ['replicationstatus', 'uefisettings'],
  operationsType: 'Microsoft.Compute/locations/capsOperations',
})

async function present(document: ResourceDocument, { request, expand }: View, arm: Arm) {
  const properties: JsonObject = {
    ...document.properties,
    ...(expand.has('replicationstatus') ? { replicationStatus: replicationStatus(document, arm) } : {}),
  }
  return { properties: isSince(request.apiVersion, '2019-07-01') ? properties : oldest(document, properties) }
}

/** The first two api-versions have the source elsewhere, and their clients demand it. */
const oldest = (document: ResourceDocument, properties: JsonObject): JsonObject => {
  const { publishingProfile, storageProfile } = versionProperties(document)
  const id = storageProfile.source?.id
  if (id === undefined) return properties
  return { ...properties, publishingProfile: { ...publishingProfile, source: { managedImage: { id } } } as never }
}
