import { requireLinked } from '#arm/require-linked.ts'
import { ResourceId } from '#arm/resource-id.ts'
import type { Arm, Change } from '#arm/resource-type.ts'
import { isAllowedHost } from '#data-plane/disks/allowed-host.ts'
import type { ResourceDocument } from '#resources/resource-document.ts'
import type { ComputeParts } from '../../../compute-parts.ts'
import { type DiskOrigin, withoutQuery } from '../../../disk-origin.ts'
import { diskAsOrigin } from '../../../disks/find-origin.ts'
import { findVersion, type GalleryImageReference } from '../../../find-image-version.ts'
import { findSource, sourceKind } from '../../../source-bytes.ts'
import { diskOf, disksOf } from '../../../stored-disk.ts'
import { captureMachine } from '../../../virtualMachines/capture-machine.ts'
import { disksBySlot } from './disk-slots.ts'
import { factsOf, type SourceFacts } from './match-definition.ts'
import { isAvailableIn } from './region-states.ts'
import type { DiskSourceForm, SourceForm } from './source-form.ts'
import { versionError } from './version-errors.ts'
import { versionProperties } from './version-properties.ts'
import type { HostCaching } from './version-schema.ts'

/** One disk of a version to be, and where its bytes lie; kept with the operation that takes them. */
export interface SourceDisk {
  readonly slot: 'os' | number
  readonly origin: DiskOrigin
  readonly hostCaching?: HostCaching
}

export interface FoundSources {
  readonly disks: readonly SourceDisk[]
  /** What the sources say of themselves. */
  readonly facts: readonly SourceFacts[]
}

export type SourceParts = Pick<ComputeParts, 'blobs' | 'allowedVhdHosts' | 'bundledDisk'>

/** Looks the sources up with the caller's rights, in the region of the version; throws when one can't be used. */
export const findSources = async (
  form: SourceForm,
  change: Change,
  arm: Arm,
  parts: SourceParts,
): Promise<FoundSources> => {
  if (form.kind === 'whole') return findWhole(form.id, change, arm)
  if (form.kind === 'community') return findVersionSource(form, form.communityGalleryImageId, change, arm)
  const slots = [
    { slot: 'os' as const, origin: form.os },
    ...form.data.map(({ lun, origin }) => ({ slot: lun, origin })),
  ]
  const found = await Promise.all(slots.map(({ slot, origin }) => findDisk(slot, origin, change, arm, parts)))
  return { disks: found.map(({ disk }) => disk), facts: found.flatMap(({ facts }) => facts ?? []) }
}

const requireHere = (id: string, its: string | undefined, wanted: string | undefined) => {
  if (its !== wanted) throw versionError.sourceElsewhere(id)
}

const findWhole = async (id: string, change: Change, arm: Arm): Promise<FoundSources> => {
  if (sourceKind(id) === 'version') return findVersionSource({ id }, id, change, arm)
  const found = await findSource(arm, id, ['image', 'machine'], change)
  if (!found) throw versionError.sourceNotFound(id)
  const { kind, document } = found
  if (kind === 'machine') return findMachine(id, document, change, arm)
  requireHere(id, document.location, change.wanted.location)
  return takeWhole(id, document, readManagedImage(id, document))
}

/** Another version, of whatever gallery the caller may use. Its region must have it: it need not be at home there. */
const findVersionSource = async (
  reference: GalleryImageReference,
  id: string,
  change: Change,
  arm: Arm,
): Promise<FoundSources> => {
  const found = await findVersion(arm, reference, change)
  if (!found || found.version.key === change.id.key) throw versionError.sourceNotFound(id)
  const { version, name } = found
  if (!disksOf(version)) throw versionError.sourceNotReady(id, version.provisioningState)
  if (!isAvailableIn(version, change.wanted.location ?? '')) throw versionError.sourceElsewhere(id)
  return takeWhole(name, version, await readVersion(name, version, arm))
}

const takeWhole = (id: string, document: ResourceDocument, { facts, caching }: Whole): FoundSources => {
  const bytes = disksOf(document)
  if (!bytes?.os) throw versionError.sourceNotReady(id, document.provisioningState)
  const isVersion = sourceKind(document.id) === 'version'
  const disks = disksBySlot(bytes).map(({ slot, disk }): SourceDisk => {
    const hostCaching = caching(slot)
    return {
      slot,
      origin: { from: 'stored', ...disk, id, ...(isVersion ? { version: document.key } : {}) },
      ...(hostCaching === undefined ? {} : { hostCaching }),
    }
  })
  return { disks, facts: [facts] }
}

/** All disks of a machine, as they are when the work comes to them; one that runs on is captured as if its plug had been pulled. */
const findMachine = async (id: string, machine: ResourceDocument, change: Change, arm: Arm): Promise<FoundSources> => {
  requireHere(id, machine.location, change.wanted.location)
  const captured = await captureMachine(machine, arm)
  if (!captured) throw versionError.sourceNotReady(id, machine.provisioningState)
  const { osType, osState, generation } = captured
  return {
    disks: captured.disks.map(({ slot, origin, caching }) => ({
      slot,
      origin,
      ...(caching === undefined ? {} : { hostCaching: caching }),
    })),
    facts: [{ id, osType, osState, hyperVGeneration: generation }],
  }
}

