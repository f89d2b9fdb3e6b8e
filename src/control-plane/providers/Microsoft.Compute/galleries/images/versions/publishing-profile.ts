import type { Arm, Change } from '#arm/resource-type.ts'
import { isSince } from '../../api-versions.ts'
import { requireReplicas, settleRegions } from './target-regions.ts'
import { versionError } from './version-errors.ts'
import { type VersionProperties, versionProperties } from './version-properties.ts'
import type { SentProperties, StorageAccountType } from './version-schema.ts'

type Sent = NonNullable<SentProperties['publishingProfile']>
type Publishing = VersionProperties['publishingProfile']

/** The publishing profile as it is to be stored: regions, replicas and dates complete, defaults as of the request's api-version. */
export const settlePublishing = (sent: Sent, { wanted, existing, request }: Change, arm: Arm): Publishing => {
  const former = existing && versionProperties(existing).publishingProfile
  requireFuture(sent.endOfLifeDate, former?.endOfLifeDate, arm.clock.now())
  const storage = settleStorage(sent, request.apiVersion)
  const replicaCount = requireReplicas(sent.replicaCount ?? 1, 'replicaCount')
  const replicationMode = sent.replicationMode ?? 'Full'
  // Azure reads an empty list in an update as «as before».
  const asked = sent.targetRegions ?? []
  const targetRegions = settleRegions(
    asked.length === 0 ? (former?.targetRegions ?? []) : asked,
    {
      location: wanted.location ?? '',
      replicaCount,
      storageAccountType: typeOf(storage),
      isShallow: replicationMode === 'Shallow',
      existing: former?.targetRegions ?? [],
    },
    arm,
  )
  return {
    targetRegions,
    replicaCount,
    excludeFromLatest: sent.excludeFromLatest ?? false,
    publishedDate: former?.publishedDate ?? arm.clock.now().toISOString(),
    ...(sent.endOfLifeDate === undefined ? {} : { endOfLifeDate: sent.endOfLifeDate }),
    ...storage,
    replicationMode,
  }
}

/** A date that was set in its time may stay when it has passed: clients send back what they got. */
const requireFuture = (wanted: string | undefined, existing: string | undefined, now: Date) => {
  if (wanted !== undefined && wanted !== existing && Date.parse(wanted) <= now.getTime())
    throw versionError.endOfLifePast()
}

type Storage = Pick<Publishing, 'storageAccountType' | 'storageAccountStrategy'>

// Zone-redundant storage is what Azure prefers since api-version 2025-03-03.
const settleStorage = ({ storageAccountType, storageAccountStrategy }: Sent, apiVersion: string): Storage => {
  if (storageAccountType !== undefined && storageAccountStrategy !== undefined) throw versionError.typeAndStrategy()
  if (storageAccountType !== undefined) return { storageAccountType }
  if (storageAccountStrategy !== undefined) return { storageAccountStrategy }
  return isSince(apiVersion, '2025-03-03')
    ? { storageAccountStrategy: 'PreferStandard_ZRS' }
    : { storageAccountType: 'Standard_LRS' }
}

const typeOf = ({ storageAccountType, storageAccountStrategy }: Storage): StorageAccountType =>
  storageAccountType ?? (storageAccountStrategy === 'PreferStandard_ZRS' ? 'Standard_ZRS' : 'Standard_LRS')
