import { armError } from '#arm/arm-error.ts'
import type { Arm, Change, Plan, Work } from '#arm/resource-type.ts'
import type { JsonObject, ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../compute-parts.ts'
import { withoutQuery } from '../disk-origin.ts'
import { bytesOfGB, isWholeMebibytes, sizeInGB } from '../disk-size.ts'
import { hiddenUse } from '../galleries/sharing/image-use.ts'
import { asInput, type DiskJob, requireFit } from '../settle-disk.ts'
import { diskOf } from '../stored-disk.ts'
import { requireAtRest } from './access-actions.ts'
import { checkCreationData } from './creation-data.ts'
import {
  accessOf,
  asHidden,
  type CreationData,
  type DiskProperties,
  diskStateOf,
  hiddenOf,
  nounOf,
  propertiesOf,
} from './disk-document.ts'
import { diskError } from './disk-errors.ts'
import { type Beginning, checkAgainstSource, findOrigin } from './find-origin.ts'
import { baselineTier } from './performance-tier.ts'
import { refuseUnservedDisk } from './refuse-unserved.ts'

const vhdFooterBytes = 512

/** The rules that disks and snapshots share. `served` are the values of createOption that the type takes. */
export const planDisk = async (
  change: Change,
  arm: Arm,
  parts: ComputeParts,
  served: readonly string[],
): Promise<Plan> => {
  const { existing } = change
  checkForm(change)
  const isMade = existing !== undefined && (diskOf(existing) ?? hiddenOf(existing).upload)
  const plan = isMade ? await resize(change, existing, arm) : await create(change, arm, parts, served)
  // Azure answers disks and snapshots with 202 or 200, never 201, and az takes no other.
  return { status: plan.work ? 202 : 200, ...plan }
}

/** The same for a disk that a machine makes for itself, of an origin that the machine's own rules have found. */
export const planMachineDisk = (change: Change, beginning: Beginning, arm: Arm): Plan => {
  checkForm(change)
  return begin(change, propertiesOf(change.wanted).creationData as CreationData, beginning, arm)
}

const checkForm = (change: Change): void => {
  const { wanted } = change
  refuseUnservedDisk({ ...wanted.envelope, properties: wanted.properties })
  checkSecurity(propertiesOf(wanted))
  checkTier(change)
}

const checkSecurity = ({ securityProfile, hyperVGeneration, osType }: DiskProperties): void => {
  if (securityProfile?.securityType && (hyperVGeneration !== 'V2' || !osType)) throw diskError.trustedLaunchNeedsV2()
}

/** A tier above that of the size is a promise of speed, which is not made here. */
const checkTier = ({ wanted, existing }: Change): void => {
  const { tier, diskSizeGB } = propertiesOf(wanted)
  if (tier === undefined || tier === (existing && propertiesOf(existing).tier)) return
  const baseline = baselineTier(skuName(wanted), diskSizeGB ?? 0)
  if (baseline === undefined) throw diskError.tierInvalid(tier, `Disks of type ${skuName(wanted)} have no tier.`)
  if (diskSizeGB === undefined || tier !== baseline)
    throw armError.notServed('A performance tier other than that of the disk size')
}

const skuName = (document: ResourceDocument): string =>
  (document.envelope.sku as { name?: string } | undefined)?.name ?? ''

const create = async (change: Change, arm: Arm, parts: ComputeParts, served: readonly string[]): Promise<Plan> => {
  const noun = nounOf(change.wanted)
  const data = propertiesOf(change.wanted).creationData
  if (!data) throw armError.missingProperty(`${noun}.properties.creationData`)
  checkCreationData(data, served)
  if (data.createOption === 'Upload') return planUpload(change, data, arm)
  return begin(change, data, await findOrigin(arm, parts, data, change), arm)
}

const begin = (
  change: Change,
  data: CreationData,
  { origin, inherited, sourceUniqueId, use }: Beginning,
  arm: Arm,
): Plan => {
  checkAgainstSource(propertiesOf(change.wanted), inherited)
  const { diskSizeGB } = propertiesOf(change.wanted)
  const sourceBytes = 'sizeBytes' in origin ? origin.sizeBytes : undefined
  const sizeBytes = sourceBytes === undefined ? undefined : requireFit(diskSizeGB, sourceBytes)
  const properties: JsonObject = {
    ...inherited,
    ...change.wanted.properties,
    creationData: {
      ...shownSource(data),
      ...(sourceUniqueId === undefined ? {} : { sourceUniqueId }),
    },
    ...birth(arm, change.existing),
  }
  return {
    document: withSize(
      { ...change.wanted, properties, hidden: { ...change.wanted.hidden, ...hiddenUse(use) } },
      sizeBytes,
    ),
    work: makeDisk({ slot: 'disk', origin, sizeGB: diskSizeGB }, arm),
  }
}

/** A source URI is kept without its query, which may carry a signature. */
const shownSource = (data: CreationData): JsonObject => ({
  ...(data as unknown as JsonObject),
  ...(data.sourceUri === undefined ? {} : { sourceUri: withoutQuery(data.sourceUri) }),
})

const withShownSource = (document: ResourceDocument): ResourceDocument => {
  const { creationData } = propertiesOf(document)
  if (!creationData) return document
  return { ...document, properties: { ...document.properties, creationData: shownSource(creationData) } }
}

const birth = (arm: Arm, existing: ResourceDocument | undefined): JsonObject => ({
  timeCreated: (existing && propertiesOf(existing).timeCreated) ?? arm.clock.now().toISOString(),
  uniqueId: (existing && propertiesOf(existing).uniqueId) ?? arm.random.uuid(),
})

/** An upload has no bytes yet and no work: it waits for its signed URL. */
const planUpload = ({ wanted, existing }: Change, data: CreationData, arm: Arm): Plan => {
  const { diskSizeGB } = propertiesOf(wanted)
  const isSnapshot = nounOf(wanted) === 'snapshot'
  // az creates snapshots for upload with a size in GB alone.
  const byGB = isSnapshot && diskSizeGB !== undefined ? bytesOfGB(diskSizeGB) + vhdFooterBytes : undefined
  const uploadSizeBytes = data.uploadSizeBytes ?? byGB
  if (uploadSizeBytes === undefined) throw diskError.optionRequires('uploadSizeBytes', 'Upload')
  const sizeBytes = uploadSizeBytes - vhdFooterBytes
  if (!isWholeMebibytes(sizeBytes)) throw diskError.uploadNotAligned(uploadSizeBytes)
  if (diskSizeGB !== undefined && bytesOfGB(diskSizeGB) !== sizeBytes && diskSizeGB !== sizeInGB(sizeBytes))
    throw diskError.sizeOfUpload(diskSizeGB, uploadSizeBytes)
  const properties: JsonObject = {
    ...wanted.properties,
    creationData: { ...(data as unknown as JsonObject), uploadSizeBytes },
    ...birth(arm, existing),
  }
  const hidden = asHidden({ upload: { draft: `upload-${wanted.uid}`, sizeBytes: uploadSizeBytes } })
  return { document: withSize({ ...wanted, properties, hidden: { ...wanted.hidden, ...hidden } }, sizeBytes) }
}

const resize = (change: Change, existing: ResourceDocument, arm: Arm): Plan => {
  const wanted = withShownSource(change.wanted)
  const before = propertiesOf(existing)
  const { diskSizeGB = before.diskSizeGB } = propertiesOf(wanted)
  const current = diskOf(existing)
  if (diskSizeGB === undefined || diskSizeGB === before.diskSizeGB)
    return { document: withSize(wanted, current?.sizeBytes ?? before.diskSizeBytes) }
  const now = arm.clock.now()
  if (!current) throw diskError.stillUploading(existing.name, diskStateOf(existing, now))
  const sizeBytes = bytesOfGB(diskSizeGB)
  if (sizeBytes < current.sizeBytes) throw diskError.shrinking(current.sizeBytes, sizeBytes)
  requireAtRest(existing)
  if (accessOf(existing, now)) throw diskError.activeAccess(nounOf(existing), existing.name)
  const origin = { from: 'stored', ...current, id: existing.id } as const
  return { document: withSize(wanted, undefined), work: makeDisk({ slot: 'disk', origin, sizeGB: diskSizeGB }, arm) }
}

const makeDisk = (job: Omit<DiskJob, 'pass'>, arm: Arm): Work => ({
  kind: 'make disk',
  input: asInput(job, arm.random.uuid()),
})

/** The document with what follows from its size and its sku. */
const withSize = (document: ResourceDocument, sizeBytes: number | undefined): ResourceDocument => {
  const { tier: _, ...rest } = document.properties
  const name = skuName(document)
  const size = sizeBytes === undefined ? {} : sizeProperties(name, sizeBytes, nounOf(document))
  return {
    ...document,
    envelope: { ...document.envelope, sku: { name, tier: name.startsWith('Premium') ? 'Premium' : 'Standard' } },
    properties: { ...rest, ...size },
  }
}

const sizeProperties = (sku: string, sizeBytes: number, noun: 'disk' | 'snapshot'): JsonObject => {
  const diskSizeGB = sizeInGB(sizeBytes)
  const tier = noun === 'disk' ? baselineTier(sku, diskSizeGB) : undefined
  return { diskSizeGB, diskSizeBytes: sizeBytes, ...(tier === undefined ? {} : { tier }) }
}

/** What an operation that gave a disk its bytes tells of them. */
export const sizeOutcome = (document: ResourceDocument, sizeBytes: number): JsonObject => ({
  ...sizeProperties(skuName(document), sizeBytes, nounOf(document)),
  ...(propertiesOf(document).incremental ? { completionPercent: 100 } : {}),
})