interface Whole {
  readonly facts: SourceFacts
  caching(slot: 'os' | number): HostCaching | undefined
}

interface ManagedImage {
  readonly hyperVGeneration?: string
  readonly storageProfile?: {
    readonly osDisk?: { readonly osType?: string; readonly osState?: string; readonly caching?: HostCaching }
    readonly dataDisks?: readonly { readonly lun: number; readonly caching?: HostCaching }[]
  }
}

const readManagedImage = (id: string, document: ResourceDocument): Whole => {
  const { hyperVGeneration, storageProfile = {} } = document.properties as unknown as ManagedImage
  const { osDisk, dataDisks = [] } = storageProfile
  return {
    facts: { id, osType: osDisk?.osType, osState: osDisk?.osState, hyperVGeneration },
    caching: slot => (slot === 'os' ? osDisk?.caching : dataDisks.find(({ lun }) => lun === slot)?.caching),
  }
}

const readVersion = async (id: string, document: ResourceDocument, arm: Arm): Promise<Whole> => {
  const definition = await arm.resources.find(document.parentKey)
  if (!definition) throw versionError.sourceNotFound(id)
  const { osDiskImage, dataDiskImages = [] } = versionProperties(document).storageProfile
  return {
    facts: factsOf(id, definition),
    caching: slot =>
      slot === 'os' ? osDiskImage.hostCaching : dataDiskImages.find(({ lun }) => lun === slot)?.hostCaching,
  }
}

const findDisk = async (
  slot: 'os' | number,
  form: DiskSourceForm,
  change: Change,
  arm: Arm,
  parts: SourceParts,
): Promise<{ disk: SourceDisk; facts?: SourceFacts }> => {
  if (form.kind === 'vhd') return { disk: { slot, origin: await findVhd(form, change, arm, parts) } }
  const { id } = form
  const found = await findSource(arm, id, ['disk', 'snapshot'], change)
  if (!found) throw versionError.sourceNotFound(id)
  requireHere(id, found.document.location, change.wanted.location)
  if (!diskOf(found.document)) throw versionError.sourceNotReady(id, stateOf(found.document))
  const facts = { id, ...(slot === 'os' ? factsOfDisk(found.document) : {}) }
  return { disk: { slot, origin: diskAsOrigin(found.document, arm.clock.now()) }, facts }
}

const stateOf = (document: ResourceDocument) => {
  const { diskState } = document.properties
  return typeof diskState === 'string' && document.provisioningState === 'Succeeded'
    ? diskState
    : document.provisioningState
}

const factsOfDisk = (document: ResourceDocument): Omit<SourceFacts, 'id'> => {
  const { osType, hyperVGeneration, purchasePlan } = document.properties as Omit<SourceFacts, 'id'>
  return { osType, hyperVGeneration, purchasePlan }
}

type Vhd = Extract<DiskSourceForm, { kind: 'vhd' }>

const findVhd = async (vhd: Vhd, change: Change, arm: Arm, parts: SourceParts): Promise<DiskOrigin> => {
  const { uri, account, path } = vhd
  const bundled = parts.bundledDisk?.(uri)
  if (bundled) {
    requireHere(uri, bundled.region, change.wanted.location)
    const { manifest, sizeBytes, former } = bundled
    return { from: 'stored', manifest, sizeBytes, id: uri, ...(former ? { former } : {}) }
  }
  const url = URL.parse(uri)
  if (!url || !/^https?:$/.test(url.protocol)) throw versionError.uriInvalid(uri.slice(0, 500), `${path}.uri`)
  const own = parts.blobs.parse(uri)
  if (own) return findBlob(vhd, own.account, change, arm, parts)
  if (!isAllowedHost(url, parts.allowedVhdHosts)) throw versionError.hostNotAllowed(url.host)
  // Nobody here can say whether the account really holds the blob: fetching it will.
  if (account !== undefined) requireAccountId(account)
  return { from: 'url', url: uri }
}

const requireAccountId = (account: string): ResourceId => {
  const id = ResourceId.parse(account)
  if (id?.type.toLowerCase() !== 'microsoft.storage/storageaccounts') throw versionError.sourceNotFound(account)
  return id
}

const findBlob = async (
  { uri, account, path }: Vhd,
  name: string,
  change: Change,
  arm: Arm,
  { blobs }: SourceParts,
): Promise<DiskOrigin> => {
  if (account === undefined) throw versionError.storageAccountMissing(`${path}.storageAccountId`)
  const id = requireAccountId(account)
  if (id.name.toLowerCase() !== name.toLowerCase())
    throw versionError.storageAccountMismatch(account, withoutQuery(uri))
  await requireLinked(arm, change, 'Microsoft.Storage/storageAccounts/listKeys/action', id)
  if (!(await arm.resources.find(id.key))) throw versionError.sourceNotFound(account)
  const blob = await blobs.find(uri)
  if (!blob) throw versionError.sourceNotFound(withoutQuery(uri))
  if (blob.region !== change.wanted.location) throw versionError.sourceElsewhere(withoutQuery(uri))
  return { from: 'blob', manifest: blob.manifest, region: blob.region, uri: withoutQuery(uri) }
}
